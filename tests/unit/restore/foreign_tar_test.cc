#include "tape/foreign_tar.h"

#include <numeric>

#include "support/expect.h"
#include "support/samples.h"

using namespace tape;

namespace {

// A header block by hand: fields are put at their places, the checksum last.
struct Block {
  Bytes bytes = Bytes(512);
  Block& put(std::size_t at, const std::string& text) {
    std::copy(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    return *this;
  }
  Block& type(char typeflag) { return put(156, std::string(1, typeflag)); }
  Block& size(const std::string& octal) { return put(124, octal); }
  Bytes sealed(bool as_signed = false) {
    put(148, "        ");
    std::int64_t sum = 0;
    for (const std::uint8_t byte : bytes)
      sum += as_signed ? static_cast<std::int8_t>(byte) : byte;
    char digits[8] = {};
    std::snprintf(digits, sizeof digits, "%06llo", static_cast<unsigned long long>(sum));
    return put(148, std::string(digits, 7)).bytes;
  }
};

Block block(const std::string& name, char typeflag = '0') {
  return Block().put(0, name).put(100, "0000644").put(136, "14000000000").type(typeflag);
}
Block ustar(const std::string& name, char typeflag = '0') {
  return block(name, typeflag)
      .put(257, std::string("ustar\00000", 8))
      .put(265, "root")
      .put(297, "adm");
}
Block gnu(const std::string& name, char typeflag = '0') {
  return block(name, typeflag).put(257, std::string("ustar  \0", 8));
}

Bytes padded_bytes(const std::string& text) {
  Bytes out(text.begin(), text.end());
  out.resize((out.size() + 511) / 512 * 512);
  return out;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts)
    out.insert(out.end(), part.begin(), part.end());
  return out;
}

std::string octal(std::size_t size) {
  char digits[13] = {};
  std::snprintf(digits, sizeof digits, "%011zo", size);
  return digits;
}

Bytes extended(char typeflag, const std::string& body, Block header = ustar("x")) {
  return joined({header.type(typeflag).size(octal(body.size())).sealed(), padded_bytes(body)});
}

std::string pax(const std::string& key, const std::string& value) {
  for (std::size_t size = key.size() + value.size() + 3;; ++size) {
    const std::string record = std::to_string(size) + " " + key + "=" + value + "\n";
    if (record.size() == size) return record;
  }
}

std::vector<ForeignMember> parsed(const Bytes& tar, std::size_t piece = SIZE_MAX) {
  std::vector<ForeignMember> out;
  ForeignTarParser parser([&](const ForeignMember& member) { out.push_back(member); });
  for (std::size_t at = 0; at < tar.size(); at += std::min(piece, tar.size() - at))
    parser.write(ByteView(tar).subspan(at, std::min(piece, tar.size() - at)));
  parser.finish();
  return out;
}

const Bytes kEnd(1024);

}  // namespace

TEST_CASE("foreign_tar: the headers of v7, ustar and GNU") {
  const Bytes tar = joined(
      {block("old").size(octal(700)).type('\0').sealed(), Bytes(1024), block("dir/", '\0').sealed(),
       ustar("name").put(345, "some/prefix").put(108, "0000012").put(116, "0000013").sealed(),
       gnu("gnu").put(345, "no prefix").sealed(),
       ustar("link", '2').put(157, "target").size(octal(99)).sealed(),
       ustar("again", '1').put(157, "old").size(octal(700)).sealed(),
       ustar("device", '3').put(329, "0000005").put(337, "0000001").sealed(),
       ustar("pipe", '6').sealed(), kEnd});
  for (const std::size_t piece : {std::size_t{1}, std::size_t{511}, std::size_t{513}, SIZE_MAX}) {
    const auto found = parsed(tar, piece);
    REQUIRE(found.size() == 8);
    CHECK(found[0].member.name == "old");
    CHECK(found[0].typeflag == '0');
    CHECK(found[0].size == 700);
    CHECK(found[0].member.mode == 0644);
    CHECK(found[0].member.mtime.seconds == 0x60000000);
    CHECK(found[0].offset == 0);
    CHECK(found[0].body == 512);
    CHECK(found[1].member.type == MemberType::directory);
    CHECK(found[1].offset == 512 + 1024);
    CHECK(found[2].member.name == "some/prefix/name");
    CHECK(found[2].member.uid == 10);
    CHECK(found[2].member.gid == 11);
    CHECK(found[2].member.uname == "root");
    CHECK(found[2].member.gname == "adm");
    CHECK(found[3].member.name == "gnu");
    CHECK(found[4].member.type == MemberType::symlink);
    CHECK(found[4].member.target == "target");
    CHECK(found[4].size == 0);
    CHECK(found[5].member.type == MemberType::hard_link);
    CHECK(found[5].size == 0);
    CHECK(found[6].member.device_major == 5);
    CHECK(found[6].member.device_minor == 1);
    CHECK(found[7].member.type == MemberType::fifo);
  }
}

TEST_CASE("foreign_tar: long names of GNU and pax take the place of those in the block") {
  const std::string name = text(300, 'n');
  const std::string target = text(400, 't');
  const Bytes tar = joined(
      {extended('L', name + '\0', gnu("././@LongLink")),
       extended('K', target + '\0', gnu("././@LongLink")), gnu(name.substr(0, 100), '2').sealed(),
       extended('x', pax("path", name + "\n=x") + pax("linkpath", target) + pax("mtime", "-1.25") +
                         pax("uid", "4000000000") + pax("SCHILY.xattr.user.b", "2") +
                         pax("SCHILY.xattr.user.a", "1") + pax("uname", "somebody")),
       ustar("short", '2').sealed(), ustar("next").sealed(), kEnd});
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, SIZE_MAX}) {
    const auto found = parsed(tar, piece);
    REQUIRE(found.size() == 3);
    CHECK(found[0].member.name == name);
    CHECK(found[0].member.target == target);
    CHECK(found[0].offset == 0);
    CHECK(found[1].member.name == name + "\n=x");
    CHECK(found[1].member.target == target);
    CHECK(found[1].member.mtime == Timestamp{-2, 750'000'000});
    CHECK(found[1].member.uid == 4'000'000'000);
    CHECK(found[1].member.uname == "somebody");
    CHECK(found[1].member.xattrs == std::vector<Xattr>{{"user.a", "1"}, {"user.b", "2"}});
    CHECK(found[1].offset == 2 * 1024 + 512);
    CHECK(found[2].member.name == "next");
    CHECK(found[2].member.xattrs.empty());
    CHECK(found[2].member.mtime.seconds == 0x60000000);
  }
}

TEST_CASE("foreign_tar: what pax says for all holds until a member says otherwise") {
  const Bytes tar =
      joined({extended('g', pax("uname", "all") + pax("comment", "c")), ustar("a").sealed(),
              extended('x', pax("uname", "one")), ustar("b").sealed(), ustar("c").sealed(),
              extended('g', pax("uname", "")), ustar("d").sealed(), kEnd});
  const auto found = parsed(tar);
  REQUIRE(found.size() == 4);
  CHECK(found[0].member.uname == "all");
  CHECK(found[0].offset == 1024);
  CHECK(found[1].member.uname == "one");
  CHECK(found[2].member.uname == "all");
  CHECK(found[3].member.uname == "root");
}

TEST_CASE("foreign_tar: sizes beyond 8 GiB by base-256 and by pax, and negative times") {
  std::string base256 = std::string("\x80\0\0\0", 4) + std::string("\0\0\0\2\0\0\2\0", 8);
  const std::string minus_one(12, '\xFF');
  std::vector<ForeignMember> found;
  ForeignTarParser parser([&](const ForeignMember& member) { found.push_back(member); });
  parser.write(ustar("big").put(124, base256).put(136, minus_one).sealed());
  REQUIRE(found.size() == 1);
  CHECK(found[0].size == 0x0200000200);
  CHECK(found[0].member.mtime.seconds == -1);
  CHECK_FALSE(parser.complete());
  CHECK(failed([&] { parser.finish(); }).kind() == ErrorKind::corrupt);

  ForeignTarParser other([&](const ForeignMember& member) { found.push_back(member); });
  other.write(joined({extended('x', pax("size", "9000000000")), ustar("big").sealed()}));
  REQUIRE(found.size() == 2);
  CHECK(found[1].size == 9'000'000'000);
}

TEST_CASE(
    "foreign_tar: sparse files and types of others are listed, and their content passed over") {
  Block old = gnu("sparse", 'S').size(octal(512));
  old.bytes[482] = 1;
  Bytes map(512);
  map[504] = 1;
  const Bytes tar =
      joined({old.sealed(), map, Bytes(512), Bytes(512),
              extended('x', pax("GNU.sparse.major", "1") + pax("GNU.sparse.name", "real")),
              ustar("GNUSparseFile.0/real").size(octal(10)).sealed(), Bytes(512),
              gnu("volume", 'V').sealed(), gnu("dump", 'D').size(octal(5)).sealed(), Bytes(512),
              ustar("last").sealed(), kEnd});
  const auto found = parsed(tar);
  REQUIRE(found.size() == 5);
  CHECK(found[0].sparse);
  CHECK(found[0].body == 3 * 512);
  CHECK(found[1].sparse);
  CHECK(found[1].member.name == "real");
  CHECK_FALSE(found[2].known);
  CHECK_FALSE(found[3].known);
  CHECK(found[3].size == 5);
  CHECK(found[4].member.name == "last");
  CHECK_FALSE(found[4].sparse);
}

TEST_CASE("foreign_tar: old programs summed signed bytes") {
  CHECK(parsed(joined({block("n\xE4me").sealed(true), kEnd}))[0].member.name == "n\xE4me");
}

TEST_CASE("foreign_tar: one block of zeros is the end, and so is the end") {
  const Bytes member = ustar("a").size(octal(3)).sealed();
  CHECK(parsed(joined({member, Bytes(512)})).size() == 1);
  CHECK(parsed(joined({member, Bytes(512), Bytes(512),
                       as_bytes("garbage").size() ? Bytes(999, 7) : Bytes()}))
            .size() == 1);
  CHECK(parsed({}).empty());
  CHECK(parsed(kEnd).empty());
}

TEST_CASE("foreign_tar: a tar that is cut in a member is corrupt, and says where") {
  const Bytes tar =
      joined({ustar("a").size(octal(3)).sealed(), padded_bytes("abc"),
              extended('x', pax("path", "b")), ustar("b").size(octal(600)).sealed(), Bytes(1024)});
  for (std::size_t size = 0; size <= tar.size(); ++size) {
    Bytes cut = tar;
    cut.resize(size);
    INFO(size);
    const auto failure = failure_of([&] { parsed(cut, 700); });
    CHECK(failure.has_value() == (size != 0 && size != 1024 && size != tar.size()));
    if (failure) CHECK(says(*failure, "at " + std::to_string(size)));
  }
}

TEST_CASE("foreign_tar: what is no header is refused by its offset") {
  const Bytes good = ustar("a").sealed();
  struct Row {
    Bytes tar;
    ErrorKind kind;
    const char* says;
  };
  const Row rows[] = {
      {Bytes(512, 'x'), ErrorKind::corrupt, "member at 0"},
      {joined({good, Bytes(512, 'x')}), ErrorKind::corrupt, "member at 512"},
      {joined({good, ustar("b").size("0000000z").sealed()}), ErrorKind::corrupt,
       "the size is `0000000z`"},
      {ustar("b").put(124, std::string(12, '\xFF')).sealed(), ErrorKind::corrupt,
       "the size is negative"},
      {ustar("b").put(124, "\x80" + std::string(11, '\x7F')).sealed(), ErrorKind::corrupt,
       "64 bits"},
      {ustar("b").put(108, std::string(8, '\xFF')).sealed(), ErrorKind::corrupt,
       "the uid is negative"},
      {joined({extended('x', "99 path=b\n"), good}), ErrorKind::corrupt, "pax record"},
      {joined({extended('x', "10 path+b\n"), good}), ErrorKind::corrupt, "without `=`"},
      {joined({extended('x', "path"), good}), ErrorKind::corrupt, "without a length"},
      {joined({extended('x', pax("mtime", "1.x")), good}), ErrorKind::corrupt, "pax mtime"},
      {joined({extended('x', pax("size", "-1")), good}), ErrorKind::corrupt, "pax size"},
      {joined({extended('x', pax("path", "b")), kEnd}), ErrorKind::corrupt, "zeros where"},
      {ustar("b", 'x').size(octal(kHeaderSizeMax + 1)).sealed(), ErrorKind::unsupported,
       "16777217 bytes"},
      {gnu("b", 'L').size(octal(kForeignNameMax + 1)).sealed(), ErrorKind::unsupported,
       "1048577 bytes"},
  };
  for (const Row& row : rows) {
    INFO(row.says);
    const Error error = failed([&] { parsed(row.tar); });
    CHECK(error.kind() == row.kind);
    CHECK(says(error, row.says));
  }
}

TEST_CASE("foreign_tar: a slash at the end makes a directory only of the whole name") {
  const std::string directory = std::string(98, 'd') + "/";
  const Bytes tar = joined({extended('L', directory + "file" + '\0', gnu("././@LongLink")),
                            gnu(directory).size(octal(600)).sealed(), Bytes(1024),
                            ustar("other/").sealed(), kEnd});
  const auto found = parsed(tar);
  REQUIRE(found.size() == 2);
  CHECK(found[0].member.name == directory + "file");
  CHECK(found[0].member.type == MemberType::regular);
  CHECK(found[0].member.size == 600);
  CHECK(found[1].member.type == MemberType::directory);
}
