#include "cli/agent_status.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/agent_talk.h"
#include "cli/output.h"
#include "cli/state.h"
#include "schedule/daemon.h"
#include "schedule/job_state.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

// A job as a status tells it.
struct Shown {
  std::string name;
  std::string schedule;
  std::string next;  // as the daemon wrote it; empty: not known
  bool is_running = false;
  JobState state;
};

// What the daemon wrote last; null when none did.
Json daemon_status(const std::string& folder) {
  const std::string path = daemon_status_path(folder);
  if (!tape::is_regular_file(path)) return {};
  const auto source = tape::open_file_source(path);
  tape::Bytes bytes(source->size());
  source->read_at(tape::GzOffset(0), bytes);
  Json out = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  return out.is_object() ? out : Json();
}

// A run that somebody else started, `agent run` or a timer.
bool is_held(const std::string& folder, const std::string& name) {
  const std::string path = set_lock_path(folder, name.substr(0, name.find('@')));
  return tape::is_regular_file(path) && !AgentLock(path).is_held();
}

// Those of the daemon, and those that were run without one.
std::vector<Shown> jobs_in(const std::string& folder, const Json& status, bool runs) {
  std::vector<Shown> out;
  const Json jobs = status.is_object() ? status.value("jobs", Json::array()) : Json::array();
  for (const Json& job : jobs) {
    const Json next = job.value("next", Json());
    out.push_back({job.value("job", ""),
                   job.value("schedule", ""),
                   runs && next.is_string() ? next.get<std::string>() : "",
                   runs && job.value("running", false),
                   {}});
  }
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    const std::string file = entry.path().filename().string();
    const std::string name = file.substr(0, file.size() - std::min<std::size_t>(file.size(), 5));
    const bool is_job = file.ends_with(".json") && name.find('@') != std::string::npos;
    const bool is_known =
        std::any_of(out.begin(), out.end(), [&](const Shown& shown) { return shown.name == name; });
    // Of a running daemon, what it does not name is of an older configuration.
    if (is_job && !is_known && !runs) out.push_back({name, "", "", false, {}});
  }
  std::sort(out.begin(), out.end(), [](const Shown& a, const Shown& b) { return a.name < b.name; });
  for (Shown& job : out) {
    job.state = read_job_state(job_state_path(folder, job.name));
    const bool is_open = job.state.begin != 0 && job.state.end == 0;
    job.is_running = job.is_running || (is_open && is_held(folder, job.name));
  }
  return out;
}

std::string local_time(const std::string& utc) {
  std::tm parts{};
  const char* end = ::strptime(utc.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return end == nullptr ? utc : shown_time({::timegm(&parts), 0});
}

std::string outcome_of(const Shown& job) {
  const JobState& state = job.state;
  if (job.is_running && state.percent >= 0) return fmt::format("running, {} %", state.percent);
  if (job.is_running) return "running";
  if (state.put_off != 0)
    return fmt::format("put off since {}: {}", shown_time({state.put_off, 0}),
                       tape::shown(state.put_off_why));
  if (state.begin == 0) return "never run";
  if (state.end == 0) return "interrupted";
  const bool well = state.exit_code == kDone || state.exit_code == kIncomplete;
  return fmt::format(
      "{}{} at {}{}", well ? state.outcome : "failed",
      state.exit_code == kDone ? "" : fmt::format(" (exit code {})", state.exit_code),
      shown_time({state.end, 0}),
      state.warnings == 0 ? "" : fmt::format(", warnings: {}", state.warnings));
}

Json json_of(const Shown& job) {
  const JobState& state = job.state;
  const bool has_percent = job.is_running && state.percent >= 0;
  return {{"job", job.name},
          {"schedule", job.schedule},
          {"next", job.next.empty() ? Json() : Json(job.next)},
          {"running", job.is_running},
          {"percent_done", has_percent ? Json(state.percent / 100.0) : Json()},
          {"begin", state.begin},
          {"end", state.end},
          {"success", state.success},
          {"exit_code", state.end == 0 ? Json() : Json(state.exit_code)},
          {"outcome", state.outcome},
          {"snapshot", state.snapshot},
          {"failures", state.failures},
          {"warnings", state.warnings},
          {"put_off", state.put_off == 0 ? Json() : Json(state.put_off)},
          {"message", json_text(state.message)}};
}

}  // namespace

int show_agent_status(const GlobalOptions& global) {
  const Output out(global, false);
  const auto known = known_state_folder(global);
  const std::string folder = known.value_or("") + "/agent";
  const Json status = known ? daemon_status(folder) : Json();
  const std::string lock = agent_lock_path(folder);
  const bool runs = known && tape::is_regular_file(lock) && !AgentLock(lock).is_held();
  const std::vector<Shown> jobs = known ? jobs_in(folder, status, runs) : std::vector<Shown>();
  if (!runs && jobs.empty())
    throw tape::Error(tape::ErrorKind::not_found, "no agent has run with this state",
                      "ragtape agent --config FILE");
  out.text(runs ? fmt::format("the agent runs, process {}\n",
                              status.is_object() ? status.value("pid", 0) : 0)
                : std::string("the agent does not run\n"));
  bool failed = false;
  for (const Shown& job : jobs) {
    failed = failed || job.state.failures > 0;
    if (out.json()) out.line("job", json_of(job));
    out.text(fmt::format("{}  {}; next: {}\n", job.name, outcome_of(job),
                         !runs               ? "when the agent runs"
                         : !job.next.empty() ? local_time(job.next)
                         : job.is_running    ? "when this one has ended"
                                             : "when somebody says so"));
    if (!job.state.message.empty() && job.state.failures > 0)
      out.text("    " + tape::shown(job.state.message) + "\n");
  }
  if (out.json()) out.line("summary", {{"running", runs}, {"failed", failed}});
  return !runs ? kFailed : failed ? kIncomplete : kDone;
}

}  // namespace agent
