#include "net/credential_process.h"

#include <cerrno>
#include <csignal>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/credentials_answer.h"
#include "net/shell_words.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;

constexpr int kPollMs = 100;
constexpr int kEndPollMs = 10;
constexpr const char* kHint =
    "run its command by hand to see why: what it says on stderr is not shown here, since it may "
    "hold secrets";

// What a child is started with, freed at the end.
class SpawnSettings {
 public:
  explicit SpawnSettings(int out) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::sigaddset(&signals, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  // Returns an errno value.
  int spawn(pid_t& child, std::vector<std::string> words) const {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words)
      arguments.push_back(word.data());
    arguments.push_back(nullptr);
    return ::posix_spawnp(&child, arguments.front(), &actions_, &attributes_, arguments.data(),
                          ::environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// A process and the pipe that it writes into. One that has not ended is killed.
class Child {
 public:
  Child(const std::vector<std::string>& words, std::string name, Clock& clock)
      : name_(std::move(name)), clock_(clock), deadline_(clock.elapsed() + kProcessTimeout) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw tape::errno_error(name_ + ": a pipe", errno);
    out_ = ends[0];
    const int error = SpawnSettings(ends[1]).spawn(pid_, words);
    ::close(ends[1]);
    if (error == 0) return;
    ::close(out_);
    throw Error(ErrorKind::denied, tape::errno_error(name_ + " cannot be started", error).what());
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::close(out_);
    if (ended_) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  // All that it writes.
  std::string read() {
    std::string text;
    char piece[4096];
    for (;;) {
      pollfd readable{out_, POLLIN, 0};
      if (::poll(&readable, 1, kPollMs) <= 0) {
        check_time();
        continue;
      }
      const ssize_t n = ::read(out_, piece, sizeof piece);
      if (n == 0) return text;
      if (n < 0 && errno != EINTR) throw tape::errno_error(name_, errno);
      if (n > 0) text.append(piece, static_cast<std::size_t>(n));
      if (text.size() > kAnswerSizeMax)
        throw Error(ErrorKind::denied, name_ + ": at most " + std::to_string(kAnswerSizeMax) +
                                           " bytes of answer expected");
      check_time();
    }
  }

  // Fails unless it ended well.
  void wait() {
    int status = 0;
    for (;;) {
      const pid_t pid = ::waitpid(pid_, &status, WNOHANG);
      if (pid == pid_) break;
      if (pid < 0 && errno != EINTR) throw tape::errno_error(name_, errno);
      ::poll(nullptr, 0, kEndPollMs);
      check_time();
    }
    ended_ = true;
    if (WIFSIGNALED(status))
      throw Error(ErrorKind::denied, name_ + " ended by signal " + std::to_string(WTERMSIG(status)),
                  kHint);
    if (WEXITSTATUS(status) != 0)
      throw Error(ErrorKind::denied,
                  name_ + " ended with exit status " + std::to_string(WEXITSTATUS(status)), kHint);
  }

 private:
  void check_time() {
    clock_.sleep(Clock::Duration(0));  // ends the wait when somebody asks to stop
    if (clock_.elapsed() < deadline_) return;
    throw Error(ErrorKind::transient,
                name_ + ": no answer in " + std::to_string(kProcessTimeout.count() / 1000) + " s",
                "its stdin is empty: it cannot ask questions there");
  }

  const std::string name_;
  Clock& clock_;
  const Clock::Duration deadline_;
  int out_ = -1;
  pid_t pid_ = -1;
  bool ended_ = false;
};

}  // namespace

Credentials run_credential_process(const std::string& command,
                                   const std::string& source,
                                   Clock& clock) {
  const auto words = shell_words(command);
  if (!words || words->empty())
    throw Error(ErrorKind::usage, source + ": a command expected, with every quote closed");
  // Arguments may be secret, and the program's name is not: unless the whole is in quotes, or
  // begins with VARIABLE=VALUE, as only a shell knows it.
  const std::string& program = words->front();
  const std::string name =
      source + " (" + tape::shown(program.substr(0, program.find_first_of(" \t\n="))) + ")";
  Child child(*words, name, clock);
  const std::string text = child.read();
  child.wait();
  const auto fields = fields_of_json(text);
  if (!fields) throw Error(ErrorKind::denied, name + ": a JSON object expected");
  const auto version = fields->find("Version");
  if (version == fields->end() || version->second != "1")
    throw Error(ErrorKind::denied, name + ": \"Version\": 1 expected in the JSON that it writes");
  return credentials_of(*fields, "SessionToken", source);
}

}  // namespace agent
