// A small file that others write for us: settings, a token.
//
// Threads: a pure function of what is on disk.
#pragma once
#include <cstddef>
#include <string>

namespace agent {

struct SmallFile {
  enum class State { there, absent, denied };
  State state = State::absent;
  std::string text;
};

// What is no regular file counts as absent: /dev/null stands for "none".
// Fails: usage when it is larger than `size_max` bytes; io.
SmallFile read_small_file(const std::string& path, std::size_t size_max);

}  // namespace agent
