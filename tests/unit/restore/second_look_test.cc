// A bit that flips on its way is no damage of the archive.
#include <optional>
#include <random>

#include "support/catch.h"
#include "support/expect.h"
#include "support/packed.h"
#include "support/samples.h"
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

TEST_CASE("second_look: what is damaged at every look is corrupt", "[archive]") {
  const std::vector<MadeMember> members = {made_file("a", as_text(mixed_bytes(5000)))};
  Bytes bytes = packed(members);
  bytes[600] ^= 1;
  const OpenedArchive opened(bytes);
  Archive archive(opened.source);
  CHECK(failed([&] { content_of(archive, "a"); }).kind() == ErrorKind::corrupt);
}
