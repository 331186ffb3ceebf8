#include <array>
#include <filesystem>
#include <fstream>

#include "db/sqlite.h"
#include "support/expect.h"
#include "support/memory_tree.h"
#include "support/scanned.h"
#include "support/sealed.h"
#include "support/temporary_folder.h"

using namespace tape;
using namespace test;

namespace {

Bytes content(char letter, std::size_t size) {
  return Bytes(size, static_cast<std::uint8_t>(letter));
}

// How SQLite would answer: one line a step.
std::string plan_of(Connection& connection, const std::string& query) {
  Statement rows(connection, "EXPLAIN QUERY PLAN " + query);
  std::string out;
  while (rows.step())
    out += rows.text(3) + "\n";
  return out;
}

}  // namespace

TEST_CASE("scan: nothing is left out for its name", "[scan]") {
  MemoryTree tree;
  const std::array<const char*, 8> names = {".DS_Store", "Thumbs.db", "__pycache__", "a.db-shm",
                                            "a.db-wal",  "a.sock",    "core",        "x.tape"};
  for (const char* name : names)
    tree.add_file(name, content('x', 1));
  const auto catalog = scanned(tree);
  for (const char* name : names) {
    INFO(name);
    CHECK(catalog->find(std::string("r/") + name));
  }
  CHECK(catalog->summary().entries == names.size() + 1);
}

TEST_CASE("catalog: two tapes read in turns do not mix", "[catalog]") {
  MemoryTree first;
  MemoryTree second;
  for (const char* name : {"a", "b", "c"}) {
    first.add_file(name, content('1', 700));
    second.add_file(name, content('2', 1500));
  }
  const auto one = scanned(first);
  const auto two = scanned(second);
  const Bytes alone = played(*one, first);
  const Bytes alone_too = played(*two, second);

  TapeStream left(*one, first, nullptr);
  TapeStream right(*two, second, nullptr);
  Bytes both[2];
  Bytes piece(100);
  for (bool more = true; more;) {
    const std::size_t n = left.read(piece);
    both[0].insert(both[0].end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(n));
    const std::size_t m = right.read(piece);
    both[1].insert(both[1].end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(m));
    more = n + m > 0;
  }
  CHECK(both[0] == alone);
  CHECK(both[1] == alone_too);
}

TEST_CASE("catalog: an offset, a path and the names of an inode are searched for, never scanned",
          "[catalog]") {
  MemoryTree tree;
  tree.add_file("a", content('x', 1));
  tree.add_link("b", "a");
  const TemporaryFolder folder;
  scan(tree, {folder / "tmp", folder / "x.tape"}, portable("r"));
  Connection connection = Connection::open_sealed(folder / "x.tape", kCatalogCacheBytes);
  for (const char* query :
       {"SELECT * FROM entry WHERE tape_offset <= 5 ORDER BY tape_offset DESC LIMIT 1",
        "SELECT * FROM entry WHERE path = x'61'",
        "SELECT * FROM entry WHERE tape_offset >= 5 ORDER BY tape_offset",
        "SELECT path FROM entry WHERE tape_offset = 5 OR first = 5",
        "SELECT path FROM entry WHERE path <= x'61' ORDER BY path DESC LIMIT 2",
        "SELECT path FROM entry WHERE path > x'61' ORDER BY path LIMIT 2"}) {
    const std::string plan = plan_of(connection, query);
    INFO(query << "\n" << plan);
    CHECK(plan.find("SEARCH") != std::string::npos);
    CHECK(plan.find("SCAN") == std::string::npos);
    CHECK(plan.find("TEMP B-TREE") == std::string::npos);
  }
}

TEST_CASE("catalog: neighbours are the member paths around where one would be", "[catalog]") {
  MemoryTree tree;
  for (const char* name : {"b", "d", "f", "h"})
    tree.add_file(name, content('x', 1));
  using Names = std::vector<std::string>;
  const auto catalog = sealed(tree, portable("p"));
  CHECK(catalog->neighbours("p/e", 2) == Names{"p/d", "p/f"});
  CHECK(catalog->neighbours("p/d", 2) == Names{"p/d", "p/f"});
  CHECK(catalog->neighbours("p", 3) == Names{"p", "p/b", "p/d"});
  CHECK(catalog->neighbours("p/z", 5) == Names{"p/f", "p/h"});
  CHECK(catalog->neighbours("p/e", 0).empty());
  const auto bare = sealed(tree, portable(""));
  CHECK(bare->neighbours("e", 2) == Names{"d", "f"});
}

TEST_CASE("catalog: a tape is opened again by its tree's path, of another tree never",
          "[catalog]") {
  MemoryTree tree;
  tree.add_file("a", content('x', 1));
  const TemporaryFolder folder;
  const std::string root = portable("r").root;
  // Kept since the first version: a program that looks for it must find it.
  CHECK(tape_name(root) == "9e9b49aaef8dfb53.tape");
  CHECK(tape_name("/other") != tape_name(root));
  CHECK_FALSE(Catalog::open_of(folder.path(), root));
  scan(tree, {folder / "tmp", folder / tape_name(root)}, portable("r"));
  const auto again = Catalog::open_of(folder.path(), root);
  REQUIRE(again);
  CHECK(again->find("r/a"));
  std::filesystem::rename(folder / tape_name(root), folder / tape_name("/other"));
  CHECK_FALSE(Catalog::open_of(folder.path(), "/other"));
  std::ofstream(folder / tape_name(root)) << "no tape";
  CHECK(failed([&] { return Catalog::open_of(folder.path(), root); }).kind() == ErrorKind::corrupt);
}
