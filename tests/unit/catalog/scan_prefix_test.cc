// What member names begin with: prefixes and roots.
#include "support/expect.h"
#include "support/memory_tree.h"
#include "support/sealed.h"
#include "support/temporary_folder.h"
#include "tape/files.h"
#include "tape/scan.h"

using namespace tape;
using namespace test;

TEST_CASE("scan: an empty prefix gives `./` and bare names", "[scan]") {
  MemoryTree tree;
  tree.add_directory("d");
  tree.add_file("d/f", "");
  const auto catalog = sealed(tree, portable(""));
  CHECK(member_names(*catalog) == std::vector<std::string>{"./", "d/", "d/f"});
  REQUIRE(catalog->find(""));
  CHECK(catalog->find("")->member.name == "./");
}

TEST_CASE("scan: a single file is a tape of one member", "[scan]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "content");
  write_file(folder / "other", "");
  const auto opened = open_tree(folder / "file");
  const TemporaryFolder place;
  ScanOptions options;
  options.root = opened.root;
  options.single_file = "file";
  options.prefix = default_prefix(opened.root, true);
  auto catalog = scan(*opened.tree, {place / "tmp", place / "tape"}, options);
  CHECK(member_names(*catalog) == std::vector<std::string>{"file"});
  CHECK(catalog->summary().single_file);
  CHECK(catalog->summary().tape_size == 512 + 512 + 1024);
  options.prefix = "p/q";
  catalog = scan(*opened.tree, {place / "tmp", place / "tape2"}, options);
  CHECK(member_names(*catalog) == std::vector<std::string>{"p/q/file"});
}

TEST_CASE("scan: the default prefix is the name of the root", "[scan]") {
  const struct {
    const char* root;
    bool single_file;
    const char* prefix;
  } cases[] = {
      {"/", false, ""},
      {"/home", false, "home"},
      {"/home/me/Documents", false, "Documents"},
      {"/etc/hosts", true, ""},
      {"/\xff", false, "\xff"},
  };
  for (const auto& c : cases) {
    INFO(c.root);
    CHECK(default_prefix(c.root, c.single_file) == c.prefix);
  }
}

TEST_CASE("scan: a prefix leads nowhere but down and has at most 99 bytes", "[scan]") {
  const struct {
    const char* name;
    std::string prefix;
    bool fits;
  } cases[] = {
      {"empty", "", true},
      {"one name", "a", true},
      {"three names", "a/b/c", true},
      {"dots in names", "...", true},
      {"a name that begins with a dot", ".a/..b", true},
      {"99 bytes", std::string(99, 'p'), true},
      {"100 bytes", std::string(100, 'p'), false},
      {"leading slash", "/a", false},
      {"a slash alone", "/", false},
      {"final slash", "a/", false},
      {"double slash", "a//b", false},
      {"`.`", ".", false},
      {"`.` in the middle", "a/./b", false},
      {"`..`", "..", false},
      {"`..` at the end", "a/..", false},
      {"NUL", std::string("a\0b", 3), false},
  };
  for (const auto& c : cases) {
    INFO(c.name);
    const auto failure = failure_of([&] { check_prefix(c.prefix); });
    CHECK_FALSE(failure.has_value() == c.fits);
    if (failure) CHECK(failure->kind() == ErrorKind::usage);
  }
}

TEST_CASE("scan: a root's name longer than a prefix may be still makes a tape", "[scan]") {
  MemoryTree tree;
  tree.add_file("f", "");
  const auto catalog = sealed(tree, portable(std::string(200, 'r')));
  CHECK(catalog->find(std::string(200, 'r') + "/f"));
  catalog->check();
}
