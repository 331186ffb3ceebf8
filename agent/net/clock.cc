#include "net/clock.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace agent {
namespace {

constexpr Clock::Duration kPollInterval{100};

class SystemClock final : public Clock {
 public:
  explicit SystemClock(std::function<void()> poll) : poll_(std::move(poll)) {}

  Time now() const override { return std::chrono::system_clock::now(); }

  Duration elapsed() const override {
    return std::chrono::duration_cast<Duration>(
        std::chrono::steady_clock::now().time_since_epoch());
  }

  // Polls at the beginning too: many short sleeps in a row are ended as well as a long one.
  void sleep(Duration duration) override {
    using Steady = std::chrono::steady_clock;
    const Steady::time_point end = Steady::now() + duration;
    do {
      if (poll_) poll_();
      std::this_thread::sleep_until(std::min(end, Steady::now() + kPollInterval));
    } while (Steady::now() < end);
  }

 private:
  std::function<void()> poll_;
};

}  // namespace

std::unique_ptr<Clock> system_clock(std::function<void()> poll) {
  return std::make_unique<SystemClock>(std::move(poll));
}

}  // namespace agent
