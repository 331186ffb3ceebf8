#include "tape/tape_parser.h"

#include "support/expect.h"
#include "support/hand_made.h"
#include "support/samples.h"

using namespace tape;

namespace {

struct Heard final : public MemberObserver {
  void member_starts(const Entry& entry, const Start&) override { entries.push_back(entry); }
  void member_ends(const Entry&, const MemberEnd& end) override { hashes.push_back(end.hash); }
  std::vector<Entry> entries;
  std::vector<std::optional<Hash128>> hashes;
};

HandMadeTape made_tape() {
  HandMadeTape tape;
  tape.add(plain_member("r/", MemberType::directory));
  tape.add(plain_member("r/" + text(200, 'd') + "/", MemberType::directory));  // pax
  tape.add(plain_member("r/empty"));
  tape.add(plain_member("r/file"), mixed_bytes(1234));
  tape.add(link_member("r/hard", MemberType::hard_link, "r/file"));
  tape.add(plain_member("r/whole"), mixed_bytes(1024));
  tape.add(link_member("r/with", MemberType::symlink, "file"));
  tape.end();
  return tape;
}

void parse(const Bytes& bytes, Heard& heard, std::size_t piece = 1 << 20) {
  TapeParser parser(heard);
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    parser.write(ByteView(bytes).subspan(at, std::min(piece, bytes.size() - at)));
}

}  // namespace

TEST_CASE("tape_parser: hears what the tape was made of, for any cutting", "[tape_parser]") {
  const HandMadeTape tape = made_tape();
  for (const std::size_t piece : {1U, 7U, 511U, 512U, 513U, 100000U}) {
    Heard heard;
    parse(tape.bytes, heard, piece);
    INFO("pieces of " << piece);
    REQUIRE(heard.entries.size() == tape.entries.size());
    CHECK(heard.hashes == tape.hashes);
    for (std::size_t i = 0; i < heard.entries.size(); ++i) {
      CHECK(heard.entries[i].path == tape.entries[i].path);
      CHECK(heard.entries[i].offset == tape.entries[i].offset);
      CHECK(heard.entries[i].header_blocks == tape.entries[i].header_blocks);
      CHECK(heard.entries[i].member.size == tape.entries[i].member.size);
      CHECK(heard.entries[i].member.target == tape.entries[i].member.target);
    }
  }
}

TEST_CASE("tape_parser: knows whether it is in a header and whether the tape ended",
          "[tape_parser]") {
  const HandMadeTape tape = made_tape();
  Heard heard;
  TapeParser parser(heard);
  std::size_t at = 0;
  const auto to = [&](std::size_t end) {
    parser.write(ByteView(tape.bytes).subspan(at, end - at));
    at = end;
  };
  CHECK_FALSE(parser.in_header());
  to(512);
  CHECK_FALSE(parser.in_header());
  CHECK(parser.members() == 1);
  to(1024);  // the pax header of the second
  CHECK(parser.in_header());
  to(tape.entries[2].offset.value() + 1);
  CHECK(parser.in_header());
  to(tape.entries[3].body().value());
  CHECK_FALSE(parser.in_header());
  to(tape.bytes.size() - 512);
  CHECK_FALSE(parser.complete());
  to(tape.bytes.size());
  CHECK(parser.complete());
  CHECK(parser.members() == tape.entries.size());
}

TEST_CASE("tape_parser: what is no tape is corrupt", "[tape_parser]") {
  struct Case {
    const char* what;
    void (*change)(HandMadeTape& tape);
    const char* says;
  };
  const Case cases[] = {
      {"a wrong checksum", [](HandMadeTape& t) { t.bytes[5] = 'x'; }, "checksum"},
      {"no magic", [](HandMadeTape& t) { t.bytes[257] = 'x'; }, "magic"},
      {"padding that is not zero",
       [](HandMadeTape& t) { t.bytes[t.entries[3].body().value() + t.entries[3].member.size] = 1; },
       "padding"},
      {"more behind the end", [](HandMadeTape& t) { t.bytes.push_back(0); }, "behind the end"},
      {"one zero block between members",
       [](HandMadeTape& t) {
         const auto at = t.bytes.begin() + static_cast<std::ptrdiff_t>(t.entries[2].offset.value());
         t.bytes.insert(at, 512, 0);
       },
       "zero block"},
      {"members out of order",
       [](HandMadeTape& t) {
         t = HandMadeTape();
         t.add(plain_member("b"));
         t.add(plain_member("a"));
         t.end();
       },
       "not behind"},
      {"a name twice",
       [](HandMadeTape& t) {
         t = HandMadeTape();
         t.add(plain_member("a"));
         t.add(plain_member("a"));
         t.end();
       },
       "not behind"},
      {"a comment header, as of what was filled",
       [](HandMadeTape& t) {
         const Bytes header = encode_comment_header(600);
         t.bytes.insert(t.bytes.begin(), header.begin(), header.end());
       },
       "tape at 0"},
  };
  for (const Case& c : cases) {
    DYNAMIC_SECTION(c.what) {
      HandMadeTape tape = made_tape();
      c.change(tape);
      Heard heard;
      const Error error = failed([&] { parse(tape.bytes, heard); });
      INFO(error.what());
      CHECK(error.kind() == ErrorKind::corrupt);
      CHECK(says(error, c.says));
    }
  }
}

TEST_CASE("tape_parser: any byte changed is a tape or corrupt", "[tape_parser]") {
  const HandMadeTape tape = made_tape();
  Random random(31);
  for (std::size_t at = 0; at < tape.bytes.size(); ++at) {
    Bytes bad = tape.bytes;
    bad[at] = static_cast<std::uint8_t>(bad[at] ^ (1 + below(random, 255)));
    Heard heard;
    const auto failure = failure_of([&] { parse(bad, heard); });
    if (failure) CHECK(failure->kind() == ErrorKind::corrupt);
  }
}
