#include "restore/range_window.h"

#include <algorithm>

#include "support/expect.h"
#include "support/faulty.h"
#include "support/memory_io.h"
#include "support/samples.h"

using namespace tape;

namespace {

bool shows(RangeWindow& window, const Bytes& bytes, std::size_t at, std::size_t size) {
  const ByteView view = window.view(GzOffset(at), size);
  return std::equal(view.begin(), view.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
}

}  // namespace

TEST_CASE("range_window: any views in any order show the bytes of the source", "[range_window]") {
  const Bytes bytes = mixed_bytes(5000);
  const MemorySource source(bytes);
  Random random(16);
  for (int expected = 0; expected < 2; ++expected) {
    RangeWindow window(source);
    if (expected == 1) window.expect({GzOffset(1000), 3000}, 700);
    for (int round = 0; round < 3000; ++round) {
      const std::size_t at = below(random, bytes.size() + 1);
      const std::size_t size = below(random, bytes.size() - at + 1);
      INFO("seed 16, round " << round);
      REQUIRE(shows(window, bytes, at, below(random, 2) == 0 ? size : size % 100));
    }
  }
}

TEST_CASE("range_window: what is held is not asked for again", "[range_window]") {
  const Bytes bytes = mixed_bytes(5000);
  const MemorySource source(bytes);
  RangeWindow window(source);
  CHECK(shows(window, bytes, 100, 200));
  CHECK(shows(window, bytes, 150, 50));
  CHECK(window.holds(GzOffset(100), 200));
  CHECK_FALSE(window.holds(GzOffset(99), 2));
  CHECK_FALSE(window.holds(GzOffset(299), 2));
  CHECK(source.reads.size() == 1);
  CHECK(shows(window, bytes, 200, 200));
  REQUIRE(source.reads.size() == 2);
  CHECK(source.reads[1].begin == GzOffset(300));
  CHECK(source.reads[1].size == 100);
}

TEST_CASE("range_window: a miss inside the expected range reads on to its end, at most `most`",
          "[range_window]") {
  struct Case {
    const char* what;
    std::size_t at;
    std::size_t size;
    ByteCount read;
  };
  constexpr Case kCases[] = {
      {"in front of the range", 900, 50, 50}, {"at its begin", 1000, 50, 700},
      {"near its end", 3900, 50, 100},        {"behind its end", 4000, 50, 50},
      {"more than `most`", 1000, 900, 900},   {"across its end", 3900, 200, 200},
  };
  const Bytes bytes = mixed_bytes(5000);
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      const MemorySource source(bytes);
      RangeWindow window(source);
      window.expect({GzOffset(1000), 3000}, 700);
      CHECK(shows(window, bytes, c.at, c.size));
      REQUIRE(source.reads.size() == 1);
      CHECK(source.reads[0].begin.value() == c.at);
      CHECK(source.reads[0].size == c.read);
    }
  }
}

TEST_CASE("range_window: an expected range may reach behind the source", "[range_window]") {
  const Bytes bytes = mixed_bytes(5000);
  const MemorySource source(bytes);
  RangeWindow window(source);
  window.expect({GzOffset(4000), 100'000}, 100'000);
  CHECK(shows(window, bytes, 4500, 10));
  CHECK(source.reads[0].size == 500);
}

TEST_CASE("range_window: a failed read leaves nothing that looks read", "[range_window]") {
  const Bytes bytes = mixed_bytes(5000);
  const MemorySource source(bytes);
  Faults faults = Faults::at_call(2, Error(ErrorKind::transient, "line cut"));
  const FaultySource faulty(source, faults);
  RangeWindow window(faulty);
  CHECK(shows(window, bytes, 100, 200));
  CHECK(failed([&] { return window.view(GzOffset(200), 300); }).kind() == ErrorKind::transient);
  CHECK(shows(window, bytes, 100, 200));
  CHECK(shows(window, bytes, 200, 300));
}
