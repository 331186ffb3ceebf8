// ragtape agent, agent status, agent run

#include <csignal>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/config.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/state.h"
#include "cli/verb.h"
#include "net/http_client.h"
#include "schedule/daemon.h"
#include "schedule/job_run.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

volatile std::sig_atomic_t reload_asked = 0;  // a handler can reach nothing else

extern "C" void on_reload(int) {
  reload_asked = 1;
}

std::string agent_folder(const GlobalOptions& global) {
  std::string folder = state_folder(global) + "/agent";
  tape::create_folders(folder);
  return folder;
}

// Held as long as the object is there.
class Lock {
 public:
  explicit Lock(const std::string& path)
      : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    if (file_ < 0) throw tape::errno_error(tape::shown(path), errno);
    held_ = ::flock(file_, LOCK_EX | LOCK_NB) == 0;
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() { ::close(file_); }
  bool is_held() const { return held_; }

 private:
  int file_;
  bool held_ = false;
};

// One line, with the time for who has no journal.
void log_line(const std::string& line) {
  const bool has_journal = ::getenv("JOURNAL_STREAM") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  const std::time_t now = std::time(nullptr);
  const std::string text = has_journal ? line + "\n" : shown_time({now, 0}) + "  " + line + "\n";
  static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
}

std::string own_path() {
  return tape::resolved("/proc/self/exe");
}

std::vector<std::string> globals_of(const GlobalOptions& global, const std::string& state) {
  std::vector<std::string> out = {"--no-progress", "--state", state};
  if (!global.cache.empty()) out.insert(out.end(), {"--cache", global.cache});
  if (global.jobs > 0) out.insert(out.end(), {"--jobs", std::to_string(global.jobs)});
  return out;
}

void ping(const std::string& url, const std::string& text) {
  HttpOptions options;
  constexpr std::chrono::milliseconds kConnect{5000};
  constexpr std::chrono::milliseconds kTotal{10'000};
  options.connect_timeout = kConnect;
  options.total_timeout = kTotal;
  HttpClient http(options);
  HttpRequest request;
  request.method = "POST";
  request.url = url;
  request.headers.push_back({"Content-Type", "text/plain; charset=utf-8"});
  request.body = tape::as_bytes(text);
  constexpr tape::ByteCount kAnswerMax = 65'536;
  request.body_limit = kAnswerMax;
  const HttpResponse response = http.send(request);
  if (!response.ok())
    throw tape::Error(tape::ErrorKind::transient,
                      shown_url(url) + ": HTTP " + std::to_string(response.status));
}

// The daemon.
int run_agent(const GlobalOptions& global) {
  const std::string path = config_path(global);
  const std::string state = tape::resolved(state_folder(global));
  const auto settings = [path] {
    Config config = load_config(path);
    return DaemonOptions::Settings{std::move(config.jobs), config.parallel,
                                   std::move(config.metrics_file)};
  };
  DaemonOptions options;
  options.folder = agent_folder(global);
  const Lock lock(options.folder + "/lock");
  if (!lock.is_held()) {
    Output(global, false)
        .error({tape::ErrorKind::denied, "another agent runs with this state"}, kBusy);
    return kBusy;
  }
  const std::string program = own_path();
  options.command = [&, program](const Job& job) {
    std::vector<std::string> words = {program, "--config", path};
    for (const std::string& word : globals_of(global, state))
      words.push_back(word);
    words.insert(words.end(), {"agent", "run", job.name()});
    return words;
  };
  options.log = log_line;
  options.stop_signal = stop_signal;
  options.reloaded = [&]() -> std::optional<DaemonOptions::Settings> {
    if (reload_asked == 0) return std::nullopt;
    reload_asked = 0;
    return settings();
  };
  struct sigaction action {};
  action.sa_handler = on_reload;
  ::sigaction(SIGHUP, &action, nullptr);
  const auto clock = system_clock();
  Daemon(*clock, options, settings()).run();
  check_stop();
  return kDone;
}

struct RunCommand {
  std::string name;

  int run(const GlobalOptions& global) const {
    const Config config = load_config(config_path(global));
    std::vector<const Job*> found;
    for (const Job& job : config.jobs) {
      if (job.name() == name || job.set == name) found.push_back(&job);
    }
    if (found.empty())
      throw tape::Error(tape::ErrorKind::not_found, tape::shown(name) + ": no such set or job",
                        "`ragtape config show` lists them");
    const auto clock = system_clock();
    const std::string folder = agent_folder(global);
    JobRunContext context{
        *clock, own_path(), globals_of(global, tape::resolved(state_folder(global))),
        folder, {},         [] { return stop_signal() != 0; },
        ping};
    int worst = kDone;
    for (const Job* job : found) {
      context.log = [job](const std::string& line) { log_line(job->name() + ": " + line); };
      const Lock lock(folder + "/" + job->set + ".lock");
      if (!lock.is_held()) {
        Output(global, false)
            .error({tape::ErrorKind::denied, job->set + ": another run of the set is under way"},
                   kBusy);
        return kBusy;
      }
      const int code = run_job(*job, context);
      if (code != kDone && (worst == kDone || worst == kIncomplete)) worst = code;
      check_stop();
    }
    return worst;
  }
};

std::string outcome_of(const JobState& state, bool running) {
  if (running && state.percent >= 0) return fmt::format("running, {} %", state.percent);
  if (running) return "running";
  if (state.begin == 0) return "never run";
  if (state.end == 0) return "interrupted";
  const bool well = state.exit_code == kDone || state.exit_code == kIncomplete;
  return fmt::format(
      "{}{} at {}", well ? state.outcome : "failed",
      state.exit_code == kDone ? "" : fmt::format(" (exit code {})", state.exit_code),
      shown_time({state.end, 0}));
}

int status(const GlobalOptions& global) {
  const Output out(global, false);
  const auto known = known_state_folder(global);
  const std::string folder = known.value_or("") + "/agent";
  const std::string path = daemon_status_path(folder);
  if (!known || !tape::is_regular_file(path))
    throw tape::Error(tape::ErrorKind::not_found, "no agent has run with this state",
                      "ragtape agent --config FILE");
  const auto source = tape::open_file_source(path);
  tape::Bytes bytes(source->size());
  source->read_at(tape::GzOffset(0), bytes);
  const Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  const bool runs = !Lock(folder + "/lock").is_held();
  out.text(runs ? fmt::format("the agent runs, process {}\n", json.value("pid", 0))
                : std::string("the agent does not run\n"));
  bool failed = false;
  for (const Json& job : json.value("jobs", Json::array())) {
    const std::string name = job.value("job", "");
    const JobState state = read_job_state(job_state_path(folder, name));
    const bool running = runs && job.value("running", false);
    failed = failed || state.failures > 0;
    if (out.json())
      out.line("job", {{"job", name},
                       {"schedule", job.value("schedule", "")},
                       {"next", runs ? job.value("next", Json()) : Json()},
                       {"running", running},
                       {"percent_done",
                        running && state.percent >= 0 ? Json(state.percent / 100.0) : Json()},
                       {"begin", state.begin},
                       {"end", state.end},
                       {"success", state.success},
                       {"exit_code", state.end == 0 ? Json() : Json(state.exit_code)},
                       {"outcome", state.outcome},
                       {"snapshot", state.snapshot},
                       {"failures", state.failures},
                       {"warnings", state.warnings},
                       {"message", json_text(state.message)}});
    const Json next = job.value("next", Json());
    out.text(fmt::format("{}  {}; next: {}\n", name, outcome_of(state, running),
                         !runs              ? "when the agent runs"
                         : next.is_string() ? next.get<std::string>()
                         : running          ? "when this one has ended"
                                            : "when somebody says so"));
    if (!state.message.empty() && state.failures > 0)
      out.text("    " + tape::shown(state.message) + "\n");
  }
  if (out.json()) out.line("summary", {{"running", runs}, {"failed", failed}});
  return !runs ? kFailed : failed ? kIncomplete : kDone;
}

}  // namespace

void add_agent(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb agent(app, "agent", "Back up by a configuration, when it says so");
  agent.footer(help_end("ragtape agent --config /etc/ragtape/config.toml",
                        "0 never, a signal ends it (143); 2 usage, or a mistake in the "
                        "configuration; 10 no configuration; 11 another agent runs"));
  const Verb shows(agent, "status", "What runs, how the last runs ended, when the next are due");
  shows.footer(
      help_end("ragtape agent status --json",
               "0 it runs, and all is well; 1 it does not run; 2 usage; 3 some last run failed; "
               "10 none has run"));
  shows.callback([&global, &chosen] { chosen = Command{[&global] { return status(global); }}; });
  const Verb runs(agent, "run", "Run a set now, with its hooks and all");
  const auto command = std::make_shared<RunCommand>();
  runs.option("SET", command->name, "A set, or SET@STORE").required();
  runs.footer(help_end("ragtape agent run home",
                       "0 done; 1 failed, or a hook did; 2 usage; 3 done, with warnings; 5 the "
                       "network or the store; 10 no such set; 11 another run of the set is under "
                       "way; else as backup"));
  runs.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
  agent.alone([&global, &chosen] {
    if (!chosen) chosen = Command{[&global] { return run_agent(global); }};
  });
}

}  // namespace agent
