#include "schedule/job_run.h"

#include <chrono>
#include <cstdlib>
#include <deque>
#include <nlohmann/json.hpp>

#include "schedule/conditions.h"
#include "schedule/process.h"
#include "tape/digest.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFailed = 1;
constexpr int kIncomplete = 3;
constexpr int kTryAgain = 5;
constexpr int kBusy = 11;
constexpr int kSignals = 128;
constexpr std::size_t kTailMax = std::size_t{64} * 1024;    // of the log, for who wants to know
constexpr std::size_t kSecretMax = std::size_t{64} * 1024;  // bytes

UnixSeconds seconds_of(const Clock& clock) {
  return std::chrono::system_clock::to_time_t(clock.now());
}

LogLevel level_of(int exit_code) {
  return exit_code == 0             ? LogLevel::info
         : exit_code == kIncomplete ? LogLevel::warning
                                    : LogLevel::error;
}

std::string without_line_end(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r'))
    text.pop_back();
  return text;
}

class JobRun {
 public:
  JobRun(const Job& job, const JobRunContext& context)
      : job_(job),
        context_(context),
        path_(job_state_path(context.folder, job.name())),
        state_(read_job_state(path_)),
        id_(tape::temporary_name("").substr(sizeof "/.part-" - 1)) {}

  int run() {
    if (context_.heeds_conditions && is_put_off()) return 0;
    state_.put_off = 0;
    state_.put_off_why.clear();
    state_.begin = seconds_of(context_.clock);
    state_.end = 0;
    state_.percent = -1;
    state_.warnings = 0;
    state_.message.clear();
    state_.outcome.clear();
    write_job_state(path_, state_);
    ping("/start");
    int code = hooks("pre", job_.hooks.pre) ? backup() : kFailed;
    const bool made = code == 0 || code == kIncomplete;
    if (made && !job_.forget.empty() && !stopped()) {
      const int forgot = forget();
      if (forgot != 0) code = forgot == kBusy ? kBusy : kFailed;
    }
    const bool well = code == 0 || code == kIncomplete;
    exit_code_ = code;
    if (!stopped() && !hooks(well ? "post" : "error", well ? job_.hooks.post : job_.hooks.error) &&
        well)
      code = kFailed;
    end(code, made);
    ping(code == 0 || code == kIncomplete ? "" : "/fail");
    return code;
  }

 private:
  bool stopped() const { return context_.should_stop && context_.should_stop(); }

  bool is_put_off() {
    const std::string why = why_not_now(job_.conditions, context_.clock, context_.should_stop);
    if (why.empty()) return false;
    if (state_.put_off == 0) context_.log({LogLevel::info, job_.name(), "put off: " + why});
    if (state_.put_off == 0) state_.put_off = seconds_of(context_.clock);
    state_.put_off_why = why;
    write_job_state(path_, state_);
    return true;
  }

  void log(const std::string& line, LogLevel level = LogLevel::info) {
    context_.log({level, job_.name(), line});
    tail_.push_back(line);
    tail_size_ += line.size() + 1;
    while (tail_size_ > kTailMax) {
      tail_size_ -= tail_.front().size() + 1;
      tail_.pop_front();
    }
  }

  void end(int code, bool made) {
    state_.end = seconds_of(context_.clock);
    state_.exit_code = code;
    state_.percent = -1;
    const bool well = code == 0 || code == kIncomplete;
    if (well) state_.success = state_.end;
    state_.failures = well ? 0 : state_.failures + 1;
    if (!made) state_.outcome = code > kSignals ? "interrupted" : "failed";
    write_job_state(path_, state_);
  }

  std::vector<std::pair<std::string, std::string>> hook_environment() const {
    return {{"RAGTAPE_SET", job_.set},
            {"RAGTAPE_STORE", job_.store},
            {"RAGTAPE_RUN_ID", id_},
            {"RAGTAPE_SNAPSHOT", state_.snapshot},
            {"RAGTAPE_OUTCOME", state_.outcome},
            {"RAGTAPE_EXIT_CODE", exit_code_ < 0 ? "" : std::to_string(exit_code_)}};
  }

  // False: one failed, and those behind it did not run.
  bool hooks(const std::string& kind, const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
      ProcessOptions options;
      options.words = shell_words_of(line);
      options.environment = hook_environment();
      options.timeout = job_.hooks.timeout;
      options.should_stop = context_.should_stop;
      options.line = [&](std::string_view text, bool) {
        log(kind + ": " + tape::shown(std::string(text)));
      };
      ProcessEnd end;
      const auto failure = tape::failure_of([&] { end = run_process(options, context_.clock); });
      if (!failure && end.exit_code == 0 && !end.timed_out) continue;
      const std::string what =
          kind + " command `" + tape::shown(line) + "`: " +
          (failure         ? failure->what()
           : end.timed_out ? "ended after " + std::to_string(job_.hooks.timeout.count()) + " s"
                           : "exit code " + std::to_string(end.exit_code));
      log(what, LogLevel::error);
      // Of a run that failed already, that one counts.
      if (state_.message.empty()) state_.message = what;
      return false;
    }
    return true;
  }

  // The variables of the store's secrets. Fails: Error{usage, denied} that names them, not their
  // values.
  std::vector<std::pair<std::string, std::string>> secrets() const {
    std::vector<std::pair<std::string, std::string>> out;
    for (const Secret& secret : job_.secrets)
      out.emplace_back(secret.variable,
                       tape::within(secret.variable, [&] { return value_of(secret); }));
    return out;
  }

  std::string value_of(const Secret& secret) const {
    switch (secret.kind) {
      case Secret::Kind::text:
        return secret.from;
      case Secret::Kind::environment: {
        const char* value = std::getenv(secret.from.c_str());  // NOLINT(concurrency-mt-unsafe)
        if (value == nullptr || *value == '\0')
          throw tape::Error(tape::ErrorKind::usage, "the variable " + secret.from + " is not set");
        return value;
      }
      case Secret::Kind::file:
        return file_text(secret.from);
      case Secret::Kind::credential: {
        const char* folder = std::getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe)
        if (folder == nullptr)
          throw tape::Error(
              tape::ErrorKind::usage,
              "credential " + secret.from + ": not started by systemd with LoadCredential=");
        return file_text(std::string(folder) + "/" + secret.from);
      }
      case Secret::Kind::command:
        return output_of(secret.from);
    }
    return "";
  }

  static std::string file_text(const std::string& path) {
    const auto source = tape::open_file_source(path);
    if (source->size() > kSecretMax)
      throw tape::Error(tape::ErrorKind::usage, tape::shown(path) + ": too large for a secret");
    tape::Bytes bytes(source->size());
    source->read_at(tape::GzOffset(0), bytes);
    return without_line_end(tape::as_text(bytes));
  }

  std::string output_of(const std::string& line) const {
    std::string out;
    ProcessOptions options;
    options.words = shell_words_of(line);
    options.timeout = job_.hooks.timeout;
    options.should_stop = context_.should_stop;
    options.line = [&](std::string_view text, bool is_error) {
      if (!is_error && out.size() < kSecretMax) out += std::string(text) + "\n";
    };
    const ProcessEnd end = run_process(options, context_.clock);
    if (end.exit_code != 0 || end.timed_out)
      throw tape::Error(tape::ErrorKind::denied,
                        "its command ended with exit code " + std::to_string(end.exit_code));
    return without_line_end(out);
  }

  int ragtape(const std::string& verb, const std::vector<std::string>& words) {
    ProcessOptions options;
    options.words = {context_.program};
    options.words.insert(options.words.end(), context_.globals.begin(), context_.globals.end());
    options.words.insert(options.words.end(), {"--json", verb});
    options.words.insert(options.words.end(), words.begin(), words.end());
    options.nice = job_.nice;
    options.idle_io = job_.idle_io;
    options.should_stop = context_.should_stop;
    options.line = [&](std::string_view line, bool is_error) { hear(verb, line, is_error); };
    ProcessEnd end;
    const auto failure = tape::failure_of([&] {
      options.environment = secrets();
      end = run_process(options, context_.clock);
    });
    if (!failure) return end.exit_code;
    state_.message = failure->what();
    log(state_.message, LogLevel::error);
    return kFailed;
  }

  int backup() {
    const int code = ragtape("backup", job_.backup);
    log("backup: exit code " + std::to_string(code) +
            (state_.outcome.empty() ? "" : ", " + state_.outcome + " " + state_.snapshot) +
            (state_.warnings == 0 ? "" : ", warnings: " + std::to_string(state_.warnings)),
        level_of(code));
    return code;
  }

  int forget() {
    const int code = ragtape("forget", job_.forget);
    log("forget: exit code " + std::to_string(code), level_of(code));
    return code;
  }

  // A line of JSON on stdout; on stderr what people read.
  void hear(const std::string& verb, std::string_view line, bool is_error) {
    if (is_error) return log(verb + ": " + tape::shown(std::string(line)), LogLevel::warning);
    const Json json = Json::parse(line.begin(), line.end(), nullptr, false);
    if (!json.is_object()) return;
    const std::string type = json.value("message_type", "");
    if (type == "warning" && verb == "backup") ++state_.warnings;
    if (type == "error" && json.contains("message") && json["message"].is_string())
      state_.message = json["message"];
    if (type == "status" && json.contains("percent_done") && json["percent_done"].is_number())
      show_percent(json["percent_done"].get<double>());
    if (type == "verdict" && !json.value("keep", true))
      log("forget: " + json.value("snapshot", ""));
    if (type == "summary" && verb == "backup") {
      if (json.contains("outcome") && json["outcome"].is_string()) state_.outcome = json["outcome"];
      if (json.contains("snapshot") && json["snapshot"].is_string())
        state_.snapshot = json["snapshot"];
      if (json.contains("bytes_sent") && json["bytes_sent"].is_number_unsigned())
        state_.bytes_sent = json["bytes_sent"];
    }
  }

  // For `agent status`, and no oftener than it is worth.
  void show_percent(double percent) {
    const int whole = static_cast<int>(percent <= 1 ? percent * 100 : percent);
    const Clock::Duration now = context_.clock.elapsed();
    constexpr Clock::Duration kEvery{2000};
    if (whole == state_.percent || (shown_ && now - *shown_ < kEvery)) return;
    state_.percent = whole;
    shown_ = now;
    static_cast<void>(tape::failure_of([&] { write_job_state(path_, state_); }));
  }

  void ping(const std::string& end) {
    if (job_.ping.empty() || !context_.ping) return;
    std::string text;
    for (const std::string& line : tail_)
      text += line + "\n";
    const auto failure =
        tape::failure_of([&] { context_.ping(job_.ping + end + "?rid=" + rid(), text); });
    if (failure) log(std::string("ping: ") + failure->what(), LogLevel::warning);
  }

  // As a UUID: who counts runs may want one.
  std::string rid() const {
    const tape::Sha256 digest = tape::sha256(tape::as_bytes(id_));
    std::string out = tape::hex(tape::ByteView(digest).first(16));
    for (const std::size_t at : {8U, 13U, 18U, 23U})
      out.insert(at, "-");
    return out;
  }

  const Job& job_;
  const JobRunContext& context_;
  const std::string path_;
  JobState state_;
  const std::string id_;
  int exit_code_ = -1;
  std::deque<std::string> tail_;
  std::size_t tail_size_ = 0;
  std::optional<Clock::Duration> shown_;
};

}  // namespace

int run_job(const Job& job, const JobRunContext& context) {
  return JobRun(job, context).run();
}

bool may_be_tried_again(int exit_code) {
  return exit_code == kFailed || exit_code == kTryAgain || exit_code == kBusy;
}

}  // namespace agent
