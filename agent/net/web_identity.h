// Web identity: a token that somebody vouches for, in a file, for the keys of a role.
//
// The token goes to STS and nowhere else. The file is read anew each time: its writer renews it.
//
// Fails:   denied: no token, or STS refuses it; usage: an address or a region that is none;
//          transient.
// Limits:  a token of 64 KiB; 64 KiB of answer; 3 attempts.
// Threads: as HttpClient.
// Spec:    AWS STS API Reference, AssumeRoleWithWebIdentity.
#pragma once
#include <string>
#include <string_view>

#include "net/aws_config.h"
#include "net/credentials_answer.h"
#include "net/http_client.h"

namespace agent {

struct WebIdentity {
  std::string role_arn;
  std::string token_file;
  std::string session_name;  // empty: one is made
  std::string sts_url;
  std::string source;  // for messages
};

Credentials assume_web_identity(const WebIdentity& identity, HttpClient& http, Clock& clock);

// AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL, what `config` says; else AWS's own in AWS_REGION,
// AWS_DEFAULT_REGION or the profile's region, or the one of all regions. A token goes by http://
// only when the environment says so, or within this machine. Fails: usage.
std::string sts_url(const Environment& environment, const AwsConfig& config);

// AccessKeyId and its kin out of STS's XML; empty when it has not each of them once.
AnswerFields fields_of_sts(std::string_view xml);

}  // namespace agent
