// What is known of a job from one run to the next: a small file, replaced in one step.
//
// Threads: one writer a job; any number of readers, in other processes, too.
// Spec:    docs/operations.md "State".
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "schedule/calendar.h"

namespace agent {

struct JobState {
  UnixSeconds begin = 0;         // of the last run; 0: none yet
  UnixSeconds end = 0;           // 0: it is under way, or was killed
  UnixSeconds success = 0;       // end of the last that ended well
  int exit_code = 0;             // of the last
  int failures = 0;              // in a row
  std::uint64_t warnings = 0;    // of the last
  std::string snapshot;          // that the last made, or found nothing changed since
  std::string outcome;           // made, unchanged, failed, interrupted
  std::string message;           // its last error
  int percent = -1;              // of a run under way
  std::uint64_t bytes_sent = 0;  // of the last
  UnixSeconds put_off = 0;       // since then a run that is due waits; 0: none does
  std::string put_off_why;
};

// `folder`: that of the agent in the state.
std::string job_state_path(const std::string& folder, const std::string& job);

// Of a job that never ran, and of a file that is damaged: the beginning of all.
JobState read_job_state(const std::string& path);
// Fails: the system's kinds.
void write_job_state(const std::string& path, const JobState& state);

}  // namespace agent
