// ragtape agent, agent status, agent run

#include <csignal>
#include <memory>

#include <fmt/format.h>

#include "cli/agent_log.h"
#include "cli/agent_status.h"
#include "cli/agent_talk.h"
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
                                   std::move(config.metrics_file), std::move(config.listen)};
  };
  DaemonOptions options;
  options.folder = agent_folder(global);
  constexpr std::chrono::milliseconds kPatience{2000};
  const AgentLock lock(agent_lock_path(options.folder), kPatience);
  if (!lock.is_held()) {
    Output(global, false)
        .error({tape::ErrorKind::denied, "another agent runs with this state"}, kBusy);
    return kBusy;
  }
  const std::string program = own_path();
  options.command = [&, program](const Job& job, bool heeds_conditions) {
    std::vector<std::string> words = {program, "--config", path};
    if (global.json) words.emplace_back("--json");
    for (const std::string& word : globals_of(global, state))
      words.push_back(word);
    words.insert(words.end(), {"agent", "run", job.name()});
    if (heeds_conditions) words.emplace_back("--if-allowed");
    return words;
  };
  options.log = agent_log(global.json || load_config(path).json_log);
  options.stop_signal = stop_signal;
  options.reload_signal = [] {
    const bool asked = reload_asked != 0;
    reload_asked = 0;
    return asked;
  };
  options.settings = settings;
  struct sigaction action {};
  action.sa_handler = on_reload;
  ::sigaction(SIGHUP, &action, nullptr);
  const auto clock = system_clock();
  Daemon(*clock, options, settings()).run();
  check_stop();
  return kDone;
}

int reload(const GlobalOptions& global) {
  const HttpResponse response = ask_agent(global, "POST", "/reload");
  if (!response.ok())
    throw tape::Error(tape::ErrorKind::usage, "the old configuration stays: " + error_of(response),
                      "`ragtape config check` names every mistake");
  const Output out(global, false);
  const Json json = Json::parse(response.body.begin(), response.body.end(), nullptr, false);
  if (out.json()) out.line("summary", {{"jobs", json.value("jobs", 0)}});
  out.text(fmt::format("configuration read anew, jobs: {}\n", json.value("jobs", 0)));
  return kDone;
}

int stop(const GlobalOptions& global) {
  const HttpResponse response = ask_agent(global, "POST", "/stop");
  if (!response.ok()) throw tape::Error(tape::ErrorKind::transient, error_of(response));
  const Output out(global, false);
  if (out.json()) out.line("summary", {{"stopping", true}});
  out.text("the agent stops; runs under way keep what they have done\n");
  return kDone;
}

struct RunCommand {
  std::string name;
  bool if_allowed = false;
  bool detach = false;
  std::vector<std::string> with;

  int run(const GlobalOptions& global) const { return detach ? tell(global) : run_here(global); }

  int tell(const GlobalOptions& global) const {
    if (!with.empty())
      throw tape::Error(tape::ErrorKind::usage, "--with and --detach: the agent has its own words");
    const HttpResponse response = ask_agent(global, "POST", "/run/" + name);
    constexpr int kConflict = 409;
    constexpr int kNotFound = 404;
    if (response.status == kNotFound)
      throw tape::Error(tape::ErrorKind::not_found, tape::shown(name) + ": no such set or job",
                        "`ragtape agent status` lists them");
    const Output out(global, false);
    const Json json = Json::parse(response.body.begin(), response.body.end(), nullptr, false);
    if (response.status == kConflict) {
      out.error(tape::Error(tape::ErrorKind::denied, tape::shown(name) + ": a run is under way"),
                kBusy);
      return kBusy;
    }
    if (!response.ok() || !json.is_object())
      throw tape::Error(tape::ErrorKind::transient, error_of(response));
    const Json due = json.value("due", Json::array());
    if (out.json()) out.line("summary", {{"due", due}});
    for (const Json& job : due)
      out.text(fmt::format("{}: the agent runs it\n", job.get<std::string>()));
    return kDone;
  }

  int run_here(const GlobalOptions& global) const {
    const Config config = load_config(config_path(global), with);
    std::vector<const Job*> found;
    for (const Job& job : config.jobs) {
      if (job.name() == name || job.set == name) found.push_back(&job);
    }
    if (found.empty())
      throw tape::Error(tape::ErrorKind::not_found, tape::shown(name) + ": no such set or job",
                        "`ragtape config show` lists them");
    const auto clock = system_clock();
    const std::string folder = agent_folder(global);
    const JobRunContext context{*clock,
                                own_path(),
                                globals_of(global, tape::resolved(state_folder(global))),
                                folder,
                                agent_log(global.json || config.json_log),
                                [] { return stop_signal() != 0; },
                                ping,
                                if_allowed};
    int worst = kDone;
    for (const Job* job : found) {
      // Not held up by who only looks.
      constexpr std::chrono::milliseconds kPatience{500};
      const AgentLock lock(set_lock_path(folder, job->set), kPatience);
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

}  // namespace

void add_agent(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb agent(app, "agent", "Back up by a configuration, when it says so");
  agent.footer(
      help_end("ragtape agent --config /etc/ragtape/config.toml",
               "0 it was told to stop; 143 a signal ended it; 2 usage, or a mistake in the "
               "configuration; 10 no configuration; 11 another agent runs"));
  const Verb shows(agent, "status", "What runs, how the last runs ended, when the next are due");
  shows.footer(
      help_end("ragtape agent status --json",
               "0 it runs, and all is well; 1 it does not run; 2 usage; 3 some last run failed; "
               "10 none has ever run"));
  shows.callback(
      [&global, &chosen] { chosen = Command{[&global] { return show_agent_status(global); }}; });
  const Verb reloads(agent, "reload", "Have the running agent read its configuration anew");
  reloads.footer(help_end("ragtape agent reload",
                          "0 done; 2 usage, or a mistake in it: the old one stays; 10 none runs"));
  reloads.callback([&global, &chosen] { chosen = Command{[&global] { return reload(global); }}; });
  const Verb stops(agent, "stop", "Have the running agent stop, and the runs under way");
  stops.footer(help_end("ragtape agent stop", "0 it stops; 2 usage; 10 none runs"));
  stops.callback([&global, &chosen] { chosen = Command{[&global] { return stop(global); }}; });
  const Verb runs(agent, "run", "Run a set now, with its hooks and all");
  const auto command = std::make_shared<RunCommand>();
  runs.option("SET", command->name, "A set, or SET@STORE").required();
  runs.flag("--detach", command->detach,
            "Have the running agent do it, with its secrets, and do not wait");
  runs.option("--with", command->with,
              "KEY=VALUE that counts instead of the configuration's, such as level=9; repeatable");
  runs.flag("--if-allowed", command->if_allowed,
            "Not while the set's conditions (skip-on-battery, condition) put it off");
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
