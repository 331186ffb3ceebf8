#include "net/disk_cache.h"

#include <filesystem>
#include <thread>

#include <sys/stat.h>

#include "support/catch.h"
#include "support/samples.h"
#include "support/temporary_folder.h"

using namespace agent;
using namespace test;
using tape::Bytes;

namespace {

std::vector<std::string> blocks_in(const std::string& folder) {
  std::vector<std::string> out;
  for (const auto& at : std::filesystem::recursive_directory_iterator(folder))
    if (at.path().extension() == ".block") out.push_back(at.path());
  return out;
}

}  // namespace

TEST_CASE("disk_cache: what was put is there for others, in a folder that is nobody else's") {
  const TemporaryFolder folder;
  const std::string place = folder / "a/cache";
  {
    DiskCache cache(place, 1 << 20);
    CHECK_FALSE(cache.get("object", 0, 5));
    cache.put("object", 0, tape::as_bytes("hello"));
    cache.put("object", 7, tape::as_bytes("other"));
  }
  DiskCache cache(place, 1 << 20);
  CHECK(tape::as_text(*cache.get("object", 0, 5)) == "hello");
  CHECK(tape::as_text(*cache.get("object", 7, 5)) == "other");
  CHECK_FALSE(cache.get("object", 1, 5));
  CHECK_FALSE(cache.get("another", 0, 5));
  CHECK((std::filesystem::status(place).permissions() & std::filesystem::perms::all) ==
        std::filesystem::perms::owner_all);
  CHECK(read_file(place + "/CACHEDIR.TAG")
            .starts_with("Signature: 8a477f597d28d172789f06886806bc55"));
}

TEST_CASE("disk_cache: a block that was cut, lengthened or changed anywhere is none, and goes") {
  const TemporaryFolder folder;
  DiskCache cache(folder / "cache", 1 << 20);
  const Bytes block = tape::mixed_bytes(300);
  for (int harm = 0; harm < 320; ++harm) {
    cache.put("o", 3, block);
    REQUIRE(cache.get("o", 3, 300) == block);
    const std::string path = blocks_in(folder / "cache").at(0);
    std::string held = read_file(path);
    if (harm < 308)
      held[static_cast<std::size_t>(harm)] ^= 4;
    else if (harm < 314)
      held.resize(static_cast<std::size_t>(harm - 308) * 50);
    else
      held += "more";
    write_file(path, held);
    INFO(harm);
    CHECK_FALSE(cache.get("o", 3, 300));
    CHECK(blocks_in(folder / "cache").empty());
  }
  cache.put("o", 3, block);
  CHECK_FALSE(cache.get("o", 3, 299));
}

TEST_CASE("disk_cache: beyond its size the blocks used longest ago go") {
  const TemporaryFolder folder;
  DiskCache cache(folder / "cache", 10'000);
  for (std::uint64_t number = 0; number < 9; ++number)
    cache.put("o", number, Bytes(1000));
  // Times of files are coarse.
  for (const std::string& path : blocks_in(folder / "cache"))
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  CHECK(cache.get("o", 4, 1000));
  for (std::uint64_t number = 20; number < 23; ++number)
    cache.put("o", number, Bytes(1000));
  CHECK(blocks_in(folder / "cache").size() <= 9);
  CHECK(cache.get("o", 4, 1000));
  CHECK(cache.get("o", 22, 1000));
}

TEST_CASE("disk_cache: a disk that takes nothing costs nothing but the cache") {
  const TemporaryFolder folder;
  DiskCache cache(folder / "cache", 1 << 20);
  // Where a block's folder would be there is a file.
  cache.put("o", 0, tape::as_bytes("x"));
  const std::string place = std::filesystem::path(blocks_in(folder / "cache").at(0)).parent_path();
  std::filesystem::remove_all(place);
  write_file(place, "");
  cache.put("o", 0, tape::as_bytes("x"));
  CHECK_FALSE(cache.get("o", 0, 1));
}

TEST_CASE("disk_cache: several writers and readers at once see whole blocks") {
  const TemporaryFolder folder;
  const Bytes block = tape::mixed_bytes(20'000);
  std::vector<std::jthread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      DiskCache cache(folder / "cache", 200'000);
      for (std::uint64_t i = 0; i < 60; ++i) {
        cache.put("o", i % 15, block);
        const auto found = cache.get("o", (i + 1) % 15, block.size());
        if (found && *found != block) ++wrong;
      }
    });
  }
  threads.clear();
  CHECK(wrong == 0);
}
