// What a user says about a store behind a network, and about the way to it.
//
// Spec:    docs/cli.md "S3"; flags over environment (RAGTAPE_*, AWS_*) over ~/.aws.
#pragma once
#include <string>
#include <vector>

#include "cli/verb.h"
#include "tape/offset.h"

namespace agent {

// As typed.
struct StoreWords {
  std::string endpoint;
  std::string region;
  std::string aws_profile;
  std::string path_style = "auto";
  std::string ca_bundle;
  std::string sse;
  std::string request_payer;
  std::string limit_download;
  std::string idle_timeout = "60s";
  std::string retry_for = "15m";
  // Of verbs that write.
  std::string storage_class;
  std::string acl;
  std::string object_lock;
  std::vector<std::string> tags;
  std::string limit_upload;

  void add_reading(const Verb& verb);
  void add_writing(const Verb& verb);
};

}  // namespace agent
