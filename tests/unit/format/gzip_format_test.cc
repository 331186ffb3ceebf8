#include "format/gzip_format.h"

#include "support/expect.h"
#include "support/samples.h"

using namespace tape;

namespace {

constexpr std::uint8_t kCrc = 2;
constexpr std::uint8_t kExtra = 4;
constexpr std::uint8_t kName = 8;
constexpr std::uint8_t kComment = 16;

// A header with the fields that `flags` asks for, in the order of RFC 1952.
Bytes header_of(std::uint8_t flags, std::size_t extra) {
  Bytes out = {0x1F, 0x8B, 8, flags, 1, 2, 3, 4, 2, 3};
  const auto append = [&](std::string_view text) {
    out.insert(out.end(), text.begin(), text.end());
    out.push_back(0);
  };
  if ((flags & kExtra) != 0) {
    out.push_back(static_cast<std::uint8_t>(extra & 0xFF));
    out.push_back(static_cast<std::uint8_t>(extra >> 8));
    out.resize(out.size() + extra, 0);  // zeros, so that they could be taken for the end of a text
  }
  if ((flags & kName) != 0) append("name");
  if ((flags & kComment) != 0) append("");
  if ((flags & kCrc) != 0) out.insert(out.end(), {0, 0});
  return out;
}

}  // namespace

TEST_CASE("gzip_format: a header of any fields ends where its deflate stream begins",
          "[gzip_format]") {
  for (std::uint8_t flags = 0; flags < 32; ++flags) {
    for (const std::size_t extra : {std::size_t{0}, std::size_t{1}, std::size_t{300}}) {
      INFO("flags " << int{flags} << ", EXTRA " << extra);
      const Bytes header = header_of(flags, extra);
      Bytes bytes = header;
      bytes.insert(bytes.end(), {3, 0, 0, 0});
      const auto found = decode_gzip_header(bytes);
      REQUIRE(found);
      CHECK(found->size == header.size());
      CHECK(found->flags == flags);
      REQUIRE(found->extra.has_value() == ((flags & kExtra) != 0));
      if (found->extra) CHECK(found->extra->size() == extra);
      if (found->extra) CHECK(found->extra->data() == bytes.data() + 12);
    }
  }
}

TEST_CASE("gzip_format: a header cut anywhere is none, not an error", "[gzip_format]") {
  for (std::uint8_t flags = 0; flags < 32; ++flags) {
    const Bytes header = header_of(flags, 20);
    for (std::size_t size = 0; size < header.size(); ++size) {
      INFO("flags " << int{flags} << ", " << size << " of " << header.size() << " bytes");
      CHECK_FALSE(decode_gzip_header(ByteView(header).first(size)));
    }
    CHECK(decode_gzip_header(header));
  }
}

TEST_CASE("gzip_format: what is no deflate member is corrupt", "[gzip_format]") {
  struct Case {
    const char* what;
    std::size_t at;
    std::uint8_t value;
  };
  constexpr Case kCases[] = {{"first magic", 0, 0x1E},   {"second magic", 1, 0x8A},
                             {"method 7", 2, 7},         {"method 9", 2, 9},
                             {"reserved flag 5", 3, 32}, {"reserved flag 6", 3, 64},
                             {"reserved flag 7", 3, 128}};
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      Bytes header = header_of(0, 0);
      header[c.at] = c.value;
      CHECK(failed([&] { return decode_gzip_header(header); }).kind() == ErrorKind::corrupt);
    }
  }
}

TEST_CASE("gzip_format: MTIME, XFL and OS may be anything", "[gzip_format]") {
  for (std::size_t at = 4; at < 10; ++at) {
    Bytes header = header_of(0, 0);
    header[at] = 0xFF;
    CHECK(decode_gzip_header(header)->size == 10);
  }
}

TEST_CASE("gzip_format: a metadata member is these bytes around its payload", "[gzip_format]") {
  const Bytes payload = {0xAA, 0xBB, 0xCC};
  CHECK(encode_metadata_member("TM", payload) ==
        Bytes{0x1F, 0x8B, 8,    4,    0, 0, 0, 0, 0, 0xFF, 7, 0, 'T', 'M', 3,
              0,    0xAA, 0xBB, 0xCC, 3, 0, 0, 0, 0, 0,    0, 0, 0,   0});
  const Bytes large(0x4000 - kSubfieldHead);
  const Bytes member = encode_metadata_member("RA", large);
  CHECK(member.size() == large.size() + kMetadataOverhead);
  CHECK(Bytes(member.begin() + 10, member.begin() + 16) == Bytes{0, 0x40, 'R', 'A', 0xFC, 0x3F});
}

TEST_CASE("gzip_format: a trailer is CRC32 and size modulo 2^32, low byte first", "[gzip_format]") {
  Bytes out = {9};
  append_trailer(out, 0x11223344, 0x500000006);
  CHECK(out == Bytes{9, 0x44, 0x33, 0x22, 0x11, 6, 0, 0, 0});
}
