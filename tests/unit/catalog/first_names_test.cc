#include "catalog/first_names.h"

#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace tape;
using namespace test;

namespace {

SourceStat file(std::uint64_t inode, std::uint64_t links) {
  SourceStat out;
  out.kind = SourceKind::regular;
  out.identity = {UINT64_MAX - inode % 3, UINT64_MAX - inode};
  out.links = links;
  out.size = inode;
  out.mtime = {-5, 7};
  out.ctime = {INT64_MAX, 999'999'999};
  return out;
}

}  // namespace

TEST_CASE("first_names: in memory or in a file, the same answers", "[links]") {
  constexpr std::uint64_t kInodes = 500;
  for (const std::size_t in_memory : {0U, 1U, 100U, 1000U}) {
    INFO(in_memory << " in memory");
    const TemporaryFolder folder;
    FirstNames names(folder / "links", in_memory);
    for (std::uint64_t i = 0; i < kInodes; ++i) {
      CHECK_FALSE(names.meet(file(i, 3)));
      names.add(file(i, 3), TapeOffset(i * 512),
                i % 2 == 0 ? std::optional(Hash128{1, 2}) : std::nullopt);
    }
    CHECK(names_in(folder.path()).empty());
    CHECK(names.in_memory() <= in_memory);
    // Twice more, then the last name was met.
    for (int turn = 0; turn < 3; ++turn) {
      for (std::uint64_t i = 0; i < kInodes; ++i) {
        const auto first = names.meet(file(i, 3));
        REQUIRE(first.has_value() == (turn < 2));
        if (!first) continue;
        CHECK(first->offset == TapeOffset(i * 512));
        CHECK(first->hash.has_value() == (i % 2 == 0));
      }
    }
  }
}

TEST_CASE("first_names: another file with the inode's number takes its place", "[links]") {
  for (const std::size_t in_memory : {0U, 100U}) {
    const TemporaryFolder folder;
    FirstNames names(folder / "links", in_memory);
    SourceStat now = file(1, 5);
    names.add(now, TapeOffset(512), {});
    now.size = 77;
    CHECK_FALSE(names.meet(now));
    names.add(now, TapeOffset(1024), {});
    REQUIRE(names.meet(now));
    CHECK(names.meet(now)->offset == TapeOffset(1024));
    CHECK_FALSE(names.meet(file(1, 5)));
    SourceStat directory = now;
    directory.kind = SourceKind::directory;
    CHECK_FALSE(names.meet(directory));
  }
}
