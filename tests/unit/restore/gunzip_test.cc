#include "tape/gunzip.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "format/ragzip_format.h"
#include "restore/gzip_piece.h"
#include "support/expect.h"
#include "support/gzip_members.h"
#include "support/hand_made.h"
#include "support/memory_io.h"
#include "support/samples.h"

using namespace tape;
using test::append;
using test::gzip_member;
using test::GzipShape;
using test::subfield;

namespace {

constexpr unsigned kWorkers[] = {0, 1, 2, 7};

ByteReader reader_of(ByteView bytes) {
  return [left = bytes](MutableBytes out) mutable {
    const std::size_t n = std::min(left.size(), out.size());
    std::copy_n(left.begin(), n, out.begin());
    left = left.subspan(n);
    return n;
  };
}

struct Gunzipped {
  Bytes bytes;
  GunzipSummary summary;
  std::string failure;  // with its kind; empty where there is none
};

Gunzipped gunzipped(ByteView file, unsigned workers, bool check_footer = true) {
  Gunzipped out;
  MemorySink sink;
  const auto failure = failure_of([&] {
    out.summary = gunzip(reader_of(file), sink, {workers, check_footer}, {});
  });
  if (failure) {
    const bool corrupt = failure->kind() == ErrorKind::corrupt;
    out.failure = std::string(corrupt ? "corrupt " : "another kind ") + failure->what();
  }
  out.bytes = std::move(sink.bytes);
  return out;
}

bool alike(const Gunzipped& a, const Gunzipped& b) {
  return a.bytes == b.bytes && a.failure == b.failure && a.summary.members == b.summary.members &&
         a.summary.bytes_in == b.summary.bytes_in && a.summary.bytes_out == b.summary.bytes_out &&
         a.summary.trailing_zeros == b.summary.trailing_zeros &&
         a.summary.ragzip == b.summary.ragzip && a.summary.volumes == b.summary.volumes &&
         a.summary.footer == b.summary.footer;
}

// With every number of workers, which must not matter.
Gunzipped gunzipped(ByteView file) {
  Gunzipped first = gunzipped(file, 0);
  for (const unsigned workers : kWorkers)
    CHECK(alike(gunzipped(file, workers), first));
  return first;
}

Bytes ragzip(ByteView content, int page_bits = 9, int level = 6) {
  MemorySink sink;
  RagzipOptions options = small_geometry(page_bits, 3);
  RagzipWriter writer(sink, options, nullptr, [&] { return make_zlib_deflater(level); });
  writer.write(content);
  writer.finish_pages();
  writer.finish();
  return std::move(sink.bytes);
}

bool says_corrupt(const Gunzipped& outcome, const std::string& text) {
  INFO(outcome.failure);
  CHECK(outcome.failure.find(text) != std::string::npos);
  return outcome.failure.starts_with("corrupt ");
}

// Bits as RFC 1951 packs them. A Huffman code goes in from its first bit.
class Bits {
 public:
  void add(unsigned value, int count) {
    for (int i = 0; i < count; ++i, ++used_) {
      if (used_ % 8 == 0) bytes_.push_back(0);
      bytes_.back() = static_cast<std::uint8_t>(bytes_.back() | (value >> i & 1) << used_ % 8);
    }
  }
  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
  std::size_t used_ = 0;
};

// `a` in a block that has codes for 31 distances: none is used, and RFC 1951 has 30.
Bytes letter_with_31_distances() {
  Bits bits;
  const auto zeros = [&](unsigned count) {  // symbol 18: 11 to 138 of them
    bits.add(1, 1);
    bits.add(count - 11, 7);
  };
  bits.add(1, 1);  // the last block
  bits.add(2, 2);  // with codes of its own
  bits.add(0, 5);  // 257 literals
  bits.add(30, 5);
  bits.add(14, 4);              // 18 code lengths:
  for (int i = 0; i < 18; ++i)  // of 16, 17, 18, 0, 8, … 14, 1: those of 18 and 1 are 1
    bits.add(i == 2 || i == 17, 3);
  zeros('a');
  bits.add(0, 1);  // `a`: 1
  zeros(138);
  zeros(256 - 'a' - 1 - 138);
  bits.add(0, 1);  // the end: 1
  zeros(31);
  bits.add(0, 1);  // `a`
  bits.add(1, 1);  // the end
  return bits.bytes();
}

// A member of one zero byte and `matches` times 258 more.
Bytes member_of_zeros(std::uint64_t matches) {
  Bits bits;
  bits.add(3, 3);     // the last block, with fixed codes
  bits.add(0x0C, 8);  // a zero byte: 00110000
  for (std::uint64_t i = 0; i < matches; ++i)
    bits.add(0xA3, 13);  // 258 bytes: 11000101; from one byte before: 00000
  bits.add(0, 7);        // the end
  Bytes out(kPageHeader.begin(), kPageHeader.end());
  append(out, bits.bytes());
  const Bytes zeros(std::size_t{258} << 12);
  std::uint32_t crc = crc32(Bytes(1));
  for (std::uint64_t left = matches * 258; left != 0;) {
    const std::size_t n = std::min<std::uint64_t>(left, zeros.size());
    crc = crc32(crc, ByteView(zeros).first(n));
    left -= n;
  }
  append_trailer(out, crc, 1 + matches * 258);
  return out;
}

// Counts, and notes how much memory the process has while it is written to.
class CountingSink final : public ByteSink {
 public:
  void write(ByteView bytes) override {
    size += bytes.size();
    largest_write = std::max(largest_write, bytes.size());
    if (++writes_ % 64 == 0) memory = std::max(memory, resident());
  }
  void finish() override {}

  static ByteCount resident() {
    std::ifstream in("/proc/self/statm");
    ByteCount all = 0;
    ByteCount pages = 0;
    in >> all >> pages;
    return pages * 4096;
  }

  ByteCount size = 0;
  std::size_t largest_write = 0;
  ByteCount memory = 0;

 private:
  std::uint64_t writes_ = 0;
};

}  // namespace

TEST_CASE("gunzip: members of all shapes give their content, whatever the workers", "[gunzip]") {
  Random random(61);
  for (int round = 0; round < 6; ++round) {
    Bytes file;
    Bytes content;
    ByteCount zeros = 0;
    const std::uint64_t members = 100 + below(random, 200);
    for (std::uint64_t i = 0; i < members; ++i) {
      const std::size_t most = below(random, 20) == 0 ? 400'000 : 3000;
      const Bytes one = mixed_bytes(below(random, 3) * below(random, most), random());
      append(file, gzip_member(one, test::random_shape(random)));
      append(content, one);
      zeros = below(random, 5) == 0 ? below(random, 2000) : 0;
      file.resize(file.size() + zeros);
    }
    INFO("seed 61, round " << round);
    const Gunzipped out = gunzipped(file);
    CHECK(out.failure.empty());
    CHECK(out.bytes == content);
    CHECK(out.summary.members == members);
    CHECK(out.summary.bytes_in == file.size());
    CHECK(out.summary.bytes_out == content.size());
    CHECK(out.summary.trailing_zeros == zeros);
    CHECK_FALSE(out.summary.ragzip);
  }
}

TEST_CASE("gunzip: a ragzip file gives its content and its footer", "[gunzip]") {
  const Bytes content = mixed_bytes(3'000'000);
  for (const int page_bits : {9, 14, 18}) {
    const Gunzipped out = gunzipped(ragzip(content, page_bits));
    CHECK(out.bytes == content);
    CHECK(out.summary.ragzip);
    CHECK(out.summary.volumes == 1);
    CHECK(decode_footer(out.summary.footer).logical_size == content.size());
  }
  const Gunzipped plain = gunzipped(gzip_member(content));
  CHECK(plain.bytes == content);
  CHECK(plain.summary.footer.empty());
}

TEST_CASE("gunzip: 50 000 empty members and one-byte members are as many members", "[gunzip]") {
  const Bytes empty = gzip_member({});
  const Bytes one = gzip_member(Bytes{'x'});
  Bytes file;
  for (int i = 0; i < 50'000; ++i)
    append(file, empty);
  for (int i = 0; i < 50'000; ++i)
    append(file, one);
  const Gunzipped out = gunzipped(file);
  CHECK(out.failure.empty());
  CHECK(out.bytes == Bytes(50'000, 'x'));
  CHECK(out.summary.members == 100'000);
}

TEST_CASE("gunzip: gzip members that stand in the content of members are content", "[gunzip]") {
  const Bytes inner = ragzip(mixed_bytes(600'000), 12);
  for (const int level : {0, 6}) {
    const Gunzipped out = gunzipped(ragzip(inner, 16, level));
    CHECK(out.failure.empty());
    CHECK(out.bytes == inner);
    CHECK(out.summary.volumes == 1);
  }
  // Nothing but magics, for both ways to look for them.
  for (const Bytes& header :
       {Bytes(kPageHeader.begin(), kPageHeader.end()), Bytes{0x1F, 0x8B, 8, 0, 1, 1, 1, 1, 0, 3}}) {
    Bytes magics;
    while (magics.size() < 1'000'000)
      append(magics, header);
    GzipShape shape;
    shape.level = 0;
    if (header[9] == 3) shape.name = "so that no header of ours is the first";
    Bytes file = gzip_member(magics, shape);
    append(file, gzip_member(magics, shape));
    append(magics, Bytes(magics));
    const Gunzipped out = gunzipped(file);
    CHECK(out.failure.empty());
    CHECK(out.bytes == magics);
  }
}

TEST_CASE("gunzip: sound members at a wrong cut are dropped, whatever is behind the true one",
          "[gunzip]") {
  Random random(66);
  const Bytes inner = gzip_member(random_bytes(random, 300));
  Bytes content = random_bytes(random, kPieceSize + 8000);
  for (int i = 0; i < 3; ++i)
    append(content, inner);
  GzipShape stored;
  stored.level = 0;
  const Bytes outer = gzip_member(content, stored);
  const Bytes behind[] = {Bytes(), Bytes(100), gzip_member(Bytes{1}), Bytes(100)};
  Bytes file = outer;
  Bytes all = content;
  for (const Bytes& more : behind) {
    append(file, more);
    if (more.size() > 0 && more[0] != 0) all.push_back(1);
    INFO("seed 66, " << file.size() - outer.size() << " bytes behind it");
    const Gunzipped out = gunzipped(file);
    CHECK(out.failure.empty());
    CHECK(out.bytes == all);
  }
}

TEST_CASE("gunzip: members larger than a piece stand among small ones", "[gunzip]") {
  Random random(62);
  const Bytes small = mixed_bytes(5000);
  const Bytes large = random_bytes(random, kPieceSizeMax + 1'000'000);
  const Bytes wide(kPieceRoomMax + 1'000'000);
  Bytes file;
  Bytes content;
  for (const Bytes* one :
       std::initializer_list<const Bytes*>{&small, &large, &small, &wide, &small, &small}) {
    append(file, gzip_member(*one, {1, {}, {}, {}, false}));
    append(content, *one);
  }
  const Gunzipped out = gunzipped(file);
  CHECK(out.failure.empty());
  CHECK(out.bytes == content);
  CHECK(out.summary.members == 6);
}

TEST_CASE("gunzip: a long comment, and zero bytes longer than a piece, are passed over",
          "[gunzip]") {
  GzipShape shape;
  shape.comment = text(2 * kPieceSizeMax);
  shape.header_crc = true;
  Bytes file = gzip_member(Bytes{1}, shape);
  file.resize(file.size() + 2 * kPieceSizeMax);
  append(file, gzip_member(Bytes{2}));
  file.resize(file.size() + kPieceSizeMax + 3);
  const Gunzipped out = gunzipped(file);
  CHECK(out.failure.empty());
  CHECK(out.bytes == Bytes{1, 2});
  CHECK(out.summary.trailing_zeros == kPieceSizeMax + 3);
}

TEST_CASE("gunzip: what is no gzip stream is corrupt at its offset", "[gunzip]") {
  const Bytes one = gzip_member(Bytes{1, 2, 3});
  const std::string end = std::to_string(one.size());
  Bytes zeros(100);
  append(zeros, one);
  Bytes garbage = one;
  append(garbage, as_bytes("garbage, ten bytes and more"));
  Bytes later = one;
  later.resize(later.size() + 50);
  append(later, as_bytes("garbage, ten bytes and more"));
  CHECK(says_corrupt(gunzipped(Bytes()), "offset 0: the input is empty"));
  CHECK(says_corrupt(gunzipped(zeros), "offset 0: gzip member: no gzip magic"));
  CHECK(says_corrupt(gunzipped(Bytes(100)), "offset 0: gzip member: no gzip magic"));
  CHECK(says_corrupt(gunzipped(as_bytes("short")), "offset 0: gzip member: the input ends at 5"));
  CHECK(says_corrupt(gunzipped(garbage), "offset " + end + ": gzip member: no gzip magic"));
  CHECK(says_corrupt(gunzipped(later), "offset " + std::to_string(one.size() + 50) + ": "));
}

TEST_CASE("gunzip: a file that is cut anywhere is an error, or right up to a member's end",
          "[gunzip]") {
  Random random(63);
  Bytes file;
  std::vector<std::size_t> ends;
  Bytes content;
  for (int i = 0; i < 5; ++i) {
    const Bytes one = mixed_bytes(below(random, 100), random());
    append(file, gzip_member(one, test::random_shape(random)));
    append(content, one);
    ends.push_back(file.size());
  }
  for (std::size_t size = 0; size < file.size(); ++size) {
    INFO("seed 63, cut to " << size);
    const Gunzipped out = gunzipped(ByteView(file).first(size));
    const bool whole = std::find(ends.begin(), ends.end(), size) != ends.end();
    CHECK(out.failure.empty() == whole);
    CHECK(out.bytes.size() <= content.size());
    CHECK(std::equal(out.bytes.begin(), out.bytes.end(), content.begin()));
  }
}

TEST_CASE("gunzip: a ragzip file that is cut anywhere is an error", "[gunzip]") {
  const Bytes file = ragzip(mixed_bytes(1500));
  REQUIRE(gunzipped(file).failure.empty());
  for (std::size_t size = 0; size < file.size(); ++size) {
    INFO("cut to " << size);
    // Without a single member of `RA`, nothing tells it from other gzip files.
    const Gunzipped out = gunzipped(ByteView(file).first(size));
    if (out.failure.empty()) CHECK_FALSE(out.summary.ragzip);
    if (out.summary.members >= 4) CHECK_FALSE(out.failure.empty());
  }
}

TEST_CASE("gunzip: a flipped byte gives the right bytes or an error", "[gunzip]") {
  const Bytes content = mixed_bytes(600);
  const Bytes footed = ragzip(content);
  Random random(64);
  Bytes plain;
  for (std::size_t at = 0; at < content.size(); at += 200)
    append(plain, gzip_member(ByteView(content).subspan(at, 200), test::random_shape(random)));
  for (const Bytes* file : std::initializer_list<const Bytes*>{&footed, &plain}) {
    for (std::size_t at = 0; at < file->size(); ++at) {
      for (const int wrong : {1, 8, 0x80, 0xFF}) {
        INFO("byte " << at << ", bits " << wrong);
        Bytes changed = *file;
        changed[at] ^= static_cast<std::uint8_t>(wrong);
        const Gunzipped out = gunzipped(changed, 0);
        if (out.failure.empty()) CHECK(out.bytes == content);
        if (wrong != 0xFF) continue;
        for (const unsigned workers : kWorkers)
          CHECK(alike(gunzipped(changed, workers), out));
      }
    }
  }
}

TEST_CASE("gunzip: damage in a large file gives the same bytes and the same error for any workers",
          "[gunzip]") {
  const Bytes content = mixed_bytes(4'000'000);
  const Bytes file = ragzip(content, 16);
  Random random(65);
  for (int round = 0; round < 40; ++round) {
    INFO("seed 65, round " << round);
    Bytes changed = file;
    changed[below(random, file.size())] ^= static_cast<std::uint8_t>(1 + below(random, 255));
    if (round % 2 == 0) changed.resize(below(random, changed.size()));
    const Gunzipped out = gunzipped(changed);
    if (out.failure.empty()) CHECK(out.bytes == content);
  }
}

TEST_CASE("gunzip: volumes one behind the other are whole when the last footer fits its own",
          "[gunzip]") {
  const Bytes first = mixed_bytes(5000, 1);
  const Bytes second = mixed_bytes(3000, 2);
  Bytes file = ragzip(first);
  append(file, ragzip(second));
  Bytes both = first;
  append(both, second);
  const Gunzipped out = gunzipped(file);
  CHECK(out.failure.empty());
  CHECK(out.bytes == both);
  CHECK(out.summary.volumes == 2);
  append(file, gzip_member(Bytes{1}));
  CHECK(says_corrupt(gunzipped(file), "its last member is no footer"));
  CHECK(gunzipped(file, 2, false).failure.empty());
}

TEST_CASE("gunzip: a footer that tells another size, or none, is corrupt unless nobody asks",
          "[gunzip]") {
  const Bytes content = mixed_bytes(3000);
  const Bytes whole = ragzip(content);
  Bytes without(whole.begin(), whole.end() - static_cast<std::ptrdiff_t>(kFooterSize));
  CHECK(says_corrupt(gunzipped(without),
                     "offset " + std::to_string(without.size()) + ": the ragzip stream was cut"));
  Bytes more = gzip_member(Bytes{1});
  append(more, whole);
  CHECK(says_corrupt(gunzipped(more), "it tells 3000 bytes, 3001 came"));
  Bytes padded = whole;
  padded.resize(padded.size() + 100);
  CHECK(gunzipped(padded).failure.empty());
  for (const Bytes* file : std::initializer_list<const Bytes*>{&without, &more}) {
    const Gunzipped out = gunzipped(*file, 2, false);
    CHECK(out.failure.empty());
    CHECK(out.summary.ragzip);
  }
  CHECK(gunzipped(without, 2, false).bytes == content);
}

TEST_CASE("gunzip: a footer of another version is unsupported", "[gunzip]") {
  RagzipFooter footer;
  footer.page_bits = 9;
  footer.index_bits = 1;
  Bytes file = encode_footer(footer);
  CHECK(gunzipped(file).failure.empty());
  file[17] = 2;
  MemorySink sink;
  CHECK(failed([&] { return gunzip(reader_of(file), sink, {2}, {}).members; }).kind() ==
        ErrorKind::unsupported);
}

TEST_CASE("gunzip: what libdeflate takes and zlib refuses is taken by any number of workers",
          "[gunzip]") {
  const Bytes stream = letter_with_31_distances();
  Bytes room(10);
  REQUIRE(make_libdeflate_inflater()->inflate(stream, room).outcome == InflateOutcome::done);
  REQUIRE(make_zlib_inflater()->inflate(stream, room).outcome == InflateOutcome::bad_or_cut);
  Bytes file(kPageHeader.begin(), kPageHeader.end());
  append(file, stream);
  append_trailer(file, crc32(as_bytes("a")), 1);
  Bytes files;
  for (int i = 0; i < 20'000; ++i)
    append(files, file);
  const Gunzipped out = gunzipped(files);
  CHECK(out.failure.empty());
  CHECK(out.bytes == Bytes(20'000, 'a'));
}

TEST_CASE("gunzip: progress grows to the summary's figures", "[gunzip]") {
  const Bytes file = ragzip(mixed_bytes(3'000'000), 16);
  for (const unsigned workers : kWorkers) {
    ByteCount in = 0;
    ByteCount out = 0;
    MemorySink sink;
    const GunzipSummary summary =
        gunzip(reader_of(file), sink, {workers}, [&](ByteCount in_now, ByteCount out_now) {
          CHECK(in_now >= in);
          CHECK(out_now >= out);
          in = in_now;
          out = out_now;
        });
    CHECK(in == summary.bytes_in);
    CHECK(out == summary.bytes_out);
    CHECK_FALSE(sink.finished);
  }
}

TEST_CASE("gunzip: what the reader and the sink throw comes out", "[gunzip]") {
  class FullSink final : public ByteSink {
   public:
    void write(ByteView) override { throw Error(ErrorKind::exhausted, "disk full"); }
    void finish() override {}
  };
  const Bytes file = ragzip(mixed_bytes(3'000'000), 16);
  for (const unsigned workers : kWorkers) {
    FullSink full;
    CHECK(failed([&] { return gunzip(reader_of(file), full, {workers}, {}).members; }).kind() ==
          ErrorKind::exhausted);
    MemorySink sink;
    const ByteReader broken = [](MutableBytes) -> std::size_t {
      throw Error(ErrorKind::transient, "line cut");
    };
    CHECK(failed([&] { return gunzip(broken, sink, {workers}, {}).members; }).kind() ==
          ErrorKind::transient);
  }
}

TEST_CASE("gunzip: a member of 1 GiB of zeros costs no memory", "[gunzip]") {
  constexpr std::uint64_t kMatches = (std::uint64_t{1} << 30) / 258;
  const Bytes file = member_of_zeros(kMatches);
  CountingSink sink;
  const ByteCount before = CountingSink::resident();
  const GunzipSummary summary = gunzip(reader_of(file), sink, {2}, {});
  CHECK(summary.bytes_out == 1 + kMatches * 258);
  CHECK(sink.size == 1 + kMatches * 258);
  CHECK(sink.largest_write <= std::size_t{1} << 20);
  CHECK(sink.memory < before + (ByteCount{64} << 20));
}
