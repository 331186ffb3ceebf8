// A child process: its lines, its end, and how it is stopped.
//
// Threads: one caller; no other threads may be there when it starts.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/clock.h"

namespace agent {

inline constexpr std::size_t kLineMax = std::size_t{64} * 1024;  // longer ones are cut

struct ProcessOptions {
  std::vector<std::string> words;  // the program, by path or to be found, and its arguments
  std::vector<std::pair<std::string, std::string>> environment;  // beside this process's own
  int nice = 0;
  bool idle_io = false;
  std::optional<std::chrono::seconds> timeout;
  // Hears each line, without its end; of stderr, or of stdout.
  std::function<void(std::string_view line, bool is_error)> line;
  // Asked now and then. True: the process is asked to stop, by SIGTERM, once.
  std::function<bool()> should_stop;
};

struct ProcessEnd {
  int exit_code = 0;  // of a signal 128 more
  bool timed_out = false;
};

// Waits for the end of the process and of what it writes. It has a group of its own, stdin is
// empty; if this process dies it gets SIGTERM. One that is past its time, or does not end 10 s
// behind SIGTERM though it was past it, is killed with its group.
// Fails: Error{io, exhausted} when it cannot be started.
ProcessEnd run_process(const ProcessOptions& options, Clock& clock);

// Of a line for sh.
std::vector<std::string> shell_words_of(const std::string& line);

}  // namespace agent
