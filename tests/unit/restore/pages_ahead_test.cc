#include "restore/pages_ahead.h"

#include <random>

#include "support/expect.h"
#include "support/memory_io.h"
#include "support/ragzip_by_hand.h"
#include "support/samples.h"
#include "tape/counting_source.h"

using namespace tape;

namespace {

constexpr int kPageBits = 14;
constexpr ByteCount kPage = ByteCount{1} << kPageBits;
constexpr std::uint64_t kRunPages = 64;  // of 1 MiB
constexpr std::uint64_t kPages = 10 * kRunPages + 1;

struct Opened {
  explicit Opened(const Bytes& file, unsigned workers)
      : source(std::make_unique<SharedSource>(file), counts),
        object(source, {IndexMode::loaded, 1}, kTailReadSize),
        ahead(object, workers, false) {
    counts.requests = 0;
  }

  ReadCounts counts;
  CountingSource source;
  RagzipObject object;
  PagesAhead ahead;
};

const Bytes& content() {
  static const Bytes bytes = mixed_bytes((kPages - 1) * kPage + 100);
  return bytes;
}

const Bytes& file() {
  static const Bytes bytes = ragzip_of(content(), 4, kPageBits);
  return bytes;
}

Bytes page_of(std::uint64_t number) {
  const auto begin = content().begin() + static_cast<std::ptrdiff_t>(number * kPage);
  return {begin, begin + std::min<std::ptrdiff_t>(kPage, content().end() - begin)};
}

bool is_right(const PagesAhead::Page& page, std::uint64_t number) {
  return Bytes(page.bytes.begin(), page.bytes.end()) == page_of(number);
}

}  // namespace

TEST_CASE("pages_ahead: a walk has every page behind the second ahead, in one read a run") {
  for (const unsigned workers : {1U, 2U, 5U}) {
    INFO(workers);
    Opened opened(file(), workers);
    for (std::uint64_t number = 0; number < kPages; ++number) {
      const auto page = opened.ahead.page(number);
      REQUIRE(page.has_value() == (number > 1));
      if (page) REQUIRE(is_right(*page, number));
      if (page) REQUIRE(page->place.begin == opened.object.index.place(number).begin);
    }
    CHECK(opened.counts.requests == kPages / kRunPages);
  }
}

TEST_CASE("pages_ahead: without workers nothing is ahead") {
  Opened opened(file(), 0);
  for (std::uint64_t number = 0; number < 5; ++number)
    CHECK_FALSE(opened.ahead.page(number));
  CHECK(opened.counts.requests == 0);
}

TEST_CASE("pages_ahead: a page by itself makes nobody read, two in a row begin with one run") {
  Opened opened(file(), 2);
  for (const std::uint64_t number : {7U, 300U, 9U})
    CHECK_FALSE(opened.ahead.page(number));
  CHECK(opened.counts.requests == 0);
  CHECK_FALSE(opened.ahead.page(10));
  // That one, and the two begun when it came.
  for (std::uint64_t number = 11; number < 11 + kRunPages; ++number)
    CHECK(opened.ahead.page(number));
  CHECK(opened.counts.requests <= 3);
}

TEST_CASE("pages_ahead: pages asked for in any order are right or none") {
  std::mt19937_64 random(5);
  Opened opened(file(), 2);
  std::uint64_t number = 0;
  std::uint64_t ahead = 0;
  for (unsigned i = 0; i < 3000; ++i) {
    const auto page = opened.ahead.page(number);
    if (page) REQUIRE(is_right(*page, number));
    if (page) ++ahead;
    const std::uint64_t next = random() % 100;
    if (next < 90)
      ++number;
    else if (next < 95)
      number += random() % (2 * kRunPages);
    else if (next < 98)
      number -= std::min<std::uint64_t>(number, random() % 10);
    else
      number = random();
    number %= kPages;
  }
  CHECK(ahead > 1500);
}

TEST_CASE("pages_ahead: a damaged page is none, and those behind it come again") {
  constexpr std::uint64_t kBad = 100;
  Bytes damaged = file();
  {
    const Opened sound(file(), 0);
    RagzipObject object(sound.source, {IndexMode::loaded, 1}, kTailReadSize);
    damaged[(object.index.place(kBad).end() - GzOffset(0)) - 5] ^= 1;  // its CRC32 or ISIZE
  }
  Opened opened(damaged, 2);
  for (std::uint64_t number = 0; number < kPages; ++number) {
    const auto page = opened.ahead.page(number);
    if (page) REQUIRE(is_right(*page, number));
    REQUIRE_FALSE((number == kBad && page));
    if (number > kBad + kRunPages) REQUIRE(page);
  }
}
