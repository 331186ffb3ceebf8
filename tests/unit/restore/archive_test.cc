#include "tape/archive.h"

#include <algorithm>

#include "support/expect.h"
#include "support/faulty.h"
#include "support/hand_made.h"
#include "support/ragzip_parts.h"
#include "support/samples.h"

using namespace tape;

namespace {

HandMadeTape every_kind() {
  HandMadeTape tape;
  tape.add(plain_member("r/", MemberType::directory));
  Member a = plain_member("r/a");
  a.mtime = {1'700'000'000, 123'456'789};
  a.xattrs = {{"user.a", "b"}};
  tape.add(a, mixed_bytes(5000));
  tape.add(link_member("r/b", MemberType::hard_link, "r/a"));
  tape.add(link_member("r/c", MemberType::symlink, text(200, 't')));
  tape.add(plain_member("r/d/", MemberType::directory));
  tape.add(plain_member("r/d/" + text(150, 'n')), mixed_bytes(512, 2));
  tape.add(plain_member("r/empty"));
  tape.add(plain_member("r/one"), {7});
  tape.add(plain_member("r/z", MemberType::fifo));
  tape.end();
  return tape;
}

Bytes volume_bytes(const HandMadeTape& tape, int page_bits, Metadata metadata = Metadata::full) {
  return volume_of(tape, {small_geometry(page_bits), whole(tape), metadata}).bytes;
}

Bytes body_of(const HandMadeTape& tape, const Entry& entry) {
  const auto begin = tape.bytes.begin() + static_cast<std::ptrdiff_t>(entry.body().value());
  return {begin, begin + static_cast<std::ptrdiff_t>(entry.member.size)};
}

Bytes read_all(MemberReader& member, std::size_t piece) {
  Bytes out;
  Bytes buffer(piece);
  while (const std::size_t n = member.read(buffer))
    out.insert(out.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(n));
  return out;
}

// A volume of one record that says what the test wants of `r/a`.
Bytes volume_of_record(const HandMadeTape& tape, void (*change)(MemberRecord& record)) {
  IndexedVolume made(tape.bytes, small_geometry());
  MemberRecord record;
  record.path = "r/a";
  record.offset = static_cast<std::int64_t>(tape.entries[1].offset.value());
  record.header_blocks = tape.entries[1].header_blocks;
  record.size = tape.entries[1].member.size;
  record.mode = 0644;
  record.mtime.seconds = 1'700'000'000;
  record.pages.begin = made.pages()[1].begin;
  const std::size_t last = (tape.entries[1].end().value() - 1) / 512;
  record.pages.size = made.pages()[last].end() - record.pages.begin;
  change(record);
  made.add_tree({record}, 1, 2);
  return made.finish();
}

}  // namespace

TEST_CASE("archive: every member opens with its header and its body", "[archive]") {
  const HandMadeTape tape = every_kind();
  for (const int page_bits : {9, 11, 18}) {
    for (const std::size_t piece : {1U, 500U, 100'000U}) {
      DYNAMIC_SECTION("pages of 2^" << page_bits << ", pieces of " << piece) {
        const Bytes bytes = volume_bytes(tape, page_bits);
        const MemorySource source(bytes);
        Archive archive(source);
        // Backwards too, so that no page is there by luck.
        for (std::size_t i = 0; i < 2 * tape.entries.size(); ++i) {
          const std::size_t at = i < tape.entries.size() ? i : 2 * tape.entries.size() - 1 - i;
          const Entry& entry = tape.entries[at];
          INFO(entry.path);
          const auto record = archive.index().find(entry.path);
          REQUIRE(record);
          const auto member = archive.open(*record);
          CHECK(member->header().name == entry.member.name);
          CHECK(member->header().target == entry.member.target);
          CHECK(member->header().mtime == entry.member.mtime);
          CHECK((member->header().xattrs == entry.member.xattrs));
          CHECK(read_all(*member, piece) == body_of(tape, entry));
          CHECK(member->finish() == (tape.hashes[at] ? HashResult::right : HashResult::none));
        }
      }
    }
  }
}

TEST_CASE("archive: one member costs a tail, a leaf and its pages, whatever the number of members",
          "[archive]") {
  for (const int members : {100, 3000}) {
    DYNAMIC_SECTION(members << " members") {
      HandMadeTape tape;
      Random random(18);
      for (int i = 0; i < members; ++i)
        tape.add(plain_member("r" + std::to_string(100'000 + i)), random_bytes(random, 900));
      tape.end();
      const MadeVolume made = volume_of(tape, {small_geometry(12, 10), whole(tape), {}});
      REQUIRE(made.summary.height == (members == 100 ? 1 : 2));
      for (const std::size_t at :
           {std::size_t{0}, tape.entries.size() / 2, tape.entries.size() - 1}) {
        const MemorySource source(made.bytes);
        Archive archive(source);
        CHECK(source.reads.size() == 1);
        const auto record = archive.index().find(tape.entries[at].path);
        REQUIRE(record);
        const std::size_t looked_up = source.reads.size();
        CHECK(looked_up <= 2);
        const auto member = archive.open(*record);
        CHECK(read_all(*member, 100) == body_of(tape, tape.entries[at]));
        CHECK(member->finish() == HashResult::right);
        CHECK(source.reads.size() == looked_up + 1);
        CHECK(source.reads.back().begin == record->pages.begin);
        CHECK(source.reads.back().size == record->pages.size);
        CHECK(source.bytes_read() <= kTailReadSize + 16406 + record->pages.size);
      }
      const MemorySource source(made.bytes);
      Archive archive(source);
      CHECK_FALSE(archive.index().find("s"));
      CHECK(source.reads.size() <= 2);
    }
  }
}

TEST_CASE("archive: a walk over all members reads far ahead", "[archive]") {
  HandMadeTape tape;
  Random random(19);
  for (int i = 0; i < 200; ++i)
    tape.add(plain_member("r" + std::to_string(100'000 + i)), random_bytes(random, 900));
  tape.end();
  const Bytes bytes = volume_bytes(tape, 12);
  const MemorySource source(bytes);
  Archive archive(source);
  archive.expect_walk({100'000, 0});
  source.reads.clear();
  const auto cursor = archive.index().records_from("");
  std::size_t at = 0;
  while (const auto record = cursor->next())
    CHECK(read_all(*archive.open(*record), 1000) == body_of(tape, tape.entries[at++]));
  CHECK(at == 200);
  CHECK(source.reads.size() <= bytes.size() / 100'000 + 2);
}

TEST_CASE("archive: a record that its header contradicts is corrupt", "[archive]") {
  struct Case {
    const char* what;
    void (*change)(MemberRecord& record);
    const char* says;
  };
  constexpr Case kCases[] = {
      {"name", [](MemberRecord& r) { r.path = "r/A"; }, "names r/a"},
      {"a directory's name", [](MemberRecord& r) { r.type = MemberType::directory, r.size = 0; },
       "names r/a"},
      {"type", [](MemberRecord& r) { r.type = MemberType::fifo, r.size = 0; }, "type"},
      {"size one less", [](MemberRecord& r) { --r.size; }, "5000 bytes"},
      {"size one more", [](MemberRecord& r) { ++r.size; }, "5000 bytes"},
      {"target", [](MemberRecord& r) { r.flags |= kRecordTarget, r.target = "x"; }, "leads"},
      {"mode", [](MemberRecord& r) { r.mode = 0600; }, "mode"},
      {"mtime", [](MemberRecord& r) { ++r.mtime.seconds; }, "mtime"},
      {"uid", [](MemberRecord& r) { r.flags |= kRecordOwner, r.uid = 1; }, "owner"},
      {"gid", [](MemberRecord& r) { r.flags |= kRecordOwner, r.gid = 1; }, "owner"},
      {"offset a byte more", [](MemberRecord& r) { ++r.offset; }, ""},
      {"header blocks", [](MemberRecord& r) { ++r.header_blocks; }, ""},
      {"first page", [](MemberRecord& r) { r.pages.begin = GzOffset(0); }, ""},
      {"pages behind the data", [](MemberRecord& r) { r.pages.size += 100'000; },
       "behind the data"},
      {"offset behind the end", [](MemberRecord& r) { r.offset += 1'000'000; },
       "behind the last page"},
  };
  const HandMadeTape tape = every_kind();
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      const Bytes bytes = volume_of_record(tape, c.change);
      const MemorySource source(bytes);
      Archive archive(source);
      const auto record = archive.index().records_from("")->next();
      REQUIRE(record);
      const Error error = failed([&] { return archive.open(*record); });
      CHECK(error.kind() == ErrorKind::corrupt);
      CHECK(says(error, c.says));
      CHECK(says(error, "r/"));
    }
  }
  const Bytes good = volume_of_record(tape, [](MemberRecord&) {});
  const MemorySource source(good);
  Archive archive(source);
  CHECK(read_all(*archive.open(*archive.index().find("r/a")), 1000) ==
        body_of(tape, tape.entries[1]));
}

TEST_CASE("archive: a member whose pages are fewer than its body is corrupt", "[archive]") {
  const HandMadeTape tape = every_kind();
  const Bytes bytes = volume_of_record(tape, [](MemberRecord& r) { r.pages.size -= 20; });
  const MemorySource source(bytes);
  Archive archive(source);
  const auto member = archive.open(*archive.index().find("r/a"));
  CHECK(failed([&] { read_all(*member, 1000); }).kind() == ErrorKind::corrupt);
}

TEST_CASE("archive: members that this version cannot give are unsupported, not wrong",
          "[archive]") {
  const HandMadeTape tape = every_kind();
  struct Case {
    const char* what;
    void (*change)(MemberRecord& record);
  };
  constexpr Case kCases[] = {
      {"omitted", [](MemberRecord& r) { r.flags |= kRecordOmitted; }},
      {"goes on in a later volume", [](MemberRecord& r) { r.flags |= kRecordLater; }},
      {"began in an earlier volume", [](MemberRecord& r) { r.offset = -512; }},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      const Bytes bytes = volume_of_record(tape, c.change);
      const MemorySource source(bytes);
      Archive archive(source);
      const MemberRecord record = *archive.index().find("r/a");
      const Error error = failed([&] { return archive.open(record); });
      CHECK(error.kind() == ErrorKind::unsupported);
      const Error nowhere = failed([&] { return archive.locate(record); });
      CHECK(nowhere.kind() == ErrorKind::unsupported);
      CHECK(std::string(nowhere.what()) == error.what());
    }
  }
}

TEST_CASE("archive: a body that does not have its hash is known by finish", "[archive]") {
  HandMadeTape tape = every_kind();
  tape.hashes[1] = Hash128{1, 2, 3};
  const Bytes bytes = volume_bytes(tape, 9);
  const MemorySource source(bytes);
  Archive archive(source);
  const auto member = archive.open(*archive.index().find("r/a"));
  CHECK(read_all(*member, 1000) == body_of(tape, tape.entries[1]));
  CHECK(member->finish() == HashResult::wrong);
}

TEST_CASE("archive: whichever read fails, the failure comes out and a new try is right",
          "[archive]") {
  const HandMadeTape tape = every_kind();
  const Bytes bytes = volume_bytes(tape, 9);
  const MemorySource source(bytes);
  const auto read_everything = [&](Archive& archive) {
    for (const Entry& entry : tape.entries) {
      const auto record = archive.index().find(entry.path);
      REQUIRE(record);
      const auto member = archive.open(*record);
      REQUIRE(read_all(*member, 1000) == body_of(tape, entry));
    }
  };
  Faults none = Faults::none();
  const FaultySource counted(source, none);
  Archive good(counted);
  read_everything(good);
  REQUIRE(none.calls() > 5);
  for (std::uint64_t call = 2; call <= none.calls(); ++call) {
    Faults faults = Faults::at_call(call, Error(ErrorKind::transient, "line cut"));
    const FaultySource faulty(source, faults);
    Archive archive(faulty);
    INFO("call " << call);
    CHECK(failed([&] { read_everything(archive); }).kind() == ErrorKind::transient);
    read_everything(archive);
  }
}

TEST_CASE("archive: any byte changed gives right bytes or an error, never a wrong one",
          "[archive]") {
  HandMadeTape tape;
  tape.add(plain_member("r/", MemberType::directory));
  tape.add(plain_member("r/a"), mixed_bytes(700));
  tape.add(link_member("r/b", MemberType::symlink, "a"));
  tape.end();
  const Bytes good = volume_bytes(tape, 9);
  Random random(20);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const std::uint64_t flip :
         {std::uint64_t{1}, std::uint64_t{128}, 1 + below(random, 255)}) {
      Bytes bad = good;
      bad[at] = static_cast<std::uint8_t>(bad[at] ^ flip);
      const auto failure = failure_of([&] {
        const MemorySource source(bad);
        Archive archive(source);
        const auto cursor = archive.index().records_from("");
        for (std::size_t i = 0; const auto record = cursor->next(); ++i) {
          const auto member = archive.open(*record);
          const Entry& entry = tape.entries[i];
          if (record->path != entry.path || member->header().target != entry.member.target ||
              read_all(*member, 1000) != body_of(tape, entry))
            FAIL("byte " << at << " ^ " << flip << ": " << record->path);
        }
      });
      if (failure && failure->kind() != ErrorKind::corrupt &&
          failure->kind() != ErrorKind::unsupported)
        FAIL("byte " << at << " ^ " << flip << ": " << failure->what());
    }
  }
}
