#include "net/clock.h"

#include "support/catch.h"
#include "support/expect.h"

using agent::Clock;
using namespace std::chrono_literals;

TEST_CASE("clock: a sleep lasts as long as asked, and nothing is shorter than none") {
  const auto clock = agent::system_clock();
  const Clock::Duration before = clock->elapsed();
  clock->sleep(3ms);
  CHECK(clock->elapsed() - before >= 3ms);
  clock->sleep(-1h);
}

TEST_CASE("clock: what the poll throws ends a sleep, at its beginning and in the middle") {
  int calls = 0;
  const auto clock = agent::system_clock([&] {
    if (++calls == 2) throw tape::Error(tape::ErrorKind::canceled, "stop");
  });
  clock->sleep(0ms);
  CHECK(calls == 1);
  CHECK(tape::failed([&] { clock->sleep(1h); }).kind() == tape::ErrorKind::canceled);
  calls = 0;
  CHECK(tape::failed([&] { clock->sleep(1h); }).kind() == tape::ErrorKind::canceled);
  CHECK(calls == 2);
}

TEST_CASE("clock: now is the time of day") {
  const auto clock = agent::system_clock();
  const auto before = std::chrono::system_clock::now();
  const auto now = clock->now();
  CHECK(now >= before);
  CHECK(now <= std::chrono::system_clock::now());
}
