#include "format/tar_format.h"

#include "format/tar_layout.h"
#include "support/expect.h"
#include "unit/format/tar_blocks.h"

using namespace tape;

namespace {

// A block by hand: texts at their places.
struct Piece {
  std::size_t at;
  std::string_view bytes;
};

using std::string_view_literals::operator""sv;

constexpr Piece kFilePieces[] = {
    {0, "src/a file"},
    {100, "0006751\0"sv},
    {108, "0001750\0"sv},
    {116, "0177776\0"sv},
    {124, "00726746425\0"sv},
    {136, "14524770401\0"sv},
    {148, "012747\0 "sv},
    {156, "0"},
    {257,
     "ustar\0"sv
     "00"},
    {265, "mei"},
    {297, "staff"},
    {329, "0000000\0"sv},
    {337, "0000000\0"sv},
};
constexpr Piece kDevicePieces[] = {
    {0, "tty"},
    {100, "0000620\0"sv},
    {108, "0000000\0"sv},
    {116, "0000005\0"sv},
    {124, "00000000000\0"sv},
    {136, "00000000001\0"sv},
    {148, "040761\0 "sv},
    {156, "3"},
    {257,
     "ustar\0"sv
     "00"},
    {265, "root"},
    {297, "tty"},
    {329, "0000004\0"sv},
    {337, "0000100\0"sv},
};

template <std::size_t N>
Bytes block_of(const Piece (&pieces)[N]) {
  Bytes block(512);
  for (const Piece& piece : pieces)
    put(block, piece.at, piece.bytes);
  return block;
}

Member file_of_the_example() {
  Member member;
  member.name = "src/a file";
  member.mode = 06751;
  member.uid = 1000;
  member.gid = 65534;
  member.uname = "mei";
  member.gname = "staff";
  member.size = 123456789;
  member.mtime = {1700000001, 0};
  return member;
}

// docs/format.md §1.2 read word by word: the rightmost `/` that leaves a prefix of 1..155 and a
// name of 1..100 bytes.
std::optional<UstarName> slow_split(std::string_view name) {
  if (name.size() <= 100) return UstarName{"", name};
  std::optional<UstarName> best;
  for (std::size_t slash = 0; slash < name.size(); ++slash) {
    if (name[slash] != '/') continue;
    const std::string_view prefix = name.substr(0, slash);
    const std::string_view rest = name.substr(slash + 1);
    if (prefix.size() >= 1 && prefix.size() <= 155 && rest.size() >= 1 && rest.size() <= 100)
      best = UstarName{prefix, rest};
  }
  return best;
}

bool splits_right(std::string_view name) {
  const auto expected = slow_split(name);
  const auto found = split_name(name);
  if (found.has_value() != expected.has_value()) return false;
  return !found || (found->prefix == expected->prefix && found->name == expected->name);
}

}  // namespace

TEST_CASE("tar_format: a file's header is these 512 bytes", "[tar_format]") {
  CHECK(encode_header(file_of_the_example()) == block_of(kFilePieces));
}

TEST_CASE("tar_format: a device with a long name has major, minor and prefix", "[tar_format]") {
  Member member;
  member.name = text(97) + "/dev/tty";
  member.type = MemberType::character_device;
  member.mode = 0620;
  member.gid = 5;
  member.uname = "root";
  member.gname = "tty";
  member.mtime = {1, 0};
  member.device_major = 4;
  member.device_minor = 64;
  Bytes expected = block_of(kDevicePieces);
  put(expected, kPrefixAt, text(97) + "/dev");
  CHECK(encode_header(member) == expected);
}

TEST_CASE("tar_format: full fields of name and prefix have no NUL", "[tar_format]") {
  Member member = file_of_the_example();
  member.name = text(155, 'p') + "/" + text(100, 'n');
  const Bytes header = encode_header(member);
  REQUIRE(header.size() == 512);
  CHECK(field(header, kPrefixAt, 155) == text(155, 'p'));
  CHECK(field(header, kNameAt, 100) == text(100, 'n'));
  CHECK(decode_header(header).name == member.name);
}

TEST_CASE("tar_format: nanoseconds are not in the header", "[tar_format]") {
  Member member = file_of_the_example();
  const Bytes without = encode_header(member);
  member.mtime.nanoseconds = 999'999'999;
  CHECK(encode_header(member) == without);
}

TEST_CASE("tar_format: every name is cut where the slow reference cuts it", "[tar_format]") {
  for (std::size_t length = 1; length <= 300; ++length) {
    const std::string plain = text(length, 'n');
    if (!splits_right(plain)) FAIL("no slash, length " << length);
    for (std::size_t slash = 0; slash < length; ++slash) {
      std::string name = plain;
      name[slash] = '/';
      if (!splits_right(name)) FAIL("slash at " << slash << ", length " << length);
      name.back() = '/';
      if (!splits_right(name)) FAIL("directory, slash at " << slash << ", length " << length);
    }
  }
}

TEST_CASE("tar_format: names with many slashes are cut as the slow reference cuts them",
          "[tar_format]") {
  Random random(3);
  for (int round = 0; round < 20000; ++round) {
    std::string name = text(1 + below(random, 300), 'n');
    for (std::uint64_t slashes = below(random, 12); slashes > 0; --slashes)
      name[below(random, name.size())] = '/';
    if (!splits_right(name)) FAIL(name);
  }
}

TEST_CASE("tar_format: a name that is not cut needs pax and no other name does", "[tar_format]") {
  Member member = file_of_the_example();
  for (std::size_t length = 90; length <= 300; ++length) {
    for (const std::size_t slash : {std::size_t{1}, length / 3, length / 2, length - 2}) {
      member.name = text(length, 'n');
      member.name[slash] = '/';
      const Bytes header = encode_header(member);
      const auto cut = slow_split(member.name);
      INFO("length " << length << ", slash at " << slash);
      CHECK(has_pax(header) == !cut.has_value());
      const std::string prefix(cut ? cut->prefix : "");
      const std::string name(cut ? cut->name : std::string_view(member.name).substr(0, 100));
      CHECK(text_field(header, kPrefixAt, 155) == prefix);
      CHECK(text_field(header, kNameAt, 100) == name);
    }
  }
}

TEST_CASE("tar_format: a member's path is its name without a directory's slash", "[tar_format]") {
  CHECK(member_path("a/b", MemberType::regular) == "a/b");
  CHECK(member_path("a/b/", MemberType::directory) == "a/b");
  CHECK(member_path("./", MemberType::directory).empty());
  CHECK(member_path("a", MemberType::symlink) == "a");
}

TEST_CASE("tar_format: padding fills the last block and nothing else", "[tar_format]") {
  CHECK(padded(0) == 0);
  CHECK(padded(1) == 512);
  CHECK(padded(512) == 512);
  CHECK(padded(513) == 1024);
  CHECK(file_of_tape(TapeOffset(1024), tape_of_file(TapeOffset(1024), FileOffset(7))) ==
        FileOffset(7));
}

TEST_CASE("tar_format: a header with any bit turned is corrupt", "[tar_format]") {
  const Bytes good = encode_header(file_of_the_example());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1U << bit % 8);
    const auto failure = failure_of([&] { static_cast<void>(decode_header(bad)); });
    if (!failure || failure->kind() != ErrorKind::corrupt) FAIL("bit " << bit);
  }
}

TEST_CASE("tar_format: a pax header with any bit of a checked block turned is corrupt",
          "[tar_format]") {
  Member member = file_of_the_example();
  member.name = text(150, 'n');
  const Bytes good = encode_header(member);
  REQUIRE(good.size() == 3 * 512);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1U << bit % 8);
    const auto failure = failure_of([&] { static_cast<void>(decode_header(bad)); });
    const bool records = bit / 8 / 512 == 1;  // no checksum covers these
    if (failure ? failure->kind() != ErrorKind::corrupt : !records) FAIL("bit " << bit);
  }
}

TEST_CASE("tar_format: header blocks cut anywhere or with more behind are corrupt",
          "[tar_format]") {
  Member member = file_of_the_example();
  for (const std::size_t length : {std::size_t{10}, std::size_t{700}}) {
    member.name = text(length, 'n');
    const Bytes good = encode_header(member);
    for (std::size_t size = 0; size < good.size(); ++size) {
      INFO(size);
      CHECK(failed([&] { return decode_header(ByteView(good).first(size)); }).kind() ==
            ErrorKind::corrupt);
    }
    Bytes more = good;
    more.resize(good.size() + 512);
    CHECK(failed([&] { return decode_header(more); }).kind() == ErrorKind::corrupt);
  }
}

TEST_CASE("tar_format: what contradicts the format is corrupt although its checksum is right",
          "[tar_format]") {
  struct Case {
    const char* what;
    std::size_t at;
    std::string_view bytes;
    std::string_view says;
  };
  constexpr Case kCases[] = {
      {"magic of GNU tar", kMagicAt, "ustar  \0"sv, "magic"},
      {"no magic", kMagicAt, "\0\0\0\0\0\0\0\0"sv, "magic"},
      {"typeflag 7", kTypeAt, "7", "typeflag"},
      {"typeflag of a GNU long name", kTypeAt, "L", "typeflag"},
      {"typeflag of a global pax header", kTypeAt, "g", "typeflag"},
      {"pax header without a member", kTypeAt, "x", "pax header"},
      {"no name", kNameAt, "\0\0\0\0\0\0\0\0\0\0"sv, "name"},
      {"directory without slash", kTypeAt, "5", "without `/`"},
      {"digit 8", kSizeAt, "00000000008\0"sv, "size"},
      {"space in a number", kModeAt, " 000644\0"sv, "mode"},
      {"number without NUL", kUidAt, "00000000"sv, "uid"},
      {"negative uid", kUidAt, "\xff\xff\xff\xff\xff\xff\xff\xff"sv, "uid"},
      {"negative size", kSizeAt, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv, "size"},
      {"size of 2^64 + 5", kSizeAt, "\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x05"sv, "size"},
      {"mode beyond 07777", kModeAt, "0010644\0"sv, "mode"},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      Bytes block = encode_header(file_of_the_example());
      put(block, c.at, c.bytes);
      seal(block);
      const Error error = failed([&] { return decode_header(block); });
      CHECK(error.kind() == ErrorKind::corrupt);
      CHECK(says(error, c.says));
    }
  }
}
