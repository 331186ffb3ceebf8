#include "support/expect.h"
#include "support/memory_tree.h"
#include "support/sealed.h"
#include "support/temporary_folder.h"
#include "tape/scan.h"

using namespace tape;
using namespace test;

namespace {

struct Left {
  std::vector<std::string> on_tape;   // paths, without the root
  std::vector<std::string> left_out;  // "path: why"
  std::unique_ptr<Catalog> catalog;
};

Left scanned(MemoryTree& tree, std::vector<SourceOption> rules) {
  Left out;
  ScanOptions options = portable("p");
  options.source_options = std::move(rules);
  options.excluded = [&](const std::string& path, const std::string& why) {
    out.left_out.push_back(path + ": " + why);
  };
  out.catalog = sealed(tree, options);
  for (const Entry& entry : entries_of(*out.catalog)) {
    if (!entry.path.empty()) out.on_tape.push_back(entry.path);
  }
  out.catalog->check();
  CHECK(out.catalog->summary().excluded == out.left_out.size());
  return out;
}

using Paths = std::vector<std::string>;
constexpr const char* kTag = "Signature: 8a477f597d28d172789f06886806bc55\n# made by a test";

}  // namespace

TEST_CASE("exclusion: the last pattern that fits decides, and nothing below is looked at",
          "[exclude]") {
  MemoryTree tree;
  tree.add_directory("build");
  tree.add_file("build/keep.c", "x");
  tree.add_file("a.o", "x");
  tree.add_file("keep.o", "x");
  tree.add_file("b.c", "x");
  std::vector<SourceOption> rules{
      {"exclude", "*.o"}, {"exclude", "!keep.o"}, {"exclude", "/build"}, {"exclude", "!keep.c"}};
  tree.accesses.clear();
  const Left found = scanned(tree, rules);
  CHECK(found.on_tape == Paths{"b.c", "keep.o"});
  CHECK(found.left_out == Paths{"a.o: --exclude *.o", "build: --exclude /build"});
  for (const auto& access : tree.accesses)
    CHECK_FALSE(access.path.starts_with("build/"));
  // The other order: the negation came first.
  std::swap(rules[0], rules[1]);
  CHECK(scanned(tree, rules).on_tape == Paths{"b.c"});
}

TEST_CASE("exclusion: the catalog keeps the options and the count under its seal", "[exclude]") {
  MemoryTree tree;
  tree.add_file("a", "x");
  const std::vector<SourceOption> rules{{"iexclude", "A"}, {"exclude", "\xff\n"}};
  const Left found = scanned(tree, rules);
  CHECK(found.on_tape.empty());
  CHECK(found.catalog->summary().source_options == rules);
  CHECK(found.catalog->summary().excluded == 1);
  CHECK(found.catalog->summary().problems == 0);
}

TEST_CASE("exclusion: ignore files speak of what is below them, the nearest first", "[exclude]") {
  MemoryTree tree;
  tree.add_file(".ignore", "*.o\n/top\n");
  tree.add_directory("sub");
  tree.add_file("sub/.ignore", "!keep.o\n/top\n*.typed\n");
  for (const char* path : {"a.o", "top", "sub/a.o", "sub/keep.o", "sub/top", "x.typed"})
    tree.add_file(path, "x");
  tree.add_directory("sub/deep");
  tree.add_file("sub/deep/top", "x");
  tree.add_file("sub/deep/b.typed", "x");
  tree.add_directory("other");
  tree.add_file("other/keep.o", "x");
  const Left found = scanned(tree, {{"ignore-file", ".ignore"}, {"exclude", "!b.typed"}});
  CHECK(found.on_tape == Paths{".ignore", "other", "sub", "sub/.ignore", "sub/deep",
                               "sub/deep/b.typed", "sub/deep/top", "sub/keep.o", "x.typed"});
  CHECK(found.left_out == Paths{"a.o: .ignore: *.o", "other/keep.o: .ignore: *.o",
                                "sub/a.o: .ignore: *.o", "sub/top: sub/.ignore: /top",
                                "top: .ignore: /top"});
}

TEST_CASE("exclusion: an ignore file that cannot be read is a problem, and leaves nothing out",
          "[exclude]") {
  MemoryTree tree;
  tree.add_file(".ignore", "*.o\n").denied = true;
  tree.add_file("a.o", "x");
  tree.add_directory("link");
  tree.add("link/.ignore", SourceKind::symlink, 0777).target = "../.ignore";
  tree.add_directory("large");
  tree.add_file("large/.ignore", std::string((1 << 20) + 1, '\n'));
  const Left found = scanned(tree, {{"ignore-file", ".ignore"}});
  CHECK(found.left_out.empty());
  Paths problems;
  found.catalog->each_problem(
      [&](const std::string& path, const std::string&) { problems.push_back(path); });
  // Unreadable as an ignore file, and as a member.
  CHECK(problems == Paths{".ignore", ".ignore", "large/.ignore"});
}

TEST_CASE("exclusion: a cache keeps its directory and its tag", "[exclude]") {
  MemoryTree tree;
  tree.add_directory("cache");
  tree.add_file("cache/CACHEDIR.TAG", kTag);
  tree.add_directory("cache/a");
  tree.add_file("cache/z", "x");
  tree.add_directory("not");
  tree.add_file("not/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc5");
  tree.add_file("not/z", "x");
  const Left found = scanned(tree, {{"exclude-caches", ""}});
  CHECK(found.on_tape == Paths{"cache", "cache/CACHEDIR.TAG", "not", "not/CACHEDIR.TAG", "not/z"});
  CHECK(found.left_out == Paths{"cache/a: --exclude-caches", "cache/z: --exclude-caches"});
  CHECK(scanned(tree, {}).on_tape.size() == 7);
}

TEST_CASE("exclusion: a marker keeps its directory and itself", "[exclude]") {
  MemoryTree tree;
  tree.add_directory("d");
  tree.add_file("d/.nobackup", "");
  tree.add_directory("d/e");
  tree.add_file("f", "x");
  const Left found = scanned(tree, {{"exclude-if-present", ".nobackup"}});
  CHECK(found.on_tape == Paths{"d", "d/.nobackup", "f"});
  CHECK(found.left_out == Paths{"d/e: --exclude-if-present .nobackup"});
}

TEST_CASE("exclusion: a marker that is a directory stays empty", "[exclude]") {
  MemoryTree tree;
  tree.add_directory("d");
  tree.add_directory("d/.git");
  tree.add_file("d/.git/x", "x");
  tree.add_file("d/y", "x");
  for (const char* marker : {".git", "!never"}) {
    Left found = scanned(tree, {{"exclude-if-present", ".git"}, {"exclude", marker}});
    const bool out = marker == std::string(".git");
    CHECK(found.on_tape == (out ? Paths{"d"} : Paths{"d", "d/.git"}));
    CHECK(found.left_out ==
          Paths{"d/y: --exclude-if-present .git",
                std::string("d/.git: --exclude") + (out ? " .git" : "-if-present .git")});
  }
}

TEST_CASE("exclusion: what is left out by its name need not be to be had", "[exclude]") {
  MemoryTree tree;
  tree.add_file("gone.o", "x");
  tree.add_directory("gone.d");
  tree.add_file("kept", "x");
  tree.before = [](const MemoryTree::Access& access) {
    if (access.verb == MemoryTree::Verb::stat && access.path.starts_with("gone"))
      throw Error(ErrorKind::io, access.path + ": no answer");
  };
  const Left found = scanned(tree, {{"exclude", "*.o"}, {"exclude", "*.d/"}});
  CHECK(found.on_tape == Paths{"kept"});
  CHECK(found.left_out == Paths{"gone.o: --exclude *.o"});
  // Whether it is a directory nobody knows.
  CHECK(found.catalog->summary().problems == 1);
  tree.before = [](const MemoryTree::Access& access) {
    if (access.path == "gone.o") throw Error(ErrorKind::exhausted, "no descriptor");
  };
  CHECK(failed([&] { scanned(tree, {{"exclude", "*.o"}}); }).kind() == ErrorKind::exhausted);
}

TEST_CASE("exclusion: larger files are left out, directories and equal ones are not", "[exclude]") {
  MemoryTree tree;
  tree.add_directory("d").stat.size = 4096;
  tree.add_file("equal", std::string(100, 'x'));
  tree.add_file("larger", std::string(101, 'x'));
  const Left found = scanned(tree, {{"exclude-larger-than", "100"}});
  CHECK(found.on_tape == Paths{"d", "equal"});
  CHECK(found.left_out == Paths{"larger: --exclude-larger-than 100: it has 101 bytes"});
}

TEST_CASE("exclusion: on another file system a directory stays, empty, and every file",
          "[exclude]") {
  MemoryTree tree;
  tree.add_directory("mount").stat.identity.device = 2;
  tree.add_file("mount/x", "x").stat.identity.device = 2;
  // An overlay gives a file the device of its layer.
  tree.add_file("layered", "x").stat.identity.device = 2;
  tree.add_file("here", "x");
  const Left found = scanned(tree, {{"one-file-system", ""}});
  CHECK(found.on_tape == Paths{"here", "layered", "mount"});
  CHECK(found.left_out == Paths{"mount: --one-file-system: its content is on another one"});
}

TEST_CASE("exclusion: tartape leaves out each path with a component .tartape, wherever it is",
          "[exclude]") {
  MemoryTree tree;
  for (const char* folder : {".tartape", "d", "d/.tartape", "d/.tartape2"})
    tree.add_directory(folder);
  tree.add_file("d/.tartape/x", "x");
  const auto paths = [&](const std::string& root) {
    ScanOptions options = portable("p");
    options.root = root;
    options.profile = Profile::tartape;
    Paths out;
    for (const Entry& entry : entries_of(*sealed(tree, options)))
      out.push_back(entry.path);
    return out;
  };
  CHECK(paths("/x/p") == Paths{"", "d", "d/.tartape2"});
  for (const char* root : {"/.tartape", "/x/.tartape/p", "/x/.tartape"})
    CHECK(paths(root) == Paths{""});
}

TEST_CASE("exclusion: a value that is none is a usage error that names the option", "[exclude]") {
  MemoryTree tree;
  for (const SourceOption& option : std::vector<SourceOption>{{"exclude", ""},
                                                              {"exclude", "/"},
                                                              {"ignore-file", "a/b"},
                                                              {"ignore-file", ""},
                                                              {"exclude-if-present", ".."},
                                                              {"exclude-larger-than", "1x"},
                                                              {"exclude-smaller-than", "1"}}) {
    INFO(option.name << " " << option.value);
    const Error error = failed([&] { scanned(tree, {option}); });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(std::string(error.what()).starts_with("--" + option.name));
  }
  CHECK(failed([&] {
          scanned(tree, std::vector<SourceOption>(kSourceOptionsMax + 1, {"exclude", "x"}));
        }).kind() == ErrorKind::usage);
}
