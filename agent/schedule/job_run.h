// One run of a job: hooks, the backup, what may be forgotten, who wants to know.
//
//   ping start · pre · ragtape backup · ragtape forget · post or error · ping end or failure
//
// Threads: one caller; no other threads may be there.
// Spec:    docs/operations.md "A run".
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "net/clock.h"
#include "schedule/job.h"
#include "schedule/job_state.h"
#include "schedule/log.h"

namespace agent {

struct JobRunContext {
  Clock& clock;
  std::string program;               // this one
  std::vector<std::string> globals;  // in front of its verbs: --state, ...
  std::string folder;                // of the agent in the state
  Log log;
  std::function<bool()> should_stop;
  // Tells a URL; what it throws is logged and costs nothing else.
  std::function<void(const std::string& url, const std::string& text)> ping;
  // Not while the job's conditions are against it: then nothing is done, the state says since when,
  // and the exit code is 0.
  bool heeds_conditions = false;
};

// The exit code of the run: 0; 3 with warnings; that of the backup when it failed; 1 when a hook
// did or what may be forgotten could not be. Fails: the system's kinds for the state alone.
int run_job(const Job& job, const JobRunContext& context);

// Whether a run that ended so is worth another try by itself.
bool may_be_tried_again(int exit_code);

}  // namespace agent
