// A bit that flips on its way is no damage of the archive.
#include <optional>
#include <random>

#include "net/http_range_source.h"
#include "support/catch.h"
#include "support/expect.h"
#include "support/packed.h"
#include "support/samples.h"
#include "support/temporary_folder.h"
#include "tape/archive.h"

using namespace tape;
using test::made_file;
using test::MadeMember;
using test::OpenedArchive;
using test::packed;

namespace {

// One bit of the answer to read number `flipped` is another one.
class FlippingSource final : public RangeSource {
 public:
  FlippingSource(const Bytes& bytes, std::uint64_t flipped, std::uint64_t seed)
      : source_(bytes), flipped_(flipped), random_(seed) {}

  ByteCount size() const override { return source_.size(); }
  std::string name() const override { return source_.name(); }
  void read_at(GzOffset at, MutableBytes out) const override {
    source_.read_at(at, out);
    if (reads++ != flipped_ || out.empty()) return;
    out[random_() % out.size()] ^= static_cast<std::uint8_t>(1U << (random_() % 8));
  }
  mutable std::uint64_t reads = 0;

 private:
  SharedSource source_;
  std::uint64_t flipped_;
  mutable std::mt19937_64 random_;
};

std::vector<ArchiveVolume> volumes_of(const Bytes& bytes, const RangeSource& source) {
  class Borrowed final : public RangeSource {
   public:
    explicit Borrowed(const RangeSource& source) : source_(source) {}
    ByteCount size() const override { return source_.size(); }
    std::string name() const override { return source_.name(); }
    void read_at(GzOffset at, MutableBytes out) const override { source_.read_at(at, out); }

   private:
    const RangeSource& source_;
  };
  const SharedSource sound(bytes);
  Archive facts(sound);
  ArchiveVolume out;
  out.open = [&source] { return std::make_unique<Borrowed>(source); };
  out.name = "volume";
  out.tape_size = facts.tape_size();
  out.size = bytes.size();
  out.slice_hash = facts.index().root().slice_hash;
  out.records = facts.index().root().records;
  out.first_path = facts.index().first_path();
  return {out};
}

// The same behind a cache in memory and on disk.
class Kept final : public RangeSource {
 public:
  Kept(std::unique_ptr<RangeSource> object, agent::DiskCache& disk)
      : object_(std::move(object)), source_(*object_, options(disk)) {}
  ByteCount size() const override { return source_.size(); }
  std::string name() const override { return source_.name(); }
  void read_at(GzOffset at, MutableBytes out) const override { source_.read_at(at, out); }
  void distrust() const override { source_.distrust(); }

 private:
  static agent::RangeOptions options(agent::DiskCache& disk) {
    agent::RangeOptions out;
    out.prefetch_bytes = 0;
    out.block_bytes = 512;
    out.minimum_range_request_bytes = 512;
    out.disk = &disk;
    out.disk_name = "volume";
    return out;
  }
  std::unique_ptr<RangeSource> object_;
  agent::HttpRangeSource source_;
};

std::string content_of(Archive& archive, const std::string& path) {
  const auto record = archive.find(path);
  REQUIRE(record);
  const auto member = archive.open(*record);
  Bytes buffer(333);
  std::string out;
  while (const std::size_t n = member->read(buffer))
    out += as_text(ByteView(buffer).first(n));
  member->finish();
  return out;
}

}  // namespace

TEST_CASE("second_look: a bit that flips in any one read of an archive changes nothing",
          "[archive]") {
  std::vector<MadeMember> members;
  for (int i = 100; i < 160; ++i)
    members.push_back(
        made_file("f" + std::to_string(i), as_text(mixed_bytes(700, static_cast<unsigned>(i)))));
  const Bytes bytes = packed(members);
  std::uint64_t reads = 1;
  for (std::uint64_t flipped = 0; flipped < reads; ++flipped) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      INFO("read " << flipped << ", seed " << seed);
      const FlippingSource source(bytes, flipped, seed);
      Archive archive(volumes_of(bytes, source));
      for (const std::size_t i : {0U, 31U, 59U})
        REQUIRE(content_of(archive, members[i].member.name) == members[i].content);
      reads = std::max(reads, source.reads);
    }
  }
  CHECK(reads >= 5);
}

TEST_CASE("second_look: a bit that flipped on its way into a cache is no damage, now or later",
          "[archive]") {
  std::vector<MadeMember> members;
  for (int i = 100; i < 160; ++i)
    members.push_back(
        made_file("f" + std::to_string(i), as_text(mixed_bytes(700, static_cast<unsigned>(i)))));
  const Bytes bytes = packed(members);
  std::uint64_t reads = 1;
  for (std::uint64_t flipped = 0; flipped < reads; ++flipped) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      INFO("read " << flipped << ", seed " << seed);
      const test::TemporaryFolder folder;
      agent::DiskCache disk(folder / "cache", 1 << 26);
      const FlippingSource source(bytes, flipped, seed);
      // The second run finds what the first one kept.
      for (int run = 0; run < 2; ++run) {
        std::vector<ArchiveVolume> volumes = volumes_of(bytes, source);
        volumes[0].open = [&, open = volumes[0].open] {
          return std::make_unique<Kept>(open(), disk);
        };
        Archive archive(volumes);
        for (const std::size_t i : {0U, 31U, 59U})
          REQUIRE(content_of(archive, members[i].member.name) == members[i].content);
      }
      reads = std::max(reads, source.reads);
    }
  }
  CHECK(reads >= 5);
}

TEST_CASE("second_look: what is damaged at every look is corrupt", "[archive]") {
  const std::vector<MadeMember> members = {made_file("a", as_text(mixed_bytes(5000)))};
  Bytes bytes = packed(members);
  bytes[600] ^= 1;
  const OpenedArchive opened(bytes);
  Archive archive(opened.source);
  CHECK(failed([&] { content_of(archive, "a"); }).kind() == ErrorKind::corrupt);
}
