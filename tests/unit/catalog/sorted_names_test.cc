#include "catalog/sorted_names.h"

#include <algorithm>
#include <random>

#include "support/catch.h"
#include "support/scanned.h"

using namespace tape;

namespace {

std::vector<std::string> all_of(SortedNames& names) {
  std::vector<std::string> out;
  while (auto name = names.next())
    out.push_back(std::move(*name));
  return out;
}

// More than fit into memory, in no order.
std::vector<std::string> many_names(std::size_t count, const std::string& ending) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(std::to_string(i) + ending);
  std::mt19937 random(7);
  std::shuffle(out.begin(), out.end(), random);
  return out;
}

}  // namespace

TEST_CASE("sorted_names: few names stay in memory, sorted by unsigned bytes", "[sorted_names]") {
  std::optional<NameSpill> spill;
  const std::string path = temporary_name(std::filesystem::temp_directory_path());
  SortedNames names(spill, path);
  for (const char* name : {"b", "\xff", "a-b", "a", "Z", "a/"})
    names.add(name);
  CHECK(all_of(names) == std::vector<std::string>{"Z", "a", "a-b", "a/", "b", "\xff"});
  CHECK_FALSE(spill);
  SortedNames none(spill, path);
  CHECK_FALSE(none.next());
}

TEST_CASE("sorted_names: names past the limit come back in the same order", "[sorted_names]") {
  std::optional<NameSpill> spill;
  const std::string path = temporary_name(std::filesystem::temp_directory_path());
  const std::string ending = " \xfe\n";
  std::vector<std::string> expected = many_names(100'000, ending);
  SortedNames names(spill, path);
  for (const std::string& name : expected)
    names.add(name);
  REQUIRE(spill);
  std::sort(expected.begin(), expected.end());
  CHECK(all_of(names) == expected);
}

TEST_CASE("sorted_names: lists in the spill do not mix, and go when they are done",
          "[sorted_names]") {
  std::optional<NameSpill> spill;
  const std::string path = temporary_name(std::filesystem::temp_directory_path());
  SortedNames outer(spill, path);
  for (const std::string& name : many_names(60'000, " outer"))
    outer.add(name);
  CHECK(outer.next() == "0 outer");
  {
    SortedNames inner(spill, path);
    for (const std::string& name : many_names(60'000, " inner"))
      inner.add(name);
    CHECK(inner.next() == "0 inner");
    SortedNames moved(std::move(inner));
    CHECK(moved.next() == "1 inner");
  }
  CHECK_FALSE(spill->next(1, ""));
  CHECK(outer.next() == "1 outer");
}

TEST_CASE("sorted_names: a scan of a directory that spills is the scan of one that does not",
          "[sorted_names]") {
  MemoryTree tree;
  tree.add_directory("d");
  for (int i = 0; i < 20'000; ++i)
    tree.add_file("d/a file with quite a long name " + std::to_string(i), "");
  tree.add_file("d/zz", "last");
  const auto catalog = scanned(tree);
  CHECK(catalog->summary().entries == 20'003);
  const auto cursor = catalog->entries_from(TapeOffset(0));
  std::string before;
  while (const auto entry = cursor->next()) {
    CHECK(before <= entry->path);
    before = entry->path;
  }
  CHECK(before == "d/zz");
}

TEST_CASE(
    "sorted_names: what is put away takes no memory, and comes in its order with what is back",
    "[sorted_names]") {
  std::optional<NameSpill> spill;
  const std::string path = temporary_name(std::filesystem::temp_directory_path());
  SortedNames names(spill, path);
  for (int i = 999; i >= 100; --i)
    names.add("n" + std::to_string(i));
  for (int turn = 0; turn < 2; ++turn) {
    for (int i = 100; i < 110; ++i)
      CHECK(names.next() == "n" + std::to_string(i));
    names.put_away({"n100", "n101", "n102", "n103", "n104", "n105", "n106", "n107", "n108", "n109"},
                   "n099");
    CHECK(names.held() < 100);
  }
  for (int i = 100; i < 1000; ++i)
    CHECK(names.next() == "n" + std::to_string(i));
  CHECK_FALSE(names.next());
}
