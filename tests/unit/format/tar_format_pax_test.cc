#include <algorithm>

#include "base/endian.h"
#include "format/tar_format.h"
#include "support/expect.h"
#include "unit/format/tar_blocks.h"

using namespace tape;

namespace {

constexpr std::uint64_t kOctal7 = 1 << 21;                  // one past what 7 digits hold
constexpr std::uint64_t kOctal11 = std::uint64_t{1} << 33;  // and 11

Member small_file() {
  Member member;
  member.name = "f";
  member.mode = 0644;
  return member;
}

using std::string_view_literals::operator""sv;

struct PaxCase {
  const char* what;
  void (*change)(Member&);
  std::string_view records;  // empty: no pax header
  std::size_t at;
  std::string_view field;  // of the ustar block
};

const std::string kName100 = text(100, 'n');
const std::string kText31 = text(31, 'u');

constexpr PaxCase kCases[] = {
    {"size at the limit", [](Member& m) { m.size = kOctal11 - 1; }, "", kSizeAt, "77777777777\0"sv},
    {"size past it", [](Member& m) { m.size = kOctal11; }, "19 size=8589934592\n", kSizeAt,
     "\x80\0\0\0\0\0\0\x02\0\0\0\0"sv},
    {"mtime 0", [](Member& m) { m.mtime.seconds = 0; }, "", kMtimeAt, "00000000000\0"sv},
    {"mtime -1", [](Member& m) { m.mtime.seconds = -1; }, "12 mtime=-1\n", kMtimeAt,
     "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv},
    {"mtime far below", [](Member& m) { m.mtime.seconds = -62135596800; },
     "22 mtime=-62135596800\n", kMtimeAt, "\xff\xff\xff\xff\xff\xff\xff\xf1\x88\x6e\x09\x00"sv},
    {"mtime at the limit", [](Member& m) { m.mtime.seconds = kOctal11 - 1; }, "", kMtimeAt,
     "77777777777\0"sv},
    {"mtime past it", [](Member& m) { m.mtime.seconds = kOctal11; }, "20 mtime=8589934592\n",
     kMtimeAt, "\x80\0\0\0\0\0\0\x02\0\0\0\0"sv},
    {"uid at the limit", [](Member& m) { m.uid = kOctal7 - 1; }, "", kUidAt, "7777777\0"sv},
    {"uid past it", [](Member& m) { m.uid = kOctal7; }, "15 uid=2097152\n", kUidAt,
     "\x80\0\0\0\0\x20\0\0"sv},
    {"largest uid", [](Member& m) { m.uid = 0xFFFFFFFF; }, "18 uid=4294967295\n", kUidAt,
     "\x80\0\0\0\xff\xff\xff\xff"sv},
    {"gid at the limit", [](Member& m) { m.gid = kOctal7 - 1; }, "", kGidAt, "7777777\0"sv},
    {"gid past it", [](Member& m) { m.gid = kOctal7; }, "15 gid=2097152\n", kGidAt,
     "\x80\0\0\0\0\x20\0\0"sv},
    {"uname at the limit", [](Member& m) { m.uname = kText31; }, "", kUnameAt,
     "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu\0"sv},
    {"uname past it", [](Member& m) { m.uname = kText31 + "U"; },
     "42 uname=uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuU\n", kUnameAt,
     "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu\0"sv},
    {"gname at the limit", [](Member& m) { m.gname = kText31; }, "", kGnameAt,
     "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu\0"sv},
    {"gname past it", [](Member& m) { m.gname = kText31 + "U"; },
     "42 gname=uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuU\n", kGnameAt,
     "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu\0"sv},
};

// `LENGTH KEY=VALUE\n`, LENGTH found by trying.
std::string slow_record(const std::string& key, const std::string& value) {
  for (std::size_t length = 1;; ++length) {
    std::string record = std::to_string(length) + " " + key + "=" + value + "\n";
    if (record.size() == length) return record;
  }
}

Bytes acl_bytes(const std::vector<std::array<std::uint32_t, 3>>& entries, unsigned version = 2) {
  Bytes out;
  append_le(out, version, 4);
  for (const auto& [tag, permissions, id] : entries) {
    append_le(out, tag, 2);
    append_le(out, permissions, 2);
    append_le(out, id, 4);
  }
  return out;
}

constexpr std::uint32_t kNoId = 0xFFFFFFFF;

void check_same(const Member& found, const Member& expected) {
  CHECK(found.name == expected.name);
  CHECK(found.type == expected.type);
  CHECK(found.mode == expected.mode);
  CHECK(found.uid == expected.uid);
  CHECK(found.gid == expected.gid);
  CHECK(found.uname == expected.uname);
  CHECK(found.gname == expected.gname);
  CHECK(found.size == expected.size);
  CHECK(found.mtime == expected.mtime);
  CHECK(found.target == expected.target);
  CHECK(found.device_major == expected.device_major);
  CHECK(found.device_minor == expected.device_minor);
  CHECK((found.xattrs == expected.xattrs));
}

std::string random_path(Random& random) {
  std::string path;
  for (std::uint64_t parts = 1 + below(random, 6); parts > 0; --parts) {
    if (!path.empty()) path += '/';
    path += random_name(random, 1 + below(random, below(random, 3) == 0 ? 255 : 20));
  }
  return path;
}

Member random_member(Random& random) {
  Member member;
  member.name = random_path(random);
  member.type = static_cast<MemberType>('0' + below(random, 7));
  if (member.type == MemberType::directory)
    member.name = below(random, 10) == 0 ? "./" : member.name + "/";
  const auto spread = [&](std::uint64_t bits) {
    return random() >> (64 - 1 - below(random, bits));
  };
  member.mode = static_cast<std::uint32_t>(below(random, 010000));
  member.uid = spread(32);
  member.gid = spread(32);
  member.uname = random_name(random, below(random, 45));
  member.gname = random_name(random, below(random, 45));
  if (member.type == MemberType::regular) member.size = spread(62);
  member.mtime.seconds = static_cast<std::int64_t>(spread(62)) * (below(random, 2) == 0 ? 1 : -1);
  if (member.type == MemberType::symlink || member.type == MemberType::hard_link)
    member.target = random_name(random, 1 + below(random, 150));
  if (member.type == MemberType::character_device || member.type == MemberType::block_device) {
    member.device_major = static_cast<std::uint32_t>(spread(12));
    member.device_minor = static_cast<std::uint32_t>(spread(20));
  }
  for (std::uint64_t i = below(random, 4); i > 0; --i)
    member.xattrs.push_back(
        {"user." + random_name(random, 1 + below(random, 9)), as_text(random_bytes(random, 20))});
  std::sort(member.xattrs.begin(), member.xattrs.end());
  return member;
}

}  // namespace

TEST_CASE("tar_format: a pax header is there past the limit of a field and not at it",
          "[tar_format]") {
  for (const PaxCase& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      Member member = small_file();
      c.change(member);
      const Bytes header = encode_header(member);
      CHECK(pax_of(header) == c.records);
      CHECK(header.size() == (c.records.empty() ? 512 : 3 * 512));
      CHECK(field(header, c.at, c.field.size()) == c.field);
      check_same(decode_header(header), member);
    }
  }
}

TEST_CASE("tar_format: a target of 100 bytes fits its field, 101 need linkpath", "[tar_format]") {
  for (const MemberType type : {MemberType::symlink, MemberType::hard_link}) {
    Member member = small_file();
    member.type = type;
    member.target = text(100, 't');
    CHECK(pax_of(encode_header(member)).empty());
    CHECK(field(encode_header(member), kLinknameAt, 100) == text(100, 't'));
    member.target += 'T';
    CHECK(pax_of(encode_header(member)) == "115 linkpath=" + member.target + "\n");
    CHECK(field(encode_header(member), kLinknameAt, 100) == text(100, 't'));
    CHECK(decode_header(encode_header(member)).target == member.target);
  }
}

TEST_CASE("tar_format: a name of 100 bytes fits its field, 101 need path", "[tar_format]") {
  Member member = small_file();
  member.name = kName100;
  CHECK(pax_of(encode_header(member)).empty());
  member.name += 'N';
  CHECK(pax_of(encode_header(member)) == "111 path=" + member.name + "\n");
  member.name = text(100, 'd') + "/";
  member.type = MemberType::directory;
  CHECK(pax_of(encode_header(member)) == "111 path=" + member.name + "\n");
}

TEST_CASE("tar_format: a pax record counts its own length, where it grows by a digit too",
          "[tar_format]") {
  Member member = small_file();
  for (std::size_t size = 32; size < 1200; ++size) {
    member.uname = text(size, 'u');
    if (pax_of(encode_header(member)) != slow_record("uname", member.uname)) FAIL(size);
  }
  struct Case {
    std::size_t value;
    std::string_view begin;
  };
  // No record has 100, 1000 or 10000 bytes: the digit more makes it one longer.
  for (const Case& c :
       {Case{89, "99 uname="}, Case{90, "101 uname="}, Case{988, "999 uname="},
        Case{989, "1001 uname="}, Case{9987, "9999 uname="}, Case{9988, "10001 uname="}}) {
    member.uname = text(c.value, 'u');
    const std::string records = pax_of(encode_header(member));
    CHECK(records.substr(0, c.begin.size()) == c.begin);
    CHECK(records == slow_record("uname", member.uname));
  }
}

TEST_CASE("tar_format: the pax header's own block says only what it is", "[tar_format]") {
  Member member = small_file();
  member.name = "dir/" + text(120, 'n');
  member.mode = 04755;
  member.uid = 7;
  member.mtime.seconds = 9;
  member.uname = "mei";
  const Bytes header = encode_header(member);
  const std::string records = "130 path=" + member.name + "\n";
  REQUIRE(records.size() == 134);
  Bytes expected(512);
  put(expected, kNameAt, "PaxHeaders/" + text(89, 'n'));
  put(expected, kModeAt,
      "0000644\0"sv
      "0000000\0"sv
      "0000000\0"sv
      "00000000206\0"sv
      "00000000000\0"sv);
  put(expected, kTypeAt, "x");
  put(expected, kMagicAt,
      "ustar\0"sv
      "00");
  put(expected, kDevmajorAt,
      "0000000\0"sv
      "0000000\0"sv);
  seal(expected);
  CHECK(Bytes(header.begin(), header.begin() + 512) == expected);
}

TEST_CASE("tar_format: the pax header is named after the last component", "[tar_format]") {
  struct Case {
    const char* name;
    MemberType type;
    const char* expected;
  };
  constexpr Case kNames[] = {
      {"f", MemberType::regular, "PaxHeaders/f"},
      {"a/b/c", MemberType::regular, "PaxHeaders/c"},
      {"a/b/c/", MemberType::directory, "PaxHeaders/c"},
      {"d/", MemberType::directory, "PaxHeaders/d"},
      {"./", MemberType::directory, "PaxHeaders/."},
  };
  for (const Case& c : kNames) {
    Member member = small_file();
    member.name = c.name;
    member.type = c.type;
    member.uid = kOctal7;
    const Bytes header = encode_header(member);
    REQUIRE(has_pax(header));
    CHECK(std::string(as_text(ByteView(header).first(100)).c_str()) == c.expected);
  }
}

TEST_CASE("tar_format: records stand in the order of the format, hdrcharset first",
          "[tar_format]") {
  Member member = small_file();
  member.type = MemberType::symlink;
  member.name = text(101, '\xff');
  member.target = text(101, 't');
  member.size = kOctal11;  // no real symlink has one; the order is what counts here
  member.mtime.seconds = -1;
  member.uid = member.gid = kOctal7;
  member.uname = text(32, 'u');
  member.gname = text(32, 'g');
  const Bytes acl = acl_bytes({{1, 7, kNoId}});
  member.xattrs = {{"system.posix_acl_access", as_text(acl)},
                   {"system.posix_acl_default", as_text(acl)},
                   {"user.a", "1"},
                   {"user.b", "2"}};
  std::string expected;
  const auto record = [&](const std::string& key, const std::string& value) {
    expected += slow_record(key, value);
  };
  record("hdrcharset", "BINARY");
  record("path", member.name);
  record("linkpath", member.target);
  record("size", "8589934592");
  record("mtime", "-1");
  record("uid", "2097152");
  record("gid", "2097152");
  record("uname", member.uname);
  record("gname", member.gname);
  record("SCHILY.acl.access", "user::rwx");
  record("SCHILY.acl.default", "user::rwx");
  record("SCHILY.xattr.system.posix_acl_access", as_text(acl));
  record("SCHILY.xattr.system.posix_acl_default", as_text(acl));
  record("SCHILY.xattr.user.a", "1");
  record("SCHILY.xattr.user.b", "2");
  CHECK(pax_of(encode_header(member)) == expected);
}

TEST_CASE("tar_format: hdrcharset is there for invalid text records and for nothing else",
          "[tar_format]") {
  struct Case {
    const char* what;
    void (*change)(Member&);
    bool charset;
  };
  const Case kTexts[] = {
      {"long UTF-8 name", [](Member& m) { m.name = text(120, 'n') + "\xc3\xa4"; }, false},
      {"long binary name", [](Member& m) { m.name = text(120, 'n') + "\xff"; }, true},
      {"short binary name beside a record",
       [](Member& m) {
         m.name = "\xff";
         m.uid = kOctal7;
       },
       false},
      {"binary target",
       [](Member& m) {
         m.type = MemberType::symlink;
         m.target = text(120, '\xe9');
       },
       true},
      {"binary uname", [](Member& m) { m.uname = text(32, '\xe9'); }, true},
      {"binary gname", [](Member& m) { m.gname = text(32, '\xe9'); }, true},
      {"short binary uname", [](Member& m) { m.uname = "\xe9"; }, false},
      {"binary xattr",
       [](Member& m) {
         m.xattrs = {{"user.\xff", "\xfe"}};
       },
       false},
  };
  for (const Case& c : kTexts) {
    DYNAMIC_SECTION(c.what) {
      Member member = small_file();
      c.change(member);
      const std::string records = pax_of(encode_header(member));
      CHECK((records.find("hdrcharset") != std::string::npos) == c.charset);
      CHECK(records.starts_with("21 hdrcharset=BINARY\n") == c.charset);
      check_same(decode_header(encode_header(member)), member);
    }
  }
}

TEST_CASE("tar_format: ACL bytes become the text of docs/format.md, unknown ones nothing",
          "[tar_format]") {
  const Bytes all = acl_bytes({{1, 7, kNoId},
                               {2, 5, 1000},
                               {4, 5, kNoId},
                               {8, 2, 4294967294},
                               {16, 5, kNoId},
                               {32, 4, kNoId}});
  CHECK(acl_text(as_text(all)) ==
        "user::rwx,user:1000:r-x,group::r-x,group:4294967294:-w-,mask::r-x,other::r--");
  CHECK(acl_text(as_text(acl_bytes({{32, 0, kNoId}}))) == "other::---");
  CHECK_FALSE(acl_text(as_text(acl_bytes({{1, 7, kNoId}}, 3))));
  CHECK_FALSE(acl_text(as_text(acl_bytes({{3, 7, kNoId}}))));
  CHECK_FALSE(acl_text(""));
  for (std::size_t size = 0; size < all.size(); ++size) {
    INFO(size);
    CHECK(acl_text(as_text(ByteView(all).first(size))).has_value() ==
          (size >= 4 && (size - 4) % 8 == 0));
  }
}

TEST_CASE("tar_format: an ACL that Linux did not write is kept as xattr alone", "[tar_format]") {
  Member member = small_file();
  member.xattrs = {{"system.posix_acl_access", "odd"}};
  CHECK(pax_of(encode_header(member)) ==
        slow_record("SCHILY.xattr.system.posix_acl_access", "odd"));
  check_same(decode_header(encode_header(member)), member);
}

TEST_CASE("tar_format: names of xattrs escape `%` and `=` and come back", "[tar_format]") {
  Member member = small_file();
  member.xattrs = {{"user.%", ""}, {"user.%25", "a=b\n"}, {"user.%3D=", std::string("\0", 1)}};
  std::string expected = slow_record("SCHILY.xattr.user.%25", "") +
                         slow_record("SCHILY.xattr.user.%2525", "a=b\n") +
                         slow_record("SCHILY.xattr.user.%253D%3D", std::string("\0", 1));
  CHECK(pax_of(encode_header(member)) == expected);
  check_same(decode_header(encode_header(member)), member);
}

TEST_CASE("tar_format: any member comes back from its header blocks", "[tar_format]") {
  Random random(4);
  for (int round = 0; round < 3000; ++round) {
    const Member member = random_member(random);
    INFO("seed 4, round " << round);
    const Bytes header = encode_header(member);
    REQUIRE(header.size() % 512 == 0);
    check_same(decode_header(header), member);
  }
}

TEST_CASE("tar_format: pax records that are not records are corrupt", "[tar_format]") {
  struct Case {
    const char* what;
    std::string records;
    std::string_view says;
  };
  const std::string same_size = "20 size=123456789012\n";
  const Case kRecords[] = {
      {"no length", "path=x\n", "length"},
      {"no space", "9path=xy\n", "length"},
      {"length too short for itself", "2 a=b\n", "length"},
      {"length too long", "7 a=b\n", "length"},
      {"length past the body", "99 a=b\n", "length"},
      {"length beyond 64 bits", "99999999999999999999999 a=b\n", "length"},
      {"length alone", "12", "length"},
      {"zero", "0 a=b\n", "length"},
      {"no newline", "6 a=bc", "length"},
      {"no equals sign", "6 abc\n", "no `=`"},
      {"twice the same", "6 a=b\n6 a=c\n", "twice"},
      {"size other than the field's", "10 size=7\n", "size"},
      {"mtime other than the field's", "11 mtime=7\n", "mtime"},
      {"mtime with a fraction", "13 mtime=0.5\n", "mtime"},
      {"uid other than the field's", "8 uid=7\n", "uid"},
      {"gid other than the field's", "8 gid=7\n", "gid"},
      {"empty path", "8 path=\n", "name of 0 bytes"},
      {"path beyond the limit", slow_record("path", text(4097)), "name of 4097 bytes"},
  };
  for (const Case& c : kRecords) {
    DYNAMIC_SECTION(c.what) {
      Member member = small_file();
      member.uname = text(40);
      Bytes header = encode_header(member);
      const Bytes ustar(header.end() - 512, header.end());
      header.resize(512);
      std::string size = "00000000000";
      for (std::size_t i = 11, left = c.records.size(); i-- > 0; left /= 8)
        size[i] = static_cast<char>('0' + left % 8);
      put(header, kSizeAt, size);
      seal(header);
      const ByteView body = as_bytes(c.records);
      header.insert(header.end(), body.begin(), body.end());
      header.resize((header.size() + 511) / 512 * 512);
      header.insert(header.end(), ustar.begin(), ustar.end());
      const Error error = failed([&] { return decode_header(header); });
      CHECK(error.kind() == ErrorKind::corrupt);
      CHECK(says(error, c.says));
    }
  }
}

TEST_CASE("tar_format: names and targets of the largest size come back", "[tar_format]") {
  Member member = small_file();
  member.type = MemberType::symlink;
  member.name = text(4096, 'n');
  member.target = text(4095, 't');
  check_same(decode_header(encode_header(member)), member);
}
