#include <algorithm>

#include "support/expect.h"
#include "support/gzip_members.h"
#include "support/hand_made.h"
#include "support/ragzip_parts.h"
#include "support/samples.h"
#include "tape/archive.h"

using namespace tape;

namespace {

constexpr std::size_t kFile = 1;   // `r/a`, several pages
constexpr std::size_t kSmall = 3;  // `r/s1` and `r/s2` share a page
constexpr std::size_t kSmaller = 4;

HandMadeTape sound_tape() {
  HandMadeTape tape;
  tape.add(plain_member("r/", MemberType::directory));
  tape.add(plain_member("r/a"), mixed_bytes(9000));
  tape.add(link_member("r/link", MemberType::symlink, "a"));
  tape.add(plain_member("r/s1"), mixed_bytes(10, 2));
  tape.add(plain_member("r/s2"), mixed_bytes(10, 3));
  tape.add(plain_member("r/z"), mixed_bytes(3000, 4));
  tape.end();
  return tape;
}

constexpr int kPageBits = 12;

Bytes volume_bytes(const HandMadeTape& tape) {
  return volume_of(tape, {small_geometry(kPageBits), whole(tape), Metadata::full}).bytes;
}

std::optional<Error> damage_in(const Bytes& bytes, unsigned workers) {
  return failure_of([&] {
    const SharedSource source(bytes);
    Archive archive(source);
    archive.check_all({}, workers);
  });
}

// Several threads find damage where one finds it.
std::optional<Error> damage_in(const Bytes& bytes) {
  auto found = damage_in(bytes, 0);
  const auto again = damage_in(bytes, 2);
  CHECK(found.has_value() == again.has_value());
  if (found && again) CHECK(found->kind() == again->kind());
  return found;
}

// The records of a sound volume of `tape`, for a volume that differs in one of them.
std::vector<MemberRecord> sound_records(const HandMadeTape& tape) {
  const Bytes bytes = volume_bytes(tape);
  const MemorySource source(bytes);
  RagzipReader ragzip(source);
  MemberIndex index(ragzip);
  std::vector<MemberRecord> out;
  const auto cursor = index.records_from("");
  while (auto record = cursor->next())
    out.push_back(std::move(*record));
  return out;
}

Bytes volume_of_records(const HandMadeTape& tape,
                        const std::vector<MemberRecord>& records,
                        void (*change)(Tmix& tmix) = nullptr) {
  IndexedVolume made(tape.bytes, small_geometry(kPageBits));
  made.add_tree(records, 100, 2);
  if (change != nullptr) change(made.tmix());
  return made.finish();
}

// Damage of the tape: bytes, or what the writer was told of them.
struct TapeCase {
  const char* what;
  void (*change)(HandMadeTape& tape);
  const char* says;
};

std::uint8_t& byte_at(HandMadeTape& tape, TapeOffset at) {
  return tape.bytes[at.value()];
}

const TapeCase kTapes[] = {
    {"a wrong hash", [](HandMadeTape& t) { (*t.hashes[kFile])[15] ^= 1; }, "XXH3-128"},
    {"a wrong hash of a small file", [](HandMadeTape& t) { (*t.hashes[kSmaller])[0] ^= 1; },
     "r/s2"},
    {"body other than its hash",
     [](HandMadeTape& t) { byte_at(t, t.entries[kFile].body() + 8999) ^= 1; }, "XXH3-128"},
    {"first byte of padding",
     [](HandMadeTape& t) { byte_at(t, t.entries[kFile].body() + 9000) = 1; }, "padding"},
    {"last byte of padding",
     [](HandMadeTape& t) { byte_at(t, t.entries[kSmall].body() + 511) = 1; }, "padding"},
    {"first byte of the end blocks", [](HandMadeTape& t) { t.bytes[t.bytes.size() - 1024] = 1; },
     "end blocks"},
    {"last byte of the end blocks", [](HandMadeTape& t) { t.bytes.back() = 1; }, "end blocks"},
    {"header of another mode", [](HandMadeTape& t) { t.entries[kSmall].member.mode ^= 1; }, "mode"},
    {"header of another time", [](HandMadeTape& t) { ++t.entries[kSmall].member.mtime.seconds; },
     "mtime"},
    {"header of another owner", [](HandMadeTape& t) { ++t.entries[kSmall].member.uid; }, "owner"},
    {"header of another target", [](HandMadeTape& t) { t.entries[2].member.target = "b"; },
     "leads to a"},
    {"header of another name", [](HandMadeTape& t) { t.entries[kSmall].member.name = "r/s0"; },
     "names r/s1"},
    {"header with a wrong checksum",
     [](HandMadeTape& t) { byte_at(t, t.entries[kSmall].offset + 148) ^= 1; }, "checksum"},
    {"three end blocks", [](HandMadeTape& t) { t.bytes.resize(t.bytes.size() + 512); },
     "two zero blocks expected"},
    {"one end block", [](HandMadeTape& t) { t.bytes.resize(t.bytes.size() - 512); },
     "two zero blocks expected"},
    {"a member that nobody announced",
     [](HandMadeTape& t) {
       t.entries.erase(t.entries.begin() + kSmall);
       t.hashes.erase(t.hashes.begin() + kSmall);
     },
     "begins at"},
    {"the last member not announced",
     [](HandMadeTape& t) {
       t.entries.pop_back();
       t.hashes.pop_back();
     },
     "members end at"},
    {"the first member not announced",
     [](HandMadeTape& t) {
       t.entries.erase(t.entries.begin());
       t.hashes.erase(t.hashes.begin());
     },
     "begins at 512"},
};

struct RecordCase {
  const char* what;
  void (*change)(std::vector<MemberRecord>& records, const std::vector<GzRange>& pages);
  const char* says;
};

const RecordCase kRecords[] = {
    {"first page of a file one too late",
     [](auto& r, const auto& pages) {
       r[kFile].pages = {pages[1].begin, r[kFile].pages.end() - pages[1].begin};
     },
     "r/a"},
    {"first page of a file that shares it with the one before",
     [](auto& r, const auto& pages) {
       r[kSmaller].pages = {pages[0].begin, r[kSmaller].pages.end() - pages[0].begin};
     },
     "r/s2"},
    {"pages that end too early", [](auto& r, const auto&) { --r[kFile].pages.size; }, "page at"},
    {"pages that end too late", [](auto& r, const auto&) { ++r[kFile].pages.size; }, "r/a"},
    {"pages of a small file that end too late",
     [](auto& r, const auto& pages) {
       r[kSmaller].pages.size = pages.back().end() - r[kSmaller].pages.begin;
     },
     "r/s2"},
    {"a file without its hash that was not torn",
     [](auto& r, const auto&) { r[kSmall].flags &= static_cast<std::uint8_t>(~kRecordHash); },
     "r/s1: it has no XXH3-128"},
    {"a torn file is sound, the content of the next is not",
     [](auto& r, const auto&) {
       r[kSmall].flags &= static_cast<std::uint8_t>(~kRecordHash);
       r[kSmall].flags |= kRecordTorn;
       ++r[kSmaller].hash[0];
     },
     "r/s2"},
    {"an offset a block too far", [](auto& r, const auto&) { r[kSmall].offset += 512; },
     "begins at"},
    {"header blocks one too many", [](auto& r, const auto&) { ++r[kSmall].header_blocks; }, "r/s1"},
    {"a member of a later volume", [](auto& r, const auto&) { r[kSmall].flags |= kRecordLater; },
     "several volumes"},
};

}  // namespace

TEST_CASE("archive: check_all finds nothing in a sound archive, and hears of all of it",
          "[archive]") {
  const HandMadeTape tape = sound_tape();
  const Bytes bytes = volume_bytes(tape);
  const MemorySource source(bytes);
  Archive archive(source);
  ByteCount last = 0;
  for (int round = 0; round < 2; ++round) {
    archive.check_all([&](ByteCount done) { last = done; });
    CHECK(last == tape.bytes.size() - 1024);
  }
  CHECK_FALSE(damage_in(volume_of_records(tape, sound_records(tape))));
}

TEST_CASE("archive: check_all finds nothing in an archive of end blocks alone", "[archive]") {
  HandMadeTape tape;
  tape.end();
  CHECK_FALSE(damage_in(volume_bytes(tape)));
}

TEST_CASE("archive: check_all finds what is wrong with the tape under right checksums",
          "[archive]") {
  for (const TapeCase& c : kTapes) {
    DYNAMIC_SECTION(c.what) {
      HandMadeTape tape = sound_tape();
      c.change(tape);
      for (Entry& entry : tape.entries)
        entry.path = member_path(entry.member.name, entry.member.type);
      const auto failure = damage_in(volume_bytes(tape));
      REQUIRE(failure);
      CHECK(failure->kind() == ErrorKind::corrupt);
      INFO(failure->what());
      CHECK(says(*failure, c.says));
    }
  }
}

TEST_CASE("archive: check_all finds what is wrong with a record under right checksums",
          "[archive]") {
  for (const RecordCase& c : kRecords) {
    DYNAMIC_SECTION(c.what) {
      const HandMadeTape tape = sound_tape();
      auto records = sound_records(tape);
      c.change(records, IndexedVolume(tape.bytes, small_geometry(kPageBits)).pages());
      const auto failure = damage_in(volume_of_records(tape, records));
      REQUIRE(failure);
      INFO(failure->what());
      CHECK(says(*failure, c.says));
    }
  }
}

TEST_CASE("archive: check_all finds a slice that does not have TMIX's hash", "[archive]") {
  const HandMadeTape tape = sound_tape();
  const auto failure = damage_in(volume_of_records(
      tape, sound_records(tape), [](Tmix& tmix) { tmix.root.slice_hash[3] ^= 1; }));
  REQUIRE(failure);
  CHECK(failure->kind() == ErrorKind::corrupt);
  CHECK(says(*failure, "TMIX"));
}

TEST_CASE("archive: check_all finds a page that the page index misses", "[archive]") {
  const HandMadeTape tape = sound_tape();
  const Bytes good = volume_bytes(tape);
  for (const GzipPart& part : parts_of(good)) {
    const bool level1 =
        part.ident == "RA" && part.payload.size() % 8 == 0 && slots_of(part).size() == 2;
    if (!level1) continue;
    for (std::size_t slot = 0; slot < 2; ++slot) {
      // One byte later is no gzip member any more; the members' records still lead to the page.
      Bytes bad = good;
      ++bad[part.offset.value() + 16 + 8 * slot + 7];
      INFO("index at " << part.offset.value() << ", slot " << slot);
      const auto failure = damage_in(bad);
      REQUIRE(failure);
      CHECK(failure->kind() == ErrorKind::corrupt);
    }
  }
}

TEST_CASE("archive: check_all finds content between two pages", "[archive]") {
  const HandMadeTape tape = sound_tape();
  const auto made = [&](const Bytes& hidden) {
    IndexedVolume volume(tape.bytes, small_geometry(kPageBits), hidden);
    std::vector<MemberRecord> records = sound_records(tape);
    for (std::size_t i = 0; i < records.size(); ++i) {
      const std::uint64_t first = tape.entries[i].offset.value() >> kPageBits;
      const std::uint64_t last = (tape.entries[i].end().value() - 1) >> kPageBits;
      const GzOffset begin = volume.pages()[first].begin;
      records[i].pages = {begin, volume.pages()[last].end() - begin};
    }
    volume.add_tree(records, 100, 2);
    return volume.finish();
  };
  CHECK_FALSE(damage_in(made({})));
  CHECK_FALSE(damage_in(made(test::gzip_member({}))));
  for (const unsigned workers : {0U, 2U}) {
    const auto failure = damage_in(made(test::gzip_member(as_bytes("x"))), workers);
    REQUIRE(failure);
    CHECK(failure->kind() == ErrorKind::corrupt);
  }
}

namespace {

// Whether a file with the bit `flip` at `at` turned still says the same, to gzip too.
bool says_the_same(const std::vector<GzipPart>& parts,
                   const Bytes& bad,
                   std::size_t at,
                   unsigned flip) {
  for (const GzipPart& part : parts) {
    const std::size_t begin = part.offset.value();
    const std::size_t end = begin + part.size;
    if (at < begin || at >= end) continue;
    const bool page = part.ident.empty();
    if (at - begin >= 4 && at - begin < 10) return true;  // MTIME, XFL, OS
    if (at - begin == 3) return page && flip == 1;        // FTEXT
    // The footer's padding, and where in it the subfield ends: 36 or 34 bytes are enough too.
    const bool footer = end == bad.size();
    if (footer && end - at > 10 && end - at <= 16) return true;
    if (footer && at - begin == 14 && (flip == 2 || flip == 4)) return true;
    if (!page) return at + 9 == end && flip >= 4;  // bits behind the end of an empty stream
    if (at - begin < 10 || end - at <= 8) return false;
    // Of a deflate stream: a match of zeros may come from elsewhere, its last bits say nothing.
    Bytes content(part.content.size());
    const auto result = make_zlib_inflater()->inflate(ByteView(bad).subspan(begin + 10), content);
    return result.outcome == InflateOutcome::done && result.produced == content.size() &&
           content == part.content && result.consumed == part.size - 18;
  }
  return false;
}

}  // namespace

TEST_CASE("archive: any byte of an archive changed is found, but for those that say nothing",
          "[archive]") {
  HandMadeTape tape;
  tape.add(plain_member("r/a"), mixed_bytes(700));
  tape.end();
  const Bytes good = volume_of(tape, {small_geometry(), whole(tape), Metadata::portable}).bytes;
  const std::vector<GzipPart> parts = parts_of(good);
  int harmless = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const unsigned flip : {1U, 2U, 4U, 8U, 16U, 32U, 64U, 128U}) {
      Bytes bad = good;
      bad[at] = static_cast<std::uint8_t>(bad[at] ^ flip);
      const auto failure = damage_in(bad);
      const bool same = says_the_same(parts, bad, at, flip);
      harmless += same ? 1 : 0;
      if (failure.has_value() == same) FAIL("byte " << at << " ^ " << flip);
      if (failure && failure->kind() != ErrorKind::corrupt &&
          failure->kind() != ErrorKind::unsupported)
        FAIL("byte " << at << " ^ " << flip << ": " << failure->what());
    }
  }
  // Six bytes of each header, and little more.
  CHECK(harmless < static_cast<int>(parts.size()) * 8 * 8 + 100);
}

TEST_CASE("archive: check_sample decodes no page, all pages or some", "[archive]") {
  HandMadeTape tape;
  tape.add(plain_member("r/a"), mixed_bytes(100'000));
  tape.end();
  const Bytes bytes = volume_of(tape, {small_geometry(), whole(tape), {}}).bytes;
  const MemorySource source(bytes);
  Archive archive(source);
  const std::uint64_t pages = archive.ragzip().geometry().page_count;
  CHECK(archive.check_sample(0, 1, {}) == 0);
  CHECK(archive.check_sample(1, 1, {}) == pages);
  const std::uint64_t half = archive.check_sample(0.5, 1, {});
  CHECK(half > pages / 4);
  CHECK(half < pages * 3 / 4);
  CHECK(archive.check_sample(0.5, 1, {}) == half);
}

TEST_CASE("archive: check_sample finds a damaged page, index or node when it looks at it",
          "[archive]") {
  const HandMadeTape tape = sound_tape();
  const Bytes good = volume_bytes(tape);
  for (const GzipPart& part : parts_of(good)) {
    Bytes bad = good;
    bad[part.offset.value() + part.size / 2] ^= 0x55;
    const auto check = [&](double share) {
      return failure_of([&] {
        const MemorySource source(bad);
        Archive archive(source);
        archive.check_sample(share, 1, {});
      });
    };
    INFO("member at " << part.offset.value());
    CHECK(check(1).has_value());
    if (!part.ident.empty()) CHECK(check(0).has_value());
  }
}
