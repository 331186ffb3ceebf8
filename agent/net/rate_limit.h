// RateLimit: so many bytes a second, for all who share it.
//
// A caller waits before its bytes go, in turns of at most 100 ms' worth: one with many bytes does
// not keep out those with few.
//
// Threads: any number of callers.
#pragma once
#include <cstdint>
#include <mutex>

#include "net/clock.h"

namespace agent {

class RateLimit {
 public:
  // `clock` must outlive this. Of the first second nothing is saved up: no burst of more than
  // 100 ms' worth. Fails: usage for 0 bytes a second.
  RateLimit(std::uint64_t bytes_per_second, Clock& clock);

  // Waits until so many bytes may go. Fails as Clock::sleep.
  void pass(std::uint64_t bytes);

 private:
  Clock::Duration wait_for(std::uint64_t bytes);

  const std::uint64_t bytes_per_second_;
  Clock& clock_;
  std::mutex mutex_;
  double free_at_ms_ = 0;  // when all that was let pass has gone
};

}  // namespace agent
