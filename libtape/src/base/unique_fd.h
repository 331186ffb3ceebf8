// An owned file descriptor and calls that survive EINTR and short transfers.
#pragma once
#include <cstdint>
#include <string>
#include <utility>

#include <sys/types.h>

#include "tape/bytes.h"

namespace tape {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();
  // Gives the descriptor up.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  // Closes and reports what a delayed write left behind (close can fail).
  void close(const std::string& what);

 private:
  int fd_ = -1;
};

// Writes all of `bytes`. Fails: the system's kinds, `what` in the text.
void write_all(int fd, ByteView bytes, const std::string& what);

// The same from `at` on, wherever the descriptor stands and whoever else writes.
void write_all_at(int fd, std::uint64_t at, ByteView bytes, const std::string& what);

// What is there, at least a byte of a file or pipe that has not ended, else 0.
std::size_t read_some(int fd, MutableBytes out, const std::string& what);
// Fills `out` from `at`; returns fewer bytes only at the end.
std::size_t read_full_at(int fd, std::uint64_t at, MutableBytes out, const std::string& what);

// fsync of an open descriptor, and of the directory at `path` (a new name is durable only then; a
// directory that may not be read is passed over).
void sync_descriptor(int fd, const std::string& what);
void sync_directory(const std::string& path);

}  // namespace tape
