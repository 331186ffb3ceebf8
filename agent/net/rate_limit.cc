#include "net/rate_limit.h"

#include <algorithm>
#include <cmath>

#include "tape/error.h"

namespace agent {
namespace {

constexpr double kSavedMsMax = 100;
constexpr std::uint64_t kTurnsPerSecond = 10;

}  // namespace

RateLimit::RateLimit(std::uint64_t bytes_per_second, Clock& clock)
    : bytes_per_second_(bytes_per_second),
      clock_(clock),
      free_at_ms_(static_cast<double>(clock.elapsed().count())) {
  if (bytes_per_second == 0)
    throw tape::Error(tape::ErrorKind::usage, "a limit of 0 bytes a second: nothing would ever go");
}

void RateLimit::pass(std::uint64_t bytes) {
  const std::uint64_t turn = std::max<std::uint64_t>(1, bytes_per_second_ / kTurnsPerSecond);
  while (bytes > 0) {
    const std::uint64_t now = std::min(bytes, turn);
    const Clock::Duration wait = wait_for(now);
    if (wait.count() > 0) clock_.sleep(wait);
    bytes -= now;
  }
}

// A wait is rounded up to whole milliseconds; what it is too long is saved for the next.
Clock::Duration RateLimit::wait_for(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto now = static_cast<double>(clock_.elapsed().count());
  free_at_ms_ = std::max(free_at_ms_, now - kSavedMsMax);
  free_at_ms_ += static_cast<double>(bytes) * 1000 / static_cast<double>(bytes_per_second_);
  return Clock::Duration(static_cast<std::int64_t>(std::ceil(free_at_ms_ - now)));
}

}  // namespace agent
