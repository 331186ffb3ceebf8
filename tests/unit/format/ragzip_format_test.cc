#include "format/ragzip_format.h"

#include "base/endian.h"
#include "support/expect.h"
#include "support/samples.h"

using namespace tape;

namespace {

RagzipFooter example_footer() {
  RagzipFooter footer;
  footer.levels = 1;
  footer.index_bits = 10;
  footer.page_bits = 9;
  footer.logical_size = 2560;
  footer.top_index = 245;
  footer.extension_tail = 406;
  return footer;
}

// The payload of the footer's subfield.
Bytes payload_of(const RagzipFooter& footer) {
  const Bytes member = encode_footer(footer);
  return {member.begin() + 16, member.end() - 10};
}

struct Violation {
  const char* what;
  std::size_t at;
  int width;
  std::uint64_t value;
  ErrorKind kind;
  const char* says;
};

constexpr Violation kFooterViolations[] = {
    {"version 1.1", 0, 4, 0x00010001, ErrorKind::unsupported, "version 1.1"},
    {"version 2.0", 0, 4, 0x00020000, ErrorKind::unsupported, "version 2.0"},
    {"reserved byte", 4, 1, 1, ErrorKind::corrupt, "reserved"},
    {"levels one less", 5, 1, 0, ErrorKind::corrupt, "levels"},
    {"levels one more", 5, 1, 2, ErrorKind::corrupt, "levels"},
    {"levels with the sign bit", 5, 1, 0x81, ErrorKind::corrupt, "levels"},
    {"index exponent 0", 6, 1, 0, ErrorKind::corrupt, "index exponent"},
    {"index exponent 13", 6, 1, 13, ErrorKind::corrupt, "index exponent"},
    {"page exponent 8", 7, 1, 8, ErrorKind::corrupt, "page exponent"},
    {"page exponent 31", 7, 1, 31, ErrorKind::corrupt, "page exponent"},
    {"size -1", 8, 8, ~std::uint64_t{0}, ErrorKind::corrupt, "2^62"},
    {"size 2^62", 8, 8, std::uint64_t{1} << 62, ErrorKind::corrupt, "2^62"},
    {"size of one page", 8, 8, 512, ErrorKind::corrupt, "levels"},
    {"size of no page", 8, 8, 0, ErrorKind::corrupt, "levels"},
    {"top offset -1", 16, 8, ~std::uint64_t{0}, ErrorKind::corrupt, "top index"},
    {"extension offset -2", 24, 8, ~std::uint64_t{1}, ErrorKind::corrupt, "extension"},
};

}  // namespace

TEST_CASE("ragzip_format: the footer of docs/format.md §3.5 is these 64 bytes", "[ragzip_format]") {
  CHECK(encode_footer(example_footer()) ==
        Bytes{0x1f, 0x8b, 8, 4, 0, 0, 0,  0,    0, 0xff, 0x2a, 0, 0x52, 0x41, 0x26, 0,
              0,    1,    0, 0, 0, 1, 10, 9,    0, 0,    0,    0, 0,    0,    0x0a, 0,
              0,    0,    0, 0, 0, 0, 0,  0xf5, 0, 0,    0,    0, 0,    0,    0x01, 0x96,
              0,    0,    0, 0, 0, 0, 3,  0,    0, 0,    0,    0, 0,    0,    0,    0});
}

TEST_CASE("ragzip_format: a footer comes back from its payload", "[ragzip_format]") {
  for (const std::int64_t tail : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1} << 62}) {
    RagzipFooter footer = example_footer();
    footer.extension_tail = tail;
    const RagzipFooter back = decode_footer(payload_of(footer));
    CHECK(back.levels == 1);
    CHECK(back.index_bits == 10);
    CHECK(back.page_bits == 9);
    CHECK(back.logical_size == 2560);
    CHECK(back.top_index == 245);
    CHECK(back.extension_tail == tail);
  }
}

TEST_CASE("ragzip_format: the largest footer is read", "[ragzip_format]") {
  RagzipFooter footer;
  footer.page_bits = kPageBitsMin;
  footer.index_bits = kIndexBitsMin;
  footer.levels = kLevelsMax;
  footer.logical_size = kLogicalSizeMax;
  footer.top_index = 5;
  CHECK(decode_footer(payload_of(footer)).levels == 53);
}

TEST_CASE("ragzip_format: a footer that breaks one rule is refused for that rule",
          "[ragzip_format]") {
  for (const Violation& c : kFooterViolations) {
    DYNAMIC_SECTION(c.what) {
      Bytes payload = payload_of(example_footer());
      Bytes value;
      append_be(value, c.value, c.width);
      std::copy(value.begin(), value.end(), payload.begin() + static_cast<std::ptrdiff_t>(c.at));
      const Error error = failed([&] { return decode_footer(payload); });
      CHECK(error.kind() == c.kind);
      CHECK(says(error, c.says));
    }
  }
  RagzipFooter footer;
  footer.index_bits = 1;
  footer.page_bits = 9;
  footer.logical_size = 512;
  CHECK(decode_footer(payload_of(footer)).levels == 0);
  footer.top_index = 1;
  CHECK(says(failed([&] { return decode_footer(payload_of(footer)); }), "top index"));
}

TEST_CASE("ragzip_format: a footer's padding may hold anything and may be missing",
          "[ragzip_format]") {
  Bytes payload = payload_of(example_footer());
  for (std::size_t at = 32; at < payload.size(); ++at)
    payload[at] = 0xAB;
  CHECK(decode_footer(payload).logical_size == 2560);
  payload.resize(32);
  CHECK(decode_footer(payload).extension_tail == 406);
  for (std::size_t size = 0; size < 32; ++size)
    CHECK(failed([&] { return decode_footer(ByteView(payload).first(size)); }).kind() ==
          ErrorKind::corrupt);
}

TEST_CASE("ragzip_format: levels are the smallest that reach every page", "[ragzip_format]") {
  struct Case {
    std::uint64_t pages;
    int index_bits;
    int levels;
  };
  constexpr std::uint64_t kK = 1024;
  constexpr Case kCases[] = {
      {0, 1, 0},
      {1, 1, 0},
      {2, 1, 1},
      {3, 1, 2},
      {4, 1, 2},
      {5, 1, 3},
      {8, 1, 3},
      {9, 1, 4},
      {16, 1, 4},
      {17, 1, 5},
      {0, 10, 0},
      {1, 10, 0},
      {2, 10, 1},
      {kK, 10, 1},
      {kK + 1, 10, 2},
      {kK * kK, 10, 2},
      {kK * kK + 1, 10, 3},
      {4096, 12, 1},
      {4097, 12, 2},
      {1ULL << 53, 1, 53},
      {(1ULL << 53) - 1, 1, 53},
      {1ULL << 52, 1, 52},
      {(1ULL << 52) + 1, 1, 53},
  };
  for (const Case& c : kCases) {
    INFO(c.pages << " pages, 2^" << c.index_bits);
    CHECK(levels_for(c.pages, c.index_bits) == c.levels);
  }
  for (int bits = 1; bits <= 4; ++bits) {
    for (std::uint64_t pages = 2; pages < 5000; ++pages) {
      int expected = 1;
      for (std::uint64_t reach = 1U << bits; reach < pages; reach <<= bits)
        ++expected;
      if (levels_for(pages, bits) != expected) FAIL(pages << " pages, 2^" << bits);
    }
  }
}

TEST_CASE("ragzip_format: a size that is a multiple of the page has no page more",
          "[ragzip_format]") {
  CHECK(pages_for(0, 9) == 0);
  CHECK(pages_for(1, 9) == 1);
  CHECK(pages_for(512, 9) == 1);
  CHECK(pages_for(513, 9) == 2);
  CHECK(pages_for(kLogicalSizeMax, 9) == std::uint64_t{1} << 53);
}

TEST_CASE("ragzip_format: index slots come back, and only exactly as many as expected",
          "[ragzip_format]") {
  const std::vector<GzOffset> slots = {GzOffset(0), GzOffset(7), GzOffset(0x0102030405060708)};
  const Bytes payload = encode_index(slots);
  CHECK(Bytes(payload.begin() + 16, payload.end()) == Bytes{1, 2, 3, 4, 5, 6, 7, 8});
  const GzOffset own(0x0102030405060709);
  CHECK(decode_index(payload, 3, own) == slots);
  for (const std::uint64_t count : {0U, 2U, 4U})
    CHECK(failed([&] { return decode_index(payload, count, own); }).kind() == ErrorKind::corrupt);
  CHECK(failed([&] { return decode_index(ByteView(payload).first(23), 3, own); }).kind() ==
        ErrorKind::corrupt);
}

TEST_CASE("ragzip_format: index slots must rise and lie before the index", "[ragzip_format]") {
  struct Case {
    const char* what;
    std::vector<GzOffset> slots;
  };
  const Case kCases[] = {
      {"equal", {GzOffset(5), GzOffset(5)}},
      {"falling", {GzOffset(5), GzOffset(4)}},
      {"the index itself", {GzOffset(5), GzOffset(100)}},
      {"behind the index", {GzOffset(5), GzOffset(101)}},
      {"negative", {GzOffset(5), GzOffset(~std::uint64_t{0})}},
      {"first at the index", {GzOffset(100), GzOffset(101)}},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      CHECK(failed([&] { return decode_index(encode_index(c.slots), 2, GzOffset(100)); }).kind() ==
            ErrorKind::corrupt);
    }
  }
  CHECK(decode_index(encode_index({GzOffset(98), GzOffset(99)}), 2, GzOffset(100)).size() == 2);
}

TEST_CASE("ragzip_format: an extension is previous, flags, id and content", "[ragzip_format]") {
  const Bytes payload = encode_extension({258, 0x11, 0x544D4958}, Bytes{0xAA, 0xBB});
  CHECK(payload == Bytes{0, 0, 0, 0, 0, 0, 1, 2, 0x11, 'T', 'M', 'I', 'X', 0xAA, 0xBB});
  const ExtensionHead head = decode_extension(payload);
  CHECK(head.previous == 258);
  CHECK(head.flags == 0x11);
  CHECK(head.id == 0x544D4958);
  CHECK(decode_extension(encode_extension({-1, 0, 0}, {})).previous == -1);
}

TEST_CASE("ragzip_format: an extension too short, too long or with previous -2 is corrupt",
          "[ragzip_format]") {
  const Bytes largest = encode_extension({-1, 0, 1}, Bytes(kExtensionPayloadMax));
  CHECK(decode_extension(largest).id == 1);
  const Bytes longer = encode_extension({-1, 0, 1}, Bytes(kExtensionPayloadMax + 1));
  CHECK(failed([&] { return decode_extension(longer); }).kind() == ErrorKind::corrupt);
  for (std::size_t size = 0; size < kExtensionHead; ++size)
    CHECK(failed([&] { return decode_extension(ByteView(largest).first(size)); }).kind() ==
          ErrorKind::corrupt);
  CHECK(failed([&] {
          return decode_extension(encode_extension({-2, 0, 1}, {}));
        }).kind() == ErrorKind::corrupt);
}
