// doctor: whether a store does what a backup relies on, tried with one small object and one small
// upload, which go again.
//
// Threads: one caller.
// Spec:    docs/cli.md "doctor".
#pragma once
#include <chrono>
#include <functional>
#include <string>

#include "store/object_store.h"
#include "store/s3_store.h"

namespace agent {

struct Finding {
  enum class Result {
    good,
    note,  // works; worth knowing
    bad,   // a backup, or a restore, will fail by it, or somebody else can read it
  };
  std::string about;  // a word or two
  Result result = Result::good;
  std::string detail;
  std::string hint;
};

struct DoctorOptions {
  std::chrono::hours resume_window{};  // how long an interrupted backup may wait
  std::function<void(const Finding& finding)> tell;
  std::function<void()> check_stop;  // between two findings; may throw Error{canceled}
};

// `s3`: of the same store, or null. Fails: what keeps everything from being looked at, such as no
// such store, wrong credentials, no network; all else is a finding.
void examine(ObjectStore& store, S3Store* s3, const DoctorOptions& options);

}  // namespace agent
