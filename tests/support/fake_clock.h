// A Clock that stands still but for sleep(), which returns at once.
//
// Threads: any number of callers.
#pragma once
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "net/clock.h"

namespace test {

class FakeClock final : public agent::Clock {
 public:
  // `on_sleep`, which may be empty, is called in each sleep and may throw, as the poll of
  // system_clock may.
  explicit FakeClock(std::function<void()> on_sleep = {}) : on_sleep_(std::move(on_sleep)) {}

  Time now() const override {
    const std::lock_guard lock(mutex_);
    return start_ + elapsed_;
  }
  Duration elapsed() const override {
    const std::lock_guard lock(mutex_);
    return elapsed_;
  }
  void sleep(Duration duration) override {
    if (on_sleep_) on_sleep_();
    const std::lock_guard lock(mutex_);
    sleeps_.push_back(duration);
    elapsed_ += duration;
  }

  void advance(Duration duration) {
    const std::lock_guard lock(mutex_);
    elapsed_ += duration;
  }
  // now() only, as when somebody sets the machine's clock.
  void set_now(Time time) {
    const std::lock_guard lock(mutex_);
    start_ = time - elapsed_;
  }
  std::vector<Duration> sleeps() const {
    const std::lock_guard lock(mutex_);
    return sleeps_;
  }

 private:
  const std::function<void()> on_sleep_;
  mutable std::mutex mutex_;
  Time start_ = Time(std::chrono::seconds(1'700'000'000));  // 2023-11-14T22:13:20Z
  Duration elapsed_{0};
  std::vector<Duration> sleeps_;
};

}  // namespace test
