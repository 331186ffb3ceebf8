#include "net/rate_limit.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/expect.h"
#include "support/fake_clock.h"

using agent::RateLimit;
using namespace std::chrono_literals;

TEST_CASE("rate_limit: bytes take their time from the first one on") {
  test::FakeClock clock;
  RateLimit limit(1000, clock);
  limit.pass(3000);
  CHECK(clock.elapsed() == 3s);
  limit.pass(0);
  CHECK(clock.elapsed() == 3s);
}

TEST_CASE("rate_limit: it is smooth, no wait is longer than 100 ms") {
  test::FakeClock clock;
  RateLimit limit(1'000'000, clock);
  limit.pass(1'000'001);
  const auto sleeps = clock.sleeps();
  CHECK(sleeps.size() == 11);
  CHECK(*std::max_element(sleeps.begin(), sleeps.end()) <= 100ms);
}

TEST_CASE("rate_limit: of idle time 100 ms are saved up and no more") {
  test::FakeClock clock;
  RateLimit limit(1000, clock);
  clock.advance(1h);
  limit.pass(100);
  CHECK(clock.sleeps().empty());
  limit.pass(100);
  CHECK(clock.sleeps() == std::vector<agent::Clock::Duration>{100ms});
}

TEST_CASE("rate_limit: pieces that take less than a millisecond add up to the rate") {
  test::FakeClock clock;
  RateLimit limit(100'000'000, clock);
  for (int i = 0; i < 10'000; ++i)
    limit.pass(10'000);
  CHECK(clock.elapsed() >= 1s);
  CHECK(clock.elapsed() <= 1001ms);
}

TEST_CASE("rate_limit: one with few bytes is not kept out by one with many") {
  test::FakeClock* inner = nullptr;
  RateLimit* shared = nullptr;
  agent::Clock::Duration waited{0};
  // Another caller comes while the first waits for its first turn.
  test::FakeClock clock([&] {
    if (shared == nullptr) return;
    RateLimit* const limit = std::exchange(shared, nullptr);
    const auto before = inner->elapsed();
    limit->pass(100);
    waited = inner->elapsed() - before;
  });
  inner = &clock;
  RateLimit limit(1000, clock);
  shared = &limit;
  limit.pass(60'000);
  CHECK(waited == 200ms);  // the first one's turn and its own
}

TEST_CASE("rate_limit: a rate of less than one byte a turn is kept, none at all is refused") {
  test::FakeClock clock;
  RateLimit limit(1, clock);
  limit.pass(3);
  CHECK(clock.elapsed() == 3s);
  CHECK(tape::failed([&] { RateLimit(0, clock); }).kind() == tape::ErrorKind::usage);
}
