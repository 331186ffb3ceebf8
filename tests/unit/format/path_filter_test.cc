#include "tape/path_filter.h"

#include "support/expect.h"

using namespace tape;

namespace {

struct Patterns {
  std::vector<const char*> include;
  std::vector<const char*> exclude;
};

bool passes(const Patterns& patterns, const char* path, bool is_directory = false) {
  PathFilter filter;
  for (const char* pattern : patterns.include)
    filter.include(pattern);
  for (const char* pattern : patterns.exclude)
    filter.exclude(pattern);
  return filter.passes(path, is_directory);
}

}  // namespace

TEST_CASE("path_filter: without patterns everything passes", "[path_filter]") {
  CHECK(PathFilter().empty());
  CHECK(passes({}, ""));
  CHECK(passes({}, "a/b"));
}

TEST_CASE("path_filter: a directory speaks for all below it", "[path_filter]") {
  CHECK(passes({{"d/"}, {}}, "d", true));
  CHECK(passes({{"d/"}, {}}, "d/a/b"));
  CHECK_FALSE(passes({{"d/"}, {}}, "d"));  // a file of that name
  CHECK_FALSE(passes({{"d/"}, {}}, "e/a"));
  CHECK_FALSE(passes({{}, {"d/"}}, "d/a/b"));
  CHECK(passes({{}, {"d/"}}, "d"));
  // What is excluded stays so, whatever is said of what lies below.
  CHECK_FALSE(passes({{}, {"d", "!d/a"}}, "d/a"));
  CHECK_FALSE(passes({{"d/a"}, {"d"}}, "d/a"));
}

TEST_CASE("path_filter: of one kind the last that fits counts", "[path_filter]") {
  CHECK(passes({{}, {"*.o", "!keep.o"}}, "x/keep.o"));
  CHECK_FALSE(passes({{}, {"!keep.o", "*.o"}}, "x/keep.o"));
  CHECK_FALSE(passes({{"*.c", "!old.c"}, {}}, "old.c"));
}

TEST_CASE("path_filter: with includes the folder itself is not meant", "[path_filter]") {
  CHECK_FALSE(passes({{"*"}, {}}, "", true));
  CHECK(passes({{}, {"*"}}, "", true));
}

TEST_CASE("path_filter: what is no pattern is refused by its option", "[path_filter]") {
  PathFilter filter;
  CHECK(says(failed([&] { filter.include(""); }), "--include"));
  CHECK(says(failed([&] { filter.exclude("/"); }), "--exclude"));
  CHECK(failed([&] { filter.exclude(std::string(9000, 'a')); }).kind() == ErrorKind::usage);
}
