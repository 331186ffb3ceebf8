// Clock: the seam behind which time passes.
//
// Threads: any number of callers.
#pragma once
#include <chrono>
#include <functional>
#include <memory>

namespace agent {

class Clock {
 public:
  using Time = std::chrono::system_clock::time_point;
  using Duration = std::chrono::milliseconds;

  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  // UTC; may jump.
  virtual Time now() const = 0;
  // Since an unknown moment; never goes back.
  virtual Duration elapsed() const = 0;
  // Throws what `poll` of system_clock throws.
  virtual void sleep(Duration duration) = 0;
};

// The machine's. `poll`, which may be empty, is called every 100 ms of a sleep; what it throws ends
// the sleep. It must be safe to call from any thread.
std::unique_ptr<Clock> system_clock(std::function<void()> poll = {});

}  // namespace agent
