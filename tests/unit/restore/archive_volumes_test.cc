// An archive of several volumes: docs/format.md §5.
#include <deque>

#include "support/expect.h"
#include "support/hand_made.h"
#include "support/memory_io.h"
#include "support/samples.h"
#include "tape/archive.h"
#include "tape/volume_plan.h"

using namespace tape;

namespace {

HandMadeTape sample() {
  HandMadeTape tape;
  tape.add(plain_member("r/", MemberType::directory));
  tape.add(plain_member("r/a"), mixed_bytes(5000));
  tape.add(plain_member("r/b"));
  tape.add(plain_member("r/c"), mixed_bytes(512, 3));
  tape.add(link_member("r/d", MemberType::hard_link, "r/a"));
  tape.add(plain_member("r/e"), mixed_bytes(9000, 5));
  for (int i = 0; i < 20; ++i)
    tape.add(plain_member("r/f" + std::to_string(100 + i)),
             mixed_bytes(static_cast<std::size_t>(i) * 37, 7));
  tape.end();
  return tape;
}

// The volumes of a tape in memory, which a test may harm.
struct Volumes {
  std::deque<Bytes> bytes;
  std::vector<ArchiveVolume> facts;
  std::size_t opened = 0;

  Volumes(const HandMadeTape& tape, ByteCount volume_size) {
    const auto plan = VolumePlan::fixed(tape.bytes.size(), volume_size, 9);
    for (std::uint64_t number = 0; number < plan.count(); ++number) {
      const MadeVolume made =
          volume_of(tape, {small_geometry(), plan.slice(number), Metadata::portable}, 512);
      bytes.push_back(made.bytes);
      ArchiveVolume& volume = facts.emplace_back();
      volume.name = "volume " + std::to_string(number);
      volume.begin = plan.slice(number).begin;
      volume.tape_size = plan.slice(number).size;
      volume.size = made.bytes.size();
      volume.slice_hash = made.summary.slice_hash;
      volume.records = made.summary.records;
      volume.first_path = made.summary.first_path;
      volume.open = [this, number]() -> std::unique_ptr<RangeSource> {
        ++opened;
        if (bytes[number].empty()) throw Error(ErrorKind::not_found, "gone");
        return std::make_unique<SharedSource>(bytes[number], "v" + std::to_string(number));
      };
    }
  }
};

Bytes content(Archive& archive, const MemberRecord& record) {
  const auto member = archive.open(record);
  Bytes out;
  Bytes buffer(700);
  while (const std::size_t n = member->read(buffer))
    out.insert(out.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(n));
  CHECK(member->finish() == HashResult::right);
  return out;
}

Bytes body_of(const HandMadeTape& tape, const Entry& entry) {
  const auto begin = tape.bytes.begin() + static_cast<std::ptrdiff_t>(entry.body().value());
  return {begin, begin + static_cast<std::ptrdiff_t>(entry.member.size)};
}

std::vector<std::string> paths(RecordCursor& cursor) {
  std::vector<std::string> out;
  while (const auto record = cursor.next())
    out.push_back(record->path);
  return out;
}

}  // namespace

TEST_CASE("archive: volumes of every size give each member once, whole", "[archive]") {
  const HandMadeTape tape = sample();
  std::vector<std::string> expected;
  for (const Entry& entry : tape.entries)
    expected.push_back(entry.path);
  for (ByteCount size = 512; size <= 32'768; size += size < 4096 ? 512 : 3584) {
    Volumes volumes(tape, size);
    Archive archive(volumes.facts);
    INFO("volumes of " << size);
    CHECK(archive.tape_size() == tape.bytes.size());
    CHECK(archive.first_path() == "r");
    CHECK(paths(*archive.records_from({})) == expected);
    for (std::size_t i = 0; i < tape.entries.size(); ++i) {
      const Entry& entry = tape.entries[i];
      const auto record = archive.find(entry.path);
      REQUIRE(record);
      CHECK_FALSE(record->has(kRecordLater));
      const auto rest = paths(*archive.records_from(entry.path));
      CHECK(rest == std::vector<std::string>(expected.begin() + static_cast<std::ptrdiff_t>(i),
                                             expected.end()));
      if (entry.member.type == MemberType::regular)
        CHECK(content(archive, *record) == body_of(tape, entry));
    }
    CHECK_FALSE(archive.find("r/aa"));
    CHECK_FALSE(archive.find("z"));
    Archive checked(volumes.facts);
    checked.check_all({});
    checked.check_all({}, 2);
    Archive sampled(volumes.facts);
    sampled.check_sample(1, 1, {});
  }
}

TEST_CASE("archive: a walk opens each volume once", "[archive]") {
  const HandMadeTape tape = sample();
  Volumes volumes(tape, 8192);
  Archive archive(volumes.facts);
  archive.expect_walk({});
  const auto cursor = archive.records_from({});
  while (const auto record = cursor->next()) {
    if (record->type == MemberType::regular) content(archive, *record);
  }
  CHECK(volumes.opened == volumes.facts.size());
}

TEST_CASE("archive: a volume that is missing, cut or another one is corrupt, by its name",
          "[archive]") {
  const HandMadeTape tape = sample();
  const std::size_t victim = 6;
  const auto harmed = [&](const std::function<void(Volumes&)>& harm) {
    Volumes volumes(tape, 4096);
    harm(volumes);
    Archive archive(volumes.facts);
    const Error error = failed([&] { archive.check_all({}); });
    CHECK(error.kind() == ErrorKind::corrupt);
    CHECK(says(error, "volume 6"));
    // What does not touch it is right.
    CHECK(content(archive, *archive.find("r/f119")) == body_of(tape, tape.entries.back()));
    std::vector<std::string> damage;
    const auto cursor =
        archive.records_from({}, [&](const Error& told) { damage.emplace_back(told.what()); });
    const auto found = paths(*cursor);
    CHECK(damage.size() == 1);
    CHECK(found.size() < tape.entries.size());
    CHECK(found.size() > 10);
  };
  harmed([&](Volumes& v) { v.bytes[victim].clear(); });
  harmed([&](Volumes& v) { v.bytes[victim].pop_back(); });
  harmed([&](Volumes& v) { v.bytes[victim].back() ^= 1; });
  harmed([&](Volumes& v) {
    v.bytes[victim] = v.bytes[victim - 1];
    v.facts[victim].size = v.bytes[victim].size();
  });
}

TEST_CASE("archive: volumes whose records do not join are corrupt", "[archive]") {
  const HandMadeTape tape = sample();
  HandMadeTape other = sample();
  // Volume 3 of a tape whose third file has another name: sound, but of another snapshot.
  for (Entry& entry : other.entries) {
    if (entry.path == "r/e") entry.member.name = entry.path = "r/E";
  }
  Volumes volumes(tape, 4096);
  Volumes strange(other, 4096);
  volumes.bytes[3] = strange.bytes[3];
  volumes.facts[3].size = volumes.bytes[3].size();
  Archive archive(volumes.facts);
  const Error error = failed([&] { paths(*archive.records_from({})); });
  CHECK(error.kind() == ErrorKind::corrupt);
  CHECK(says(error, "should go on in this volume"));
}

TEST_CASE("archive: what check_all has checked can be read again, in any order", "[archive]") {
  const HandMadeTape tape = sample();
  Volumes volumes(tape, 4096);
  Archive archive(volumes.facts);
  archive.check_all({});
  CHECK(content(archive, *archive.find("r/e")) == body_of(tape, tape.entries[5]));
  CHECK(content(archive, *archive.find("r/a")) == body_of(tape, tape.entries[1]));
}

TEST_CASE("archive: one volume of several is not called damaged", "[archive]") {
  const HandMadeTape tape = sample();
  const Volumes volumes(tape, 4096);
  for (const Bytes& bytes : volumes.bytes) {
    const MemorySource source(bytes);
    Archive archive(source);
    // Of the end blocks alone nothing says that there is more.
    if (archive.index().root().records == 0) continue;
    const auto failure = failure_of([&] { archive.check_all({}); });
    REQUIRE(failure);
    CHECK((failure->kind() == ErrorKind::unsupported || says(*failure, "two zero blocks")));
  }
}

TEST_CASE("archive: a manifest with another first path or number of records is found out",
          "[archive]") {
  const HandMadeTape tape = sample();
  Volumes volumes(tape, 4096);
  SECTION("first path") {
    volumes.facts[6].first_path.reset();
  }
  SECTION("records") {
    ++volumes.facts[6].records;
  }
  Archive archive(volumes.facts);
  CHECK(says(failed([&] { archive.check_all({}); }), "volume 6"));
}

TEST_CASE("archive: a record that reaches behind a partial last page is corrupt", "[archive]") {
  HandMadeTape tape;
  tape.add(plain_member("f"), mixed_bytes(1000));
  tape.end();
  for (const bool far : {false, true}) {
    // One page of 4096 bytes, of which the tape fills 2560.
    IndexedVolume made(tape.bytes, small_geometry(12));
    MemberRecord record;
    record.path = "f";
    record.header_blocks = 1;
    record.size = far ? 1000 : 1'000'000;
    record.offset = far ? 3072 : 0;
    record.mode = 0644;
    record.flags = kRecordHash;
    record.mtime.seconds = 1'700'000'000;
    record.pages = made.pages().front();
    made.add_tree({record}, 100, 2);
    const Bytes bytes = made.finish();
    const MemorySource source(bytes);
    Archive archive(source);
    // The header says the size, too, so the read is let through only as far as that.
    const auto read_all = [&] {
      const auto member = archive.open(*archive.find("f"));
      Bytes buffer(100);
      while (member->read(buffer) != 0) {
      }
    };
    CHECK(failed(read_all).kind() == ErrorKind::corrupt);
  }
}

TEST_CASE("archive: a volume by itself says where a member lies only when all of it is there",
          "[archive]") {
  const HandMadeTape tape = sample();
  const auto plan = VolumePlan::fixed(tape.bytes.size(), 4096, 9);
  const Volumes volumes(tape, 4096);
  std::size_t whole = 0;
  std::size_t refused = 0;
  for (std::uint64_t number = 0; number < plan.count(); ++number) {
    const MemorySource source(volumes.bytes[number]);
    Archive archive(source);
    const TapeRange slice = plan.slice(number);
    for (const Entry& entry : tape.entries) {
      const auto record = archive.find(entry.path);
      if (!record) continue;
      INFO("volume " << number << ", " << entry.path);
      if (slice.contains(entry.offset) && entry.end() <= slice.end()) {
        ++whole;
        const auto places = archive.locate(*record);
        REQUIRE(places.size() == 1);
        CHECK(slice.begin + places[0].tape.begin.value() == entry.offset);
        CHECK(places[0].tape.size == entry.end() - entry.offset);
      } else {
        ++refused;
        CHECK(failed([&] { archive.locate(*record); }).kind() == ErrorKind::unsupported);
      }
    }
  }
  CHECK(whole > 10);
  CHECK(refused > 5);
}

TEST_CASE("archive: a record that reaches behind its volume has no place in it", "[archive]") {
  const HandMadeTape tape = sample();
  Volumes volumes(tape, 0);
  Archive archive(volumes.facts);
  MemberRecord record = *archive.find("r/f119");
  CHECK(archive.locate(record).size() == 1);
  record.size = tape.bytes.size();
  CHECK(failed([&] { archive.locate(record); }).kind() == ErrorKind::corrupt);
}
