#include "schedule/daemon.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schedule/job_run.h"
#include "schedule/service_manager.h"
#include "tape/error.h"
#include "tape/files.h"
#include "tape/manifest.h"

namespace agent {
namespace {

using Json = nlohmann::ordered_json;

// However far the next run is: a clock that jumps is noticed.
constexpr std::int64_t kLookMs = 300'000;
// A clock that goes back by less is being set right.
constexpr std::int64_t kJumpBack = 3600;
// Of a run that its conditions put off.
constexpr std::int64_t kLookAgain = 300;
constexpr int kCannotExec = 127;
constexpr int kSignals = 128;

sigset_t signals_heard() {
  sigset_t out;
  ::sigemptyset(&out);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP})
    ::sigaddset(&out, signal);
  return out;
}

extern "C" void on_child(int) {}

// Signals come while it waits, and at no other time: none is missed.
class SignalsHeld {
 public:
  SignalsHeld() {
    struct sigaction action {};
    action.sa_handler = on_child;
    ::sigaction(SIGCHLD, &action, nullptr);
    const sigset_t held = signals_heard();
    ::pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  ~SignalsHeld() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

HttpAnswer answer_of(int status, const Json& json) {
  return {status, "application/json", json.dump() + "\n"};
}

HttpAnswer refused(int status, const std::string& why) {
  return answer_of(status, {{"error", why}});
}

void replace(const std::string& path, const std::string& text, std::uint32_t mode) {
  const auto sink = tape::create_replacing_file_sink(path, mode);
  sink->write(tape::as_bytes(text));
  sink->finish();
}

}  // namespace

struct Daemon::Planned {
  Job job;
  std::string state_path;
  std::optional<UnixSeconds> due;
  pid_t process = 0;           // of a run under way
  bool was_asked_for = false;  // whatever its conditions say
};

Daemon::Daemon(Clock& clock, DaemonOptions options, DaemonOptions::Settings settings)
    : clock_(clock),
      options_(std::move(options)),
      settings_(std::move(settings)),
      random_(std::random_device{}()) {}

Daemon::~Daemon() = default;

UnixSeconds Daemon::now() const {
  return std::chrono::system_clock::to_time_t(clock_.now());
}

// Of a clock that is being set right, no time comes twice.
UnixSeconds Daemon::next_of(const Job& job, const JobState& state, UnixSeconds now) const {
  const bool was_set_right = state.begin > now && state.begin <= now + kJumpBack;
  std::uniform_int_distribution<std::int64_t> later(0, job.jitter.count());
  return job.calendar->next(was_set_right ? state.begin : now) + later(random_);
}

void Daemon::run() {
  const SignalsHeld held;
  plan_all(true);
  open_control();
  open_listener();
  tell_service_manager("READY=1");
  say(LogLevel::info, "jobs: " + std::to_string(jobs_.size()));
  while (step())
    wait();
  tell();
  say(LogLevel::info, "stopped");
}

// False: it was asked to stop, and nothing runs.
bool Daemon::step() {
  reap();
  if (options_.stop_signal() != 0) stop_all();
  const bool busy = !leaving_.empty() || std::any_of(jobs_.begin(), jobs_.end(),
                                                     [](const auto& p) { return p->process != 0; });
  if (stopping_) return busy;
  if (options_.reload_signal()) static_cast<void>(reload());
  if (now() + kJumpBack < seen_) {
    say(LogLevel::warning, "the clock went back; planning anew");
    plan_all(false);
  }
  seen_ = now();
  start_due();
  tell();
  return true;
}

// Runs under way go on, those of jobs that are no more too.
void Daemon::plan_all(bool is_start) {
  std::vector<std::unique_ptr<Planned>> before = std::move(jobs_);
  jobs_.clear();
  for (const Job& job : settings_.jobs) {
    auto planned = std::make_unique<Planned>();
    planned->job = job;
    planned->state_path = job_state_path(options_.folder, job.name());
    const auto old = std::find_if(before.begin(), before.end(),
                                  [&](const auto& p) { return p && p->job.name() == job.name(); });
    if (old != before.end()) planned->process = std::exchange((*old)->process, 0);
    plan(*planned, now(), is_start);
    if (old != before.end()) keep_what_waits(*planned, **old);
    jobs_.push_back(std::move(planned));
  }
  for (auto& old : before) {
    if (old->process != 0) leaving_.emplace(old->process, std::move(old));
  }
}

// A run that was due, and might not begin yet, still is.
void Daemon::keep_what_waits(Planned& planned, const Planned& old) const {
  if (planned.process != 0 || !old.due || *old.due > now()) return;
  if (!planned.job.calendar && !old.was_asked_for) return;
  planned.due = old.due;
  planned.was_asked_for = old.was_asked_for;
}

void Daemon::plan(Planned& planned, UnixSeconds now, bool is_start) const {
  const Job& job = planned.job;
  planned.due.reset();
  if (!job.calendar) return;
  const JobState state = read_job_state(planned.state_path);
  planned.due = next_of(job, state, now);
  if (planned.process != 0) return;
  if (state.begin == 0 || state.begin > now) return;
  const bool was_killed = is_start && state.end == 0;
  const bool was_interrupted = state.end != 0 && state.outcome == "interrupted";
  const bool was_missed = job.catch_up && job.calendar->next(state.begin) <= now;
  const bool is_to_be_tried =
      state.failures > 0 && state.failures <= job.retries && may_be_tried_again(state.exit_code);
  const bool was_put_off = state.put_off != 0;
  if (was_killed || was_interrupted || was_missed || is_to_be_tried || was_put_off) {
    planned.due = now;
    say(LogLevel::info,
        was_put_off  ? "a run was put off"
        : was_missed ? "a run was missed"
                     : "the last run did not come to its end",
        &job);
  }
}

void Daemon::reap() {
  int status = 0;
  for (pid_t pid = ::waitpid(-1, &status, WNOHANG); pid > 0;
       pid = ::waitpid(-1, &status, WNOHANG)) {
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : kSignals + WTERMSIG(status);
    leaving_.erase(pid);
    for (const auto& planned : jobs_) {
      if (planned->process == pid) ended(*planned, code);
    }
  }
}

void Daemon::ended(Planned& planned, int exit_code) {
  planned.process = 0;
  const Job& job = planned.job;
  const JobState state = read_job_state(planned.state_path);
  const bool was_put_off = exit_code == 0 && state.put_off != 0;
  if (was_put_off && job.calendar) {
    planned.due = std::min(now() + kLookAgain, next_of(job, state, now()));
    return;
  }
  say(exit_code == 0 ? LogLevel::info : LogLevel::warning,
      "ended with exit code " + std::to_string(exit_code), &job);
  if (!job.calendar) return;
  planned.due = next_of(job, state, now());
  const bool again = may_be_tried_again(exit_code) || exit_code >= kSignals;
  if (stopping_ || !again || state.failures > job.retries) return;
  constexpr int kDoublingsMax = 10;
  const UnixSeconds wait = job.retry_wait.count()
                           << std::clamp(state.failures - 1, 0, kDoublingsMax);
  if (now() + wait >= *planned.due) return;
  planned.due = now() + wait;
  say(LogLevel::info, "again in " + std::to_string(wait) + " s", &job);
}

bool Daemon::is_set_busy(const std::string& set) const {
  const auto runs = [&](const Planned& planned) {
    return planned.process != 0 && planned.job.set == set;
  };
  return std::any_of(jobs_.begin(), jobs_.end(), [&](const auto& p) { return runs(*p); }) ||
         std::any_of(leaving_.begin(), leaving_.end(),
                     [&](const auto& p) { return runs(*p.second); });
}

void Daemon::start_due() {
  const UnixSeconds time = now();
  std::vector<Planned*> due;
  std::size_t running = leaving_.size();
  for (const auto& planned : jobs_) {
    if (planned->process != 0) ++running;
    if (planned->process == 0 && planned->due && *planned->due <= time)
      due.push_back(planned.get());
  }
  // The one that has waited longest first.
  std::stable_sort(due.begin(), due.end(),
                   [](const Planned* a, const Planned* b) { return *a->due < *b->due; });
  for (Planned* planned : due) {
    if (running >= settings_.parallel) return;
    if (is_set_busy(planned->job.set)) continue;
    const auto failure = tape::failure_of([&] { start(*planned); });
    if (!failure) {
      ++running;
      continue;
    }
    say(LogLevel::error, failure->what(), &planned->job);
    planned->due = time + planned->job.retry_wait.count();
  }
}

void Daemon::start(Planned& planned) {
  std::vector<std::string> words = options_.command(planned.job, !planned.was_asked_for);
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw tape::errno_error("cannot start a run", errno);
  if (pid == 0) {
    // What the run has done so far it keeps, and says so, when the daemon dies.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(kCannotExec);
    ::setpgid(0, 0);
    sigset_t none;
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    std::signal(SIGCHLD, SIG_DFL);
    ::execv(arguments.front(), arguments.data());
    ::_exit(kCannotExec);
  }
  planned.process = pid;
  planned.was_asked_for = false;
  planned.due.reset();
  // One that looks again and again whether it may begin says so once.
  if (read_job_state(planned.state_path).put_off == 0) say(LogLevel::info, "started", &planned.job);
}

void Daemon::stop_all() {
  if (stopping_) return;
  stopping_ = true;
  tell_service_manager("STOPPING=1");
  say(LogLevel::info, "stopping; runs under way keep what they have done");
  for (const auto& planned : jobs_) {
    if (planned->process != 0) ::kill(planned->process, SIGTERM);
  }
  for (const auto& [pid, planned] : leaving_)
    ::kill(pid, SIGTERM);
}

// None: it is taken.
std::optional<tape::Error> Daemon::reload() {
  const std::string listened = settings_.listen;
  auto failure = tape::failure_of([&] { settings_ = options_.settings(); });
  if (failure) {
    say(LogLevel::error, std::string("the old configuration stays: ") + failure->what());
    return failure;
  }
  if (settings_.listen != listened) open_listener();
  plan_all(false);
  say(LogLevel::info, "configuration read anew, jobs: " + std::to_string(jobs_.size()));
  return std::nullopt;
}

// That nobody can ask costs no backup.
void Daemon::open_control() {
  const auto failure = tape::failure_of(
      [&] { control_.emplace(HttpListener::on_socket(options_.folder, kControlSocket)); });
  if (failure) say(LogLevel::error, std::string("no control socket: ") + failure->what());
}

void Daemon::open_listener() {
  listener_.reset();
  if (settings_.listen.empty()) return;
  const auto failure =
      tape::failure_of([&] { listener_.emplace(HttpListener::on_address(settings_.listen)); });
  if (failure) say(LogLevel::error, std::string("listens nowhere: ") + failure->what());
}

HttpAnswer Daemon::answer(const AskedRequest& request, bool may_tell) {
  const bool asks = request.method == "GET" || request.method == "HEAD";
  if (asks && request.path == "/metrics")
    return {200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(figures())};
  if (asks && request.path == "/status") return {200, "application/json", status_text()};
  if (!may_tell || asks) return refused(404, "no such page");
  if (request.method != "POST") return refused(405, "GET, HEAD or POST expected");
  constexpr std::string_view kRun = "/run/";
  if (request.path.starts_with(kRun)) return run_now(request.path.substr(kRun.size()));
  if (request.path == "/reload") {
    const auto failure = reload();
    if (failure) return refused(422, tape::shown(failure->what()));
    return answer_of(200, {{"jobs", jobs_.size()}});
  }
  if (request.path == "/stop") {
    stop_all();
    return answer_of(202, {{"stopping", true}});
  }
  return refused(404, "no such page");
}

// As soon as its set and `parallel` let it.
HttpAnswer Daemon::run_now(const std::string& name) {
  Json due = Json::array();
  Json running = Json::array();
  for (const auto& planned : jobs_) {
    if (planned->job.name() != name && planned->job.set != name) continue;
    (planned->process == 0 ? due : running).push_back(planned->job.name());
    if (planned->process == 0) {
      planned->due = now();
      planned->was_asked_for = true;
    }
  }
  if (due.empty() && running.empty()) return refused(404, "no such set or job");
  return answer_of(due.empty() ? 409 : 202, {{"due", due}, {"running", running}});
}

void Daemon::say(LogLevel level, const std::string& text, const Job* job) const {
  options_.log({level, job == nullptr ? "" : job->name(), text});
}

std::vector<JobFigures> Daemon::figures() const {
  std::vector<JobFigures> out;
  for (const auto& planned : jobs_)
    out.push_back({planned->job.set, planned->job.store, read_job_state(planned->state_path),
                   planned->due, planned->process != 0});
  return out;
}

std::string Daemon::status_text() const {
  Json jobs = Json::array();
  for (const auto& planned : jobs_) {
    const Job& job = planned->job;
    jobs.push_back({{"job", job.name()},
                    {"set", job.set},
                    {"store", job.store},
                    {"schedule", job.schedule},
                    {"next", planned->due ? Json(tape::utc_text({*planned->due, 0})) : Json()},
                    {"running", planned->process != 0}});
  }
  return Json({{"pid", ::getpid()}, {"stopping", stopping_}, {"jobs", jobs}}).dump(2) + "\n";
}

// For `systemctl status`.
std::string Daemon::short_status() const {
  std::string running;
  const Planned* next = nullptr;
  for (const auto& planned : jobs_) {
    if (planned->process != 0) running += (running.empty() ? "" : ", ") + planned->job.name();
    if (planned->due && (next == nullptr || *planned->due < *next->due)) next = planned.get();
  }
  std::string out = "jobs: " + std::to_string(jobs_.size());
  if (!running.empty()) out += "; running: " + running;
  if (next != nullptr)
    out += "; next: " + next->job.name() + " at " + tape::utc_text({*next->due, 0});
  return out;
}

// What it does now, for `agent status` and for Prometheus. A full disk costs no backup.
void Daemon::tell() {
  const std::string status = status_text();
  const std::string metrics = settings_.metrics_file.empty() ? "" : metrics_text(figures());
  if (std::exchange(told_, status + metrics) == status + metrics) return;
  tell_service_manager("STATUS=" + short_status());
  const auto failure = tape::failure_of([&] {
    constexpr std::uint32_t kPrivate = 0600;
    constexpr std::uint32_t kPublic = 0644;
    replace(daemon_status_path(options_.folder), status, kPrivate);
    if (!metrics.empty()) replace(settings_.metrics_file, metrics, kPublic);
  });
  if (failure) say(LogLevel::error, failure->what());
}

void Daemon::wait() {
  std::int64_t most = kLookMs;
  if (const auto watchdog = watchdog_interval()) {
    tell_service_manager("WATCHDOG=1");
    most = std::min<std::int64_t>(most, watchdog->count());
  }
  const UnixSeconds time = now();
  for (const auto& planned : jobs_) {
    if (planned->process == 0 && planned->due && !is_set_busy(planned->job.set))
      most = std::min(most, std::max<std::int64_t>(0, *planned->due - time) * 1000);
  }
  // One that is due and may not begin waits for the end of another, which is a signal.
  most = std::clamp<std::int64_t>(most, 100, kLookMs);
  timespec timeout{most / 1000, most % 1000 * 1'000'000};
  sigset_t none;
  ::sigemptyset(&none);
  std::vector<pollfd> heard;
  for (const auto* listener : {&control_, &listener_}) {
    if (*listener) (*listener)->add_to(heard);
  }
  ::ppoll(heard.data(), heard.size(), &timeout, &none);
  if (control_)
    control_->serve([this](const AskedRequest& request) { return answer(request, true); });
  if (listener_)
    listener_->serve([this](const AskedRequest& request) { return answer(request, false); });
}

std::string daemon_status_path(const std::string& folder) {
  return folder + "/status.json";
}

}  // namespace agent
