#include "tape/gzip_index.h"

#include <algorithm>

#include "base/endian.h"
#include "support/expect.h"
#include "support/gzip_members.h"
#include "support/memory_io.h"
#include "support/samples.h"

using namespace tape;
using namespace test;

namespace {

constexpr ByteCount kSpacing = 40'000;

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts)
    out.insert(out.end(), part.begin(), part.end());
  return out;
}

ByteReader reader_of(const Bytes& bytes, std::size_t most) {
  return [&bytes, most, at = std::size_t{0}](MutableBytes out) mutable {
    const std::size_t n = std::min({out.size(), bytes.size() - at, most});
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), n, out.begin());
    at += n;
    return n;
  };
}

struct Made {
  explicit Made(const Bytes& stream, ByteCount spacing = kSpacing, std::size_t most = SIZE_MAX) {
    MemorySpool windows;
    MemorySink sink;
    summary = build_gzip_index(
        reader_of(stream, most),
        [&](ByteView piece) { content.insert(content.end(), piece.begin(), piece.end()); },
        {sink, windows.out, windows.in}, {spacing});
    index = std::move(sink.bytes);
  }
  GzipIndexSummary summary;
  Bytes content;
  Bytes index;
};

struct Opened {
  Opened(const Bytes& stream, const Bytes& index_bytes)
      : stream_source(stream),
        index_source(index_bytes),
        index(index_source),
        reader(stream_source, index) {}
  Bytes read(std::uint64_t at, std::size_t size) {
    Bytes out(size);
    out.resize(reader.read_at(at, out));
    return out;
  }
  MemorySource stream_source;
  MemorySource index_source;
  GzipIndex index;
  GzipContentReader reader;
};

Bytes part(const Bytes& content, std::uint64_t at, std::size_t size) {
  if (at >= content.size()) return {};
  const auto begin = content.begin() + static_cast<std::ptrdiff_t>(at);
  return {begin, begin + std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(size),
                                                  content.end() - begin)};
}

// Members of every shape, with zeros between and behind them.
Bytes every_shape() {
  GzipShape fields;
  fields.extra = Bytes{'A', 'B', 2, 0, 1, 2};
  fields.name = "name";
  fields.comment = text(5000, 'c');
  fields.header_crc = true;
  GzipShape stored;
  stored.level = 0;
  return joined({gzip_member(mixed_bytes(300'000, 1)), Bytes(7), gzip_member({}),
                 gzip_member(mixed_bytes(1, 2), fields), Bytes(70'000),
                 gzip_member(mixed_bytes(200'000, 3), stored),
                 gzip_member(mixed_bytes(150'000, 4), fields), Bytes(513)});
}

}  // namespace

TEST_CASE("gzip_index: any range of any gzip stream is what gunzip gives", "[gzip_index]") {
  const Bytes stream = every_shape();
  const Made made(stream);
  CHECK(made.summary.members == 5);
  CHECK(made.summary.content_size == 650'001);
  CHECK(made.summary.trailing_zeros == 513);
  REQUIRE(made.content.size() == 650'001);
  Opened opened(stream, made.index);
  Random random(7);
  for (int i = 0; i < 400; ++i) {
    const std::uint64_t at = below(random, made.content.size() + 10);
    const std::size_t size = below(random, i % 4 == 0 ? 400'000 : 3000);
    INFO(at << " " << size);
    REQUIRE((opened.read(at, size) == part(made.content, at, size)));
  }
  CHECK(opened.read(650'001, 1).empty());
  CHECK((opened.read(0, 1'000'000) == made.content));
}

TEST_CASE("gzip_index: content that is kept is not inflated again, and is the same",
          "[gzip_index]") {
  const Bytes stream = every_shape();
  const Made made(stream);
  Opened opened(stream, made.index);
  opened.reader.keep(ByteCount{4} << 20);
  Random random(8);
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t at = below(random, made.content.size() + 10);
    const std::size_t size = below(random, 400'000);
    INFO(at << " " << size);
    REQUIRE((opened.read(at, size) == part(made.content, at, size)));
  }
  // All of it fits: what was read by now is here.
  const std::size_t reads = opened.stream_source.reads.size();
  CHECK((opened.read(0, 700'000) == made.content));
  CHECK(opened.stream_source.reads.size() == reads);
}

TEST_CASE("gzip_index: the same index whatever the cutting of the stream", "[gzip_index]") {
  const Bytes stream = every_shape();
  const Made made(stream);
  for (const std::size_t most : {std::size_t{1}, std::size_t{999}, std::size_t{65'536}})
    CHECK((Made(stream, kSpacing, most).index == made.index));
}

TEST_CASE(
    "gzip_index: points stand at members and at blocks, a spacing apart, with what stands in front",
    "[gzip_index]") {
  const Bytes stream = every_shape();
  const Made made(stream);
  Opened opened(stream, made.index);
  const auto& points = opened.index.points();
  std::size_t windows = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!points[i].has_window) continue;
    ++windows;
    CHECK(points[i].content - points[i - 1].content >= kSpacing);
    Bytes expected(kGzipWindowSize);
    const std::size_t there = std::min<std::size_t>(kGzipWindowSize, points[i].content);
    std::copy_n(made.content.begin() + static_cast<std::ptrdiff_t>(points[i].content - there),
                there, expected.end() - static_cast<std::ptrdiff_t>(there));
    CHECK((opened.index.window(i) == expected));
  }
  CHECK(windows >= 7);
  CHECK(points.size() - windows == 5);
  // One block has no place in its middle.
  CHECK(Made(gzip_member(Bytes(1 << 20))).summary.points == 2);
}

TEST_CASE("gzip_index: one range costs one window and one read of the stream", "[gzip_index]") {
  const Bytes stream = every_shape();
  const Made made(stream);
  Opened opened(stream, made.index);
  CHECK(opened.index_source.reads.size() == 1);
  opened.index_source.reads.clear();
  opened.reader.expect(120'000, 100'000);
  CHECK((opened.read(120'000, 100'000) == part(made.content, 120'000, 100'000)));
  CHECK(opened.stream_source.reads.size() == 1);
  CHECK(opened.index_source.reads.size() == 1);
  CHECK(opened.index_source.reads[0].size == kGzipWindowSize);
}

TEST_CASE("gzip_index: who reads on begins nowhere anew", "[gzip_index]") {
  const Bytes stream = every_shape();
  const Made made(stream);
  Opened opened(stream, made.index);
  opened.index_source.reads.clear();
  for (std::uint64_t at = 0; at < made.content.size(); at += 500)
    REQUIRE((opened.read(at, 500) == part(made.content, at, 500)));
  CHECK(opened.index_source.reads.empty());
  CHECK(opened.stream_source.bytes_read() < 2 * stream.size());
}

TEST_CASE("gzip_index: an index cut anywhere is refused, or gives the right bytes",
          "[gzip_index]") {
  const Bytes stream = every_shape();
  const Made made(stream);
  const std::size_t step = 97;
  for (std::size_t size = 0; size < made.index.size(); size += size < 400 ? 1 : step) {
    Bytes cut = made.index;
    cut.resize(size);
    const auto failure = failure_of([&] {
      Opened opened(stream, cut);
      for (const GzipPoint& point : opened.index.points())
        REQUIRE((opened.read(point.content, 100) == part(made.content, point.content, 100)));
    });
    // The window at the end is for nobody.
    if (size + kGzipWindowSize < made.index.size()) REQUIRE(failure);
    if (failure) REQUIRE(failure->kind() == ErrorKind::corrupt);
  }
}

TEST_CASE(
    "gzip_index: a stream with any byte changed gives, read whole, the right bytes or an error",
    "[gzip_index]") {
  const Bytes stream =
      joined({gzip_member(mixed_bytes(60'000, 1)), Bytes(3), gzip_member(mixed_bytes(50'000, 2))});
  const Made made(stream);
  for (std::size_t at = 0; at < stream.size(); at += 13) {
    Bytes bad = stream;
    bad[at] ^= 0x10;
    Bytes found;
    const auto failure = failure_of([&] {
      Opened opened(bad, made.index);
      found = opened.read(0, 200'000);
    });
    if (failure) REQUIRE(failure->kind() == ErrorKind::corrupt);
    INFO(at);
    if (!failure) REQUIRE((found == made.content));
    const auto refused = failure_of([&] { found = Made(bad).content; });
    if (!refused) REQUIRE((found == made.content));
  }
}

TEST_CASE("gzip_index: a stream cut anywhere, or with more behind it, has no index",
          "[gzip_index]") {
  const Bytes stream =
      joined({gzip_member(mixed_bytes(3000, 1)), gzip_member(mixed_bytes(2000, 2))});
  const std::size_t first = gzip_member(mixed_bytes(3000, 1)).size();
  for (std::size_t size = 0; size < stream.size(); ++size) {
    Bytes cut = stream;
    cut.resize(size);
    INFO(size);
    const auto failure = failure_of([&] { const Made made(cut); });
    CHECK(failure.has_value() == (size != first));
    if (failure) CHECK(failure->kind() == ErrorKind::corrupt);
  }
  Bytes more = stream;
  more.push_back('x');
  const Error error = failed([&] { const Made made(more); });
  CHECK(error.kind() == ErrorKind::corrupt);
  CHECK(says(error, std::to_string(stream.size())));
}

TEST_CASE("gzip_index: an index of another stream is refused", "[gzip_index]") {
  const Bytes stream = every_shape();
  const Made made(stream);
  Bytes longer = stream;
  longer.push_back(0);
  const Error error = failed([&] { const Opened opened(longer, made.index); });
  CHECK(error.kind() == ErrorKind::corrupt);
  CHECK(says(error, std::to_string(stream.size())));
  CHECK(says(error, std::to_string(longer.size())));
  // Of the same size, but with a longer header.
  GzipShape named;
  named.name = "n";
  Bytes other = gzip_member(mixed_bytes(300'000, 1), named);
  other.resize(stream.size());
  Opened opened(other, made.index);
  CHECK(says(failed([&] { opened.read(0, 10); }), "of another stream"));
}

TEST_CASE("gzip_index: a spacing that indexed_gzip would not take is refused", "[gzip_index]") {
  const Bytes stream = gzip_member({});
  for (const ByteCount spacing : {ByteCount{0}, ByteCount{32'768}, ByteCount{1} << 32})
    CHECK(failed([&] { const Made made(stream, spacing); }).kind() == ErrorKind::usage);
  CHECK(Made(stream, 32'769).summary.content_size == 0);
  CHECK(Made(stream, UINT32_MAX).summary.points == 2);
}

TEST_CASE("gzip_index: indexes of version 0, and without a content size, are read",
          "[gzip_index]") {
  const Bytes stream = gzip_member(mixed_bytes(300'000, 1));
  const Made made(stream);
  Bytes old(made.index.begin(), made.index.begin() + 35);
  old[5] = 0;
  std::fill_n(old.begin() + 15, 8, std::uint8_t{0});
  for (std::uint64_t i = 0; i < made.summary.points; ++i) {
    const auto point = made.index.begin() + 35 + static_cast<std::ptrdiff_t>(18 * i);
    old.insert(old.end(), point, point + 17);
  }
  old.insert(old.end(),
             made.index.begin() + 35 + static_cast<std::ptrdiff_t>(18 * made.summary.points),
             made.index.end());
  Opened opened(stream, old);
  CHECK_FALSE(opened.index.content_size());
  for (const std::uint64_t at : {299'990U, 0U, 150'000U, 300'000U, 1'000'000U})
    CHECK((opened.read(at, 100) == part(made.content, at, 100)));
}
