// Runs a step in a process of its own, which may be killed.
//
// Threads: to be called while the caller is the only thread.
#pragma once
#include <csignal>
#include <stdexcept>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tape/error.h"

namespace test {

// unprepared: `prepare` said false, so the step did not run.
enum class Ended { done, failed, killed, unprepared };

template <class Prepare, class Step>
Ended run_in_child(Prepare&& prepare, Step&& step) {
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    // Killed by SIGXFSZ or SIGSYS, it leaves no core.
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    if (!prepare()) ::_exit(2);
    ::_exit(tape::failure_of([&] { step(); }) ? 1 : 0);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child) throw std::runtime_error("cannot wait for a child");
  if (!WIFEXITED(status)) return Ended::killed;
  constexpr Ended kEnds[] = {Ended::done, Ended::failed, Ended::unprepared};
  return kEnds[WEXITSTATUS(status)];
}

// No file of this process grows beyond `size`: it is killed at the byte behind, or the write fails.
inline bool limit_file_size(rlim_t size, bool kill) {
  std::signal(SIGXFSZ, kill ? SIG_DFL : SIG_IGN);
  const rlimit limit{size, size};
  return ::setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

}  // namespace test
