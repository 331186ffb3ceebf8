#include "tape/foreign_tape.h"

#include <algorithm>

#include "support/expect.h"
#include "support/gzip_members.h"
#include "support/hand_made.h"
#include "support/samples.h"
#include "support/temporary_folder.h"
#include "tape/archive.h"

using namespace tape;
using namespace test;

namespace {

// `b`, large and in front, then `a`; stored, so that a byte of the stream is one of the content.
struct Sample {
  Sample() {
    HandMadeTape tape;
    tape.add(plain_member("b"), mixed_bytes(3'000'000, 1));
    a_at = tape.bytes.size() + 512;
    tape.add(plain_member("a"), mixed_bytes(100'000, 2));
    tape.end();
    GzipShape stored;
    stored.level = 0;
    stream = gzip_member(tape.bytes, stored);
    const Bytes& body = tape.bytes;
    const auto found = std::search(stream.begin(), stream.end(),
                                   body.begin() + static_cast<std::ptrdiff_t>(a_at + 20'000),
                                   body.begin() + static_cast<std::ptrdiff_t>(a_at + 20'050));
    REQUIRE(found != stream.end());
    byte_of_a = static_cast<std::size_t>(found - stream.begin());
  }
  Bytes stream;
  std::uint64_t a_at = 0;
  std::size_t byte_of_a = 0;
};

MadeVolume played(ForeignTape& tape) {
  MemorySink sink;
  MemorySpool spool;
  VolumeWriter volume(sink, {spool.out, spool.in},
                      {small_geometry(), {TapeOffset(0), tape.size()}, Metadata::full});
  tape.play(volume);
  const VolumeSummary summary = volume.finish();
  return {std::move(sink.bytes), summary};
}

}  // namespace

TEST_CASE("foreign_tape: members come in the order of paths, each with its content",
          "[foreign_tape]") {
  const Sample sample;
  const TemporaryFolder folder;
  const MemorySource source(sample.stream);
  ByteCount last = 0;
  ForeignTape tape(source, 10'000, folder.path(),
                   {[&](ByteCount done, ByteCount total) {
                      CHECK(done <= total);
                      last = total;
                    },
                    {}});
  CHECK(tape.members() == 2);
  CHECK(tape.stream().members == 1);
  CHECK(last == sample.stream.size());
  const MadeVolume volume = played(tape);
  CHECK(volume.summary.first_path == "a");
  CHECK(last == tape.size());
  const MemorySource made(volume.bytes);
  Archive archive(made);
  CHECK_NOTHROW(archive.check_all({}));
  CHECK(names_in(folder.path()).empty());
}

TEST_CASE("foreign_tape: content that is not what was read first is no content", "[foreign_tape]") {
  Sample sample;
  const TemporaryFolder folder;
  const MemorySource source(sample.stream);
  ForeignTape tape(source, 1 << 20, folder.path(), {});
  sample.stream[sample.byte_of_a] ^= 1;
  const auto failure = failed([&] { played(tape); });
  CHECK(failure.kind() == ErrorKind::object_changed);
  CHECK(says(failure, "a: is not what was read first"));
}
