#include "tape/ragzip_reader.h"

#include <algorithm>

#include "format/ragzip_format.h"
#include "support/expect.h"
#include "support/faulty.h"
#include "support/memory_io.h"
#include "support/samples.h"
#include "tape/ragzip_writer.h"

using namespace tape;

namespace {

Bytes ragzip_of(const Bytes& content, int page_bits, int index_bits, int extensions = 0) {
  MemorySink sink;
  RagzipOptions options;
  options.page_bits = page_bits;
  options.index_bits = index_bits;
  RagzipWriter writer(sink, options, nullptr);
  writer.write(content);
  writer.finish_pages();
  for (int i = 0; i < extensions; ++i)
    writer.add_extension(static_cast<std::uint32_t>(i), Bytes(static_cast<std::size_t>(i), 0xEE));
  writer.finish();
  return std::move(sink.bytes);
}

// What read_at gives against the same range of `content`.
bool reads_right(RagzipReader& reader, const Bytes& content, std::size_t at, std::size_t size) {
  Bytes out(size, 0xA5);
  const std::size_t n = reader.read_at(LogicalOffset(at), out);
  const std::size_t expected = at < content.size() ? std::min(size, content.size() - at) : 0;
  return n == expected &&
         std::equal(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n),
                    content.begin() + static_cast<std::ptrdiff_t>(std::min(at, content.size())));
}

// Opens `file` and reads all of it page by page: the right bytes, corrupt or unsupported.
// Anything else fails the test; returns whether it was read.
bool right_or_refused(const Bytes& file, const Bytes& content, const std::string& what) {
  const auto failure = failure_of([&] {
    const MemorySource source(file);
    RagzipReader reader(source);
    Bytes out(content.size() + 1);
    out.resize(reader.read_at(LogicalOffset(0), out));
    if (out != content || reader.geometry().logical_size != content.size())
      FAIL(what << ": other bytes, and no error");
  });
  if (failure && failure->kind() != ErrorKind::corrupt && failure->kind() != ErrorKind::unsupported)
    FAIL(what << ": " << failure->kind() << ", " << failure->what());
  return !failure;
}

struct Geometry {
  std::size_t size;
  int page_bits;
  int index_bits;
};
constexpr Geometry kGeometries[] = {
    {0, 9, 1},     {1, 9, 1},     {511, 9, 1},   {512, 9, 1},    {513, 9, 1},
    {1024, 9, 2},  {1025, 9, 1},  {4096, 9, 1},  {8705, 9, 1},   {8705, 9, 2},
    {8705, 9, 10}, {8705, 11, 1}, {8705, 13, 1}, {8705, 14, 10},
};

}  // namespace

TEST_CASE("ragzip_reader: read_at any offset gives the content of any geometry",
          "[ragzip_reader]") {
  for (const Geometry& c : kGeometries) {
    DYNAMIC_SECTION(c.size << " bytes, pages of 2^" << c.page_bits << ", indexes of 2^"
                           << c.index_bits) {
      const Bytes content = mixed_bytes(c.size);
      const Bytes file = ragzip_of(content, c.page_bits, c.index_bits);
      const MemorySource source(file);
      RagzipReader reader(source);
      CHECK(reader.geometry().logical_size == c.size);
      CHECK(reader.geometry().page_count == pages_for(c.size, c.page_bits));
      for (std::size_t at = 0; at <= c.size + 2; ++at) {
        for (const std::size_t size : {std::size_t{1}, std::size_t{511}, std::size_t{513}}) {
          if (!reads_right(reader, content, at, size)) FAIL(size << " bytes at " << at);
        }
      }
      CHECK(reads_right(reader, content, 0, c.size + 100));
      CHECK(reads_right(reader, content, 0, 0));
      CHECK(reads_right(reader, content, ~std::size_t{0}, 1));
    }
  }
}

TEST_CASE("ragzip_reader: pages in any order, by readers new and old", "[ragzip_reader]") {
  const Bytes content = mixed_bytes(40 * 512 + 17);
  const Bytes file = ragzip_of(content, 9, 1);
  const MemorySource source(file);
  RagzipReader old(source);
  Random random(11);
  for (int round = 0; round < 2000; ++round) {
    const std::size_t at = below(random, content.size());
    const std::size_t size = below(random, 1500);
    INFO("seed 11, round " << round);
    REQUIRE(reads_right(old, content, at, size));
    RagzipReader fresh(source);
    REQUIRE(reads_right(fresh, content, at, size));
  }
}

TEST_CASE("ragzip_reader: every page lies where the index tree says", "[ragzip_reader]") {
  const Bytes content = mixed_bytes(40 * 512 + 17);
  const Bytes file = ragzip_of(content, 9, 1);
  const MemorySource source(file);
  RagzipReader reader(source);
  GzOffset before;
  for (std::uint64_t number = 0; number < reader.geometry().page_count; ++number) {
    const GzRange place = reader.page_place(number);
    CHECK((number == 0 ? place.begin == GzOffset(0) : place.begin >= before));
    Bytes page;
    const GzRange found = reader.decode_page(number, place, page);
    CHECK(found.begin == place.begin);
    CHECK(found.end() <= place.end());
    before = found.end();
    CHECK(page.size() == reader.page_length(number));
    CHECK(std::equal(page.begin(), page.end(),
                     content.begin() + static_cast<std::ptrdiff_t>(number * 512)));
  }
  CHECK(reader.page_length(0) == 512);
  CHECK(reader.page_length(40) == 17);
}

TEST_CASE("ragzip_reader: extensions come in the order they were written", "[ragzip_reader]") {
  for (const int count : {0, 1, 3, 50}) {
    const Bytes file = ragzip_of(mixed_bytes(700), 9, 1, count);
    const MemorySource source(file);
    const RagzipReader reader(source);
    REQUIRE(reader.extensions().size() == static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < reader.extensions().size(); ++i) {
      CHECK(reader.extensions()[i].id == i);
      CHECK(reader.extensions()[i].payload == Bytes(i, 0xEE));
      CHECK(reader.extensions()[i].flags == 0);
      CHECK(file[reader.extensions()[i].offset.value()] == 0x1F);
    }
  }
}

TEST_CASE("ragzip_reader: a small file is opened by one read, its pages read by one more",
          "[ragzip_reader]") {
  const Bytes content = mixed_bytes(2000);
  const Bytes file = ragzip_of(content, 9, 10, 2);
  const MemorySource source(file);
  RagzipReader reader(source);
  REQUIRE(source.reads.size() == 1);
  CHECK(source.reads[0].end().value() == file.size());
  reader.read_ahead({GzOffset(0), file.size()}, file.size());
  CHECK(reads_right(reader, content, 0, content.size()));
  CHECK(source.reads.size() == 2);
}

TEST_CASE("ragzip_reader: the tail read is no larger than kTailReadSize", "[ragzip_reader]") {
  Random random(12);
  const Bytes file = ragzip_of(random_bytes(random, 60'000), 9, 10);
  const MemorySource source(file);
  RagzipReader reader(source);
  REQUIRE(source.reads.size() == 1);
  CHECK(source.reads[0].size == kTailReadSize);
  CHECK(source.reads[0].end().value() == file.size());
}

TEST_CASE("ragzip_reader: a page asked for twice is read once, and an index too",
          "[ragzip_reader]") {
  Random random(13);
  const Bytes content = random_bytes(random, 60'000);
  const Bytes file = ragzip_of(content, 9, 10);
  const MemorySource source(file);
  RagzipReader reader(source);
  source.reads.clear();
  CHECK(reads_right(reader, content, 5000, 10));
  CHECK(source.reads.size() == 1);
  CHECK(reads_right(reader, content, 5010, 10));
  CHECK(source.reads.size() == 1);
}

TEST_CASE("ragzip_reader: a file cut anywhere is read right or refused", "[ragzip_reader]") {
  const Bytes content = mixed_bytes(1300);
  const Bytes file = ragzip_of(content, 9, 1, 2);
  for (std::size_t size = 0; size < file.size(); ++size) {
    const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    if (right_or_refused(cut, content, "cut to " + std::to_string(size)))
      FAIL("cut to " << size << " of " << file.size() << ", and read");
  }
  CHECK(right_or_refused(file, content, "whole"));
}

TEST_CASE("ragzip_reader: a file with its beginning missing or more behind is refused",
          "[ragzip_reader]") {
  const Bytes content = mixed_bytes(1300);
  const Bytes file = ragzip_of(content, 9, 1);
  for (std::size_t cut = 1; cut < file.size(); ++cut) {
    const Bytes rest(file.begin() + static_cast<std::ptrdiff_t>(cut), file.end());
    if (right_or_refused(rest, content, "without its first " + std::to_string(cut)))
      FAIL("without its first " << cut << ", and read");
  }
  for (std::size_t more = 1; more < 100; ++more) {
    Bytes longer = file;
    longer.resize(file.size() + more);
    CHECK_FALSE(right_or_refused(longer, content, std::to_string(more) + " more"));
  }
}

TEST_CASE("ragzip_reader: a file with any byte changed is read right or refused",
          "[ragzip_reader]") {
  Random random(14);
  for (const int extensions : {0, 2}) {
    const Bytes content = mixed_bytes(1300, static_cast<std::uint64_t>(extensions));
    const Bytes file = ragzip_of(content, 9, 1, extensions);
    std::size_t read = 0;
    for (std::size_t at = 0; at < file.size(); ++at) {
      std::vector<std::uint8_t> flips = {1, 2, 4, 8, 16, 32, 64, 128, 0xFF};
      flips.push_back(static_cast<std::uint8_t>(1 + below(random, 255)));
      for (const std::uint8_t flip : flips) {
        Bytes bad = file;
        bad[at] = static_cast<std::uint8_t>(bad[at] ^ flip);
        if (right_or_refused(bad, content,
                             "byte " + std::to_string(at) + " ^ " + std::to_string(flip)))
          ++read;
      }
    }
    // Free are times, systems, paddings, extensions' ids and content: never half of a file.
    CHECK(read > 0);
    CHECK(read < file.size() * 10 / 2);
  }
}

TEST_CASE("ragzip_reader: random damage is read right or refused", "[ragzip_reader]") {
  const Bytes content = mixed_bytes(3000);
  const Bytes file = ragzip_of(content, 9, 1, 1);
  Random random(15);
  for (int round = 0; round < 3000; ++round) {
    Bytes bad = file;
    for (std::uint64_t changes = 1 + below(random, 4); changes > 0; --changes) {
      // The tail holds all the structure: half of the damage goes there.
      const std::size_t span =
          below(random, 2) == 0 ? bad.size() : std::min<std::size_t>(bad.size(), 400);
      bad[bad.size() - 1 - below(random, span)] = static_cast<std::uint8_t>(random());
    }
    right_or_refused(bad, content, "seed 15, round " + std::to_string(round));
  }
}

TEST_CASE("ragzip_reader: whichever read fails, the failure comes out and a new try is right",
          "[ragzip_reader]") {
  const Bytes content = mixed_bytes(20'000);
  const Bytes file = ragzip_of(content, 9, 1, 1);
  const MemorySource source(file);
  Faults none = Faults::none();
  {
    const FaultySource counted(source, none);
    RagzipReader reader(counted);
    CHECK(reads_right(reader, content, 0, content.size()));
  }
  REQUIRE(none.calls() > 3);
  for (std::uint64_t call = 2; call <= none.calls(); ++call) {
    Faults faults = Faults::at_call(call, Error(ErrorKind::transient, "line cut"));
    const FaultySource faulty(source, faults);
    RagzipReader reader(faulty);
    Bytes out(content.size());
    INFO("call " << call);
    CHECK(failed([&] { return reader.read_at(LogicalOffset(0), out); }).kind() ==
          ErrorKind::transient);
    CHECK(reads_right(reader, content, 0, content.size()));
  }
  Faults first = Faults::at_call(1, Error(ErrorKind::denied, "no"));
  const FaultySource faulty(source, first);
  const Error error = failed([&] { RagzipReader reader(faulty); });
  CHECK(error.kind() == ErrorKind::denied);
}
