#include "schedule/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/descriptor.h"
#include "tape/error.h"

namespace agent {
namespace {

constexpr int kPollMs = 100;
constexpr Clock::Duration kKillAfter{10'000};
constexpr int kCannotExec = 127;
constexpr int kIoPrioIdle = 3 << 13;  // IOPRIO_CLASS_IDLE of linux/ioprio.h

// One end of a pipe, and what came without its end of line.
class Lines {
 public:
  Lines(int file, bool is_error) : file_(file), is_error_(is_error) {}

  int file() const { return file_.get(); }

  // What is there now. The end of the file ends the line.
  void read(const ProcessOptions& options) {
    std::array<char, 8192> buffer{};
    const ssize_t n = ::read(file_.get(), buffer.data(), buffer.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      if (!line_.empty()) tell(options);
      file_ = Descriptor();
      return;
    }
    for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(n))) {
      if (c == '\n') {
        tell(options);
      } else if (line_.size() < kLineMax) {
        line_ += c;
      }
    }
  }

 private:
  void tell(const ProcessOptions& options) {
    if (options.line) options.line(line_, is_error_);
    line_.clear();
  }

  Descriptor file_;
  const bool is_error_;
  std::string line_;
};

// Its reading end goes into `lines`.
Descriptor make_pipe(std::optional<Lines>& lines, bool is_error) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw tape::errno_error("a pipe", errno);
  lines.emplace(ends[0], is_error);
  return Descriptor(ends[1]);
}

// In the child: nothing may be allocated, so all is there before.
struct Prepared {
  std::vector<char*> arguments;
  std::vector<std::string> pairs;
  std::vector<char*> environment;
};

Prepared prepared(const ProcessOptions& options, std::vector<std::string>& words) {
  Prepared out;
  for (std::string& word : words)
    out.arguments.push_back(word.data());
  out.arguments.push_back(nullptr);
  for (const auto& [name, value] : options.environment)
    out.pairs.emplace_back(name).append("=").append(value);
  const auto is_set_anew = [&](std::string_view pair) {
    for (const auto& [name, value] : options.environment) {
      if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) return true;
    }
    return false;
  };
  for (char** at = ::environ; *at != nullptr; ++at) {
    if (!is_set_anew(*at)) out.environment.push_back(*at);
  }
  for (std::string& pair : out.pairs)
    out.environment.push_back(pair.data());
  out.environment.push_back(nullptr);
  return out;
}

[[noreturn]] void become(const ProcessOptions& options, Prepared& with, int out, int error) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(error, STDERR_FILENO);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD})
    std::signal(signal, SIG_DFL);
  if (options.nice > 0) ::setpriority(PRIO_PROCESS, 0, options.nice);
  if (options.idle_io) ::syscall(SYS_ioprio_set, 1, 0, kIoPrioIdle);
  ::execvpe(with.arguments.front(), with.arguments.data(), with.environment.data());
  ::_exit(kCannotExec);
}

class Process {
 public:
  Process(const ProcessOptions& options, Clock& clock) : options_(options), clock_(clock) {
    std::vector<std::string> words = options.words;
    Prepared with = prepared(options, words);
    const auto out = make_pipe(out_, false);
    const auto error = make_pipe(error_, true);
    pid_ = ::fork();
    if (pid_ == 0) become(options_, with, out.get(), error.get());
    if (pid_ < 0)
      throw tape::errno_error("cannot start " + tape::shown(options.words.front()), errno);
    ::setpgid(pid_, pid_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() = default;

  ProcessEnd run() {
    const Clock::Duration begin = clock_.elapsed();
    // A child of it may hold the pipes for longer: what counts is its own end.
    while (!ended_ || out_->file() >= 0 || error_->file() >= 0) {
      if (ended_ && clock_.elapsed() - *ended_ > kGrace) break;
      read_lines();
      look_for_end();
      if (ended_) continue;
      if (options_.should_stop && !asked_ && options_.should_stop()) ask();
      const bool is_late = options_.timeout && clock_.elapsed() - begin > *options_.timeout;
      if (is_late && !late_) {
        late_ = clock_.elapsed();
        end_.timed_out = true;
        ask();
      }
      if (late_ && clock_.elapsed() - *late_ > kKillAfter) ::kill(-pid_, SIGKILL);
    }
    return end_;
  }

 private:
  static constexpr Clock::Duration kGrace{1000};

  void ask() {
    asked_ = true;
    ::kill(-pid_, SIGTERM);
  }

  void read_lines() {
    std::array<pollfd, 2> files{{{out_->file(), POLLIN, 0}, {error_->file(), POLLIN, 0}}};
    if (::poll(files.data(), files.size(), kPollMs) <= 0) return;
    if (files[0].revents != 0) out_->read(options_);
    if (files[1].revents != 0) error_->read(options_);
  }

  void look_for_end() {
    int status = 0;
    if (ended_ || ::waitpid(pid_, &status, WNOHANG) != pid_) return;
    ended_ = clock_.elapsed();
    constexpr int kSignalBase = 128;
    end_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : kSignalBase + WTERMSIG(status);
  }

  const ProcessOptions& options_;
  Clock& clock_;
  pid_t pid_ = -1;
  std::optional<Lines> out_;
  std::optional<Lines> error_;
  bool asked_ = false;
  std::optional<Clock::Duration> late_;
  std::optional<Clock::Duration> ended_;
  ProcessEnd end_;
};

}  // namespace

ProcessEnd run_process(const ProcessOptions& options, Clock& clock) {
  return Process(options, clock).run();
}

std::vector<std::string> shell_words_of(const std::string& line) {
  return {"/bin/sh", "-c", line};
}

}  // namespace agent
