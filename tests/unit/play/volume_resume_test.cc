// A volume goes on behind every page in another writer: docs/format.md §6.
#include "support/expect.h"
#include "support/hand_made.h"
#include "support/memory_io.h"
#include "support/samples.h"

using namespace tape;

namespace {

// Announces and writes tape bytes [from, to) as a TapeStream would, page by page.
void play(const HandMadeTape& tape, VolumeWriter& writer, std::size_t from, std::size_t to) {
  constexpr std::size_t kPage = 512;
  for (std::size_t at = from; at < to; at += kPage) {
    const std::size_t n = std::min(kPage, to - at);
    for (std::size_t i = 0; i < tape.entries.size(); ++i) {
      const Entry& entry = tape.entries[i];
      const std::size_t begin = entry.offset.value();
      const std::size_t body_end = entry.body().value() + entry.member.size;
      if (begin >= at && begin < at + n) writer.member_starts(entry, {});
      if (body_end > at && body_end <= at + n)
        writer.member_ends(entry, {tape.hashes[i], Outcome::as_recorded, {}});
    }
    writer.write(ByteView(tape.bytes).subspan(at, n));
  }
}

HandMadeTape long_tape() {
  HandMadeTape tape;
  tape.add(plain_member("r/", MemberType::directory));
  for (int i = 0; i < 60; ++i)
    tape.add(plain_member("r/" + std::to_string(1000 + i) + text(90, 'n')),
             mixed_bytes(static_cast<std::size_t>(i % 5) * 700, static_cast<std::uint64_t>(i)));
  tape.end();
  return tape;
}

}  // namespace

TEST_CASE("volume_writer: a writer goes on behind every page with equal bytes", "[volume_writer]") {
  const HandMadeTape tape = long_tape();
  const VolumeOptions options{small_geometry(9, 2), whole(tape), Metadata::portable};
  MemorySink expected;
  VolumeSummary summary;
  {
    MemorySpool spool;
    VolumeWriter writer(expected, {spool.out, spool.in}, options);
    play(tape, writer, 0, tape.bytes.size());
    summary = writer.finish();
  }
  for (std::size_t at = 512; at < tape.bytes.size(); at += 512) {
    MemorySpool spool;
    MemorySink head;
    Bytes saved;
    {
      VolumeWriter writer(head, {spool.out, spool.in}, options);
      play(tape, writer, 0, at);
      saved = writer.save();
      CHECK(writer.spooled() == spool.out.bytes.size());
    }
    MemorySink tail;
    VolumeWriter writer(tail, {spool.out, spool.in}, options);
    REQUIRE(writer.load(saved));
    CHECK(writer.page_count() == at / 512);
    play(tape, writer, at, tape.bytes.size());
    const VolumeSummary found = writer.finish();
    Bytes both = head.bytes;
    both.insert(both.end(), tail.bytes.begin(), tail.bytes.end());
    INFO("behind byte " << at);
    REQUIRE(both == expected.bytes);
    CHECK(found.slice_hash == summary.slice_hash);
    CHECK(found.records == summary.records);
    CHECK(found.first_path == summary.first_path);
    CHECK(found.inner_offset == summary.inner_offset);
  }
}

TEST_CASE("volume_writer: a saved state that was cut is corrupt; another library's is refused",
          "[volume_writer]") {
  const HandMadeTape tape = long_tape();
  const VolumeOptions options{small_geometry(9, 2), whole(tape), Metadata::portable};
  MemorySpool spool;
  MemorySink head;
  Bytes saved;
  {
    VolumeWriter writer(head, {spool.out, spool.in}, options);
    play(tape, writer, 0, 512 * 40);
    saved = writer.save();
  }
  for (std::size_t size = 0; size < saved.size(); size += 7) {
    MemorySink sink;
    VolumeWriter writer(sink, {spool.out, spool.in}, options);
    bool loaded = true;
    const auto failure = failure_of([&] { loaded = writer.load(ByteView(saved).first(size)); });
    if (failure) CHECK(failure->kind() == ErrorKind::corrupt);
    CHECK((failure || !loaded));
  }
}
