// The daemon: starts each job's runs when they are due, as processes of their own, and knows how
// they ended. On a socket of its folder it hears what to do, and says what it does:
//
//   GET /status · GET /metrics · POST /run/SET or SET@STORE · POST /reload · POST /stop
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
#include "schedule/http_listener.h"
#include "schedule/job.h"
#include "schedule/job_state.h"
#include "schedule/log.h"
#include "schedule/metrics.h"
#include "tape/error.h"

namespace agent {

struct DaemonOptions {
  std::string folder;  // of the agent in the state; it is there
  // The words of a process that runs a job and ends with its exit code; stdout and stderr are this
  // one's.
  std::function<std::vector<std::string>(const Job& job, bool heeds_conditions)> command;
  Log log;
  // 0, or the signal that asked to stop.
  std::function<int()> stop_signal;
  struct Settings {
    std::vector<Job> jobs;
    unsigned parallel = 2;
    std::string metrics_file;
    std::string listen;  // ADDRESS:PORT that answers GET alone; empty: none does
  };
  // Whether a signal asked to read the configuration anew; asked once for each.
  std::function<bool()> reload_signal;
  // The configuration as it is now. What it throws is logged, and the old one stays.
  std::function<Settings()> settings;
};

// In the folder of the agent.
inline constexpr const char* kControlSocket = "control.sock";

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
  void keep_what_waits(Planned& planned, const Planned& old) const;
  void reap();
  void ended(Planned& planned, int exit_code);
  void start_due();
  bool is_set_busy(const std::string& set) const;
  void start(Planned& planned);
  void stop_all();
  std::optional<tape::Error> reload();
  void open_control();
  void open_listener();
  HttpAnswer answer(const AskedRequest& request, bool may_tell);
  HttpAnswer run_now(const std::string& name);
  void say(LogLevel level, const std::string& text, const Job* job = nullptr) const;
  std::vector<JobFigures> figures() const;
  std::string status_text() const;
  std::string short_status() const;
  void tell();
  void wait();
  UnixSeconds now() const;
  UnixSeconds next_of(const Job& job, const JobState& state, UnixSeconds now) const;

  Clock& clock_;
  const DaemonOptions options_;
  DaemonOptions::Settings settings_;
  std::vector<std::unique_ptr<Planned>> jobs_;
  std::map<pid_t, std::unique_ptr<Planned>> leaving_;  // of an older configuration, still running
  UnixSeconds seen_ = 0;                               // the time of the last look
  bool stopping_ = false;
  std::string told_;  // by tell()
  std::optional<HttpListener> control_;
  std::optional<HttpListener> listener_;
  mutable std::minstd_rand random_;
};

// `status.json` in the folder of the agent: what tell() wrote last.
std::string daemon_status_path(const std::string& folder);

}  // namespace agent
