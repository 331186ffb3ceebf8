// The daemon: starts each job's runs when they are due, as processes of their own, and knows how
// they ended.
//
// Limits:  one run of a set at a time, `parallel` of all.
// Threads: one caller; no other threads may be there.
// Spec:    docs/operations.md "The agent".
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <sys/types.h>

#include "net/clock.h"
#include "schedule/job.h"
#include "schedule/job_state.h"

namespace agent {

struct DaemonOptions {
  std::string folder;  // of the agent in the state; it is there
  // The words of a process that runs a job and ends with its exit code; stdout and stderr are this
  // one's.
  std::function<std::vector<std::string>(const Job& job)> command;
  std::function<void(const std::string& line)> log;
  // 0, or the signal that asked to stop.
  std::function<int()> stop_signal;
  // Asked now and then: the configuration anew, if somebody wants it read. May throw: the old one
  // stays.
  struct Settings {
    std::vector<Job> jobs;
    unsigned parallel = 2;
    std::string metrics_file;
  };
  std::function<std::optional<Settings>()> reloaded;
};

class Daemon {
 public:
  Daemon(Clock& clock, DaemonOptions options, DaemonOptions::Settings settings);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Until a signal asks to stop; runs under way are asked to stop, too, and waited for.
  void run();

 private:
  struct Planned;
  bool step();
  void plan_all(bool is_start);
  void plan(Planned& planned, UnixSeconds now, bool is_start) const;
  void reap();
  void ended(Planned& planned, int exit_code);
  void start_due();
  bool is_set_busy(const std::string& set) const;
  void start(Planned& planned);
  void stop_all();
  void look_for_reload();
  void tell();
  void wait();
  UnixSeconds now() const;
  UnixSeconds jittered(const Job& job, UnixSeconds due) const;

  Clock& clock_;
  const DaemonOptions options_;
  DaemonOptions::Settings settings_;
  std::vector<std::unique_ptr<Planned>> jobs_;
  std::map<pid_t, std::unique_ptr<Planned>> leaving_;  // of an older configuration, still running
  UnixSeconds seen_ = 0;                               // the time of the last look
  bool stopping_ = false;
  std::string told_;  // by tell()
  mutable std::minstd_rand random_;
};

// `status.json` in the folder of the agent: what tell() wrote last.
std::string daemon_status_path(const std::string& folder);

}  // namespace agent
