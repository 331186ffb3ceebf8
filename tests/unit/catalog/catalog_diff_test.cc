#include "tape/catalog_diff.h"

#include <set>

#include "codec/digest.h"
#include "support/expect.h"
#include "support/memory_tree.h"
#include "support/sealed.h"
#include "support/temporary_folder.h"

using namespace tape;
using namespace test;

namespace {

std::unique_ptr<Catalog> hashed(MemoryTree& tree, Catalog* earlier = nullptr) {
  ScanOptions options = full("p");
  options.hash = true;
  options.earlier = earlier;
  return sealed(tree, options);
}

std::set<std::string> paths_read(const MemoryTree& tree) {
  std::set<std::string> out;
  for (const auto& access : tree.accesses) {
    if (access.verb == MemoryTree::Verb::file_read) out.insert(access.path);
  }
  return out;
}

std::vector<std::string> lines(Catalog& a, Catalog& b) {
  std::vector<std::string> out;
  compare(a, b, [&](const EntryDifference& difference) {
    constexpr const char* kLetters = "+-MT";
    out.push_back(std::string(1, kLetters[static_cast<int>(difference.kind)]) + difference.path +
                  (difference.what.empty() ? "" : " " + difference.what));
  });
  return out;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("scan: with hash every file's content has its XXH3-128, under the seal", "[hash]") {
  MemoryTree tree;
  tree.add_file("a", "content");
  tree.add_file("empty", "");
  tree.add_directory("d");
  const auto catalog = hashed(tree);
  CHECK(catalog->summary().hashed);
  CHECK(catalog->find("p/a")->hash == xxh3_128(as_bytes("content")));
  CHECK(catalog->find("p/empty")->hash == xxh3_128({}));
  CHECK_FALSE(catalog->find("p/d")->hash);
  catalog->check();
  MemoryTree same;
  const auto none = sealed(same, full("p"));
  CHECK_FALSE(none->summary().hashed);
  CHECK(none->summary().contents != catalog->summary().contents);
}

TEST_CASE("scan: a file that is written to while it is hashed has none", "[hash]") {
  MemoryTree tree;
  tree.add_file("a", std::string(10, 'x'));
  std::size_t reads = 0;
  tree.before = [&](const MemoryTree::Access& access) {
    if (access.verb == MemoryTree::Verb::file_read && ++reads == 2)
      tree.inode("a").stat.mtime.seconds += 1;
  };
  const auto catalog = hashed(tree);
  CHECK_FALSE(catalog->find("p/a")->hash);
  catalog->check();
}

TEST_CASE("scan: with hash each inode is read once, and an empty file not at all", "[hash]") {
  MemoryTree tree;
  tree.add_file("a", "content");
  tree.add_link("b", "a");
  tree.add_link("c", "a");
  tree.add_file("empty", "").denied = true;
  for (const Profile profile : {Profile::ragtape, Profile::tartape}) {
    ScanOptions options = portable("p");
    options.hash = true;
    options.profile = profile;
    tree.accesses.clear();
    const auto catalog = sealed(tree, options);
    CHECK(std::ranges::count(tree.accesses, MemoryTree::Verb::open, &MemoryTree::Access::verb) ==
          1);
    for (const char* name : {"p/a", "p/b", "p/c"})
      CHECK(catalog->find(name)->hash == xxh3_128(as_bytes("content")));
    CHECK(catalog->find("p/empty")->hash == xxh3_128({}));
    CHECK(catalog->summary().problems == 0);
    catalog->check();
  }
}

TEST_CASE("scan: a file that cannot be read for its hash is a problem, and a member without",
          "[hash]") {
  for (const auto verb : {MemoryTree::Verb::open, MemoryTree::Verb::file_read}) {
    MemoryTree tree;
    tree.add_file("a", "content");
    tree.add_link("b", "a");
    tree.before = [&](const MemoryTree::Access& access) {
      if (access.verb == verb) throw Error(ErrorKind::io, access.path + ": no answer");
    };
    const auto catalog = hashed(tree);
    Lines problems;
    catalog->each_problem([&](const std::string& path, const std::string& reason) {
      problems.push_back(path + ": " + reason);
    });
    CHECK(problems == Lines{"a: a: no answer; on the tape without a hash"});
    CHECK_FALSE(catalog->find("p/a")->hash);
    CHECK_FALSE(catalog->find("p/b")->hash);
    catalog->check();
  }
}

TEST_CASE("scan: of a file that grows as it is read only a byte more is read", "[hash]") {
  MemoryTree tree;
  tree.add_file("a", std::string(10, 'x'));
  tree.before = [&](const MemoryTree::Access& access) {
    if (access.verb != MemoryTree::Verb::file_read) return;
    REQUIRE(tree.inode("a").content.size() < 50);
    tree.inode("a").content.resize(tree.inode("a").content.size() + 10);
  };
  CHECK_FALSE(hashed(tree)->find("p/a")->hash);
}

TEST_CASE("scan: hashes of files that are as they were are taken over, of no others", "[hash]") {
  MemoryTree tree;
  for (const char* name : {"same", "size", "mtime", "ctime", "inode", "young"})
    tree.add_file(name, "content");
  const auto earlier = hashed(tree);
  tree.inode("size").content.push_back('!');
  ++tree.inode("size").stat.size;
  tree.inode("mtime").stat.mtime.nanoseconds ^= 1;
  tree.inode("ctime").stat.ctime.nanoseconds ^= 1;
  tree.inode("inode").stat.identity.inode += 1000;
  tree.accesses.clear();
  const auto again = hashed(tree, earlier.get());
  CHECK(paths_read(tree) == std::set<std::string>{"size", "mtime", "ctime", "inode"});
  CHECK(again->find("p/same")->hash == xxh3_128(as_bytes("content")));
  CHECK(again->find("p/size")->hash == xxh3_128(as_bytes("content!")));
  // What was written in the second of a scan may have been written again behind it.
  tree.inode("young").stat.ctime = again->summary().started;
  const auto third = hashed(tree, again.get());
  tree.accesses.clear();
  hashed(tree, third.get());
  CHECK(paths_read(tree) == std::set<std::string>{"young"});
}

TEST_CASE("catalog_diff: each difference by its kind and fields, in tape order", "[diff]") {
  MemoryTree tree;
  for (const char* name : {"a", "content", "gone", "mode", "mtime", "owner", "retyped", "same"})
    tree.add_file(name, "x");
  tree.add_symlink("s", "there");
  tree.add_link("z", "a");
  const auto before = hashed(tree);
  tree.add_file("came", "x");
  tree.inode("content").content = {'y'};
  tree.remove("gone");
  tree.inode("mode").stat.mode = 0600;
  tree.inode("mtime").stat.mtime.nanoseconds ^= 1;
  tree.inode("owner").stat.uid = 77;
  tree.remove("retyped");
  tree.add_directory("retyped").stat.mtime = before->find("p/retyped")->source.mtime;
  tree.inode("s").target = "elsewhere";
  tree.inode("same").stat.ctime.seconds += 5;
  tree.inode("same").stat.identity.inode += 5000;
  tree.remove("z");
  tree.add_file("z", "x").stat.mtime = before->find("p/z")->source.mtime;
  const auto after = hashed(tree);
  CHECK(lines(*before, *after) == Lines{"+came", "Mcontent content", "-gone", "Mmode mode",
                                        "Mmtime mtime", "Mowner owner", "Tretyped type",
                                        "Ms target", "Mz hard link"});
  CHECK(lines(*before, *before).empty());
  const CatalogDiff counts = compare(*before, *after, {});
  CHECK(counts.added == 1);
  CHECK(counts.missing == 1);
  CHECK(counts.retyped == 1);
  CHECK(counts.changed == 6);
  CHECK(counts.same == 3);  // the root, a, same
}

TEST_CASE("catalog_diff: trees in their order, a directory's content behind it", "[diff]") {
  MemoryTree left;
  left.add_directory("a");
  left.add_file("a/x", "x");
  left.add_file("a-b", "x");
  MemoryTree right;
  right.add_directory("a").stat.mtime = left.inode("a").stat.mtime;
  right.add_file("a-b", "x").stat.mtime = left.inode("a-b").stat.mtime;
  right.add_file("a.c", "x");
  right.inode("").stat.mtime = left.inode("").stat.mtime;
  const auto a = sealed(left, portable("p"));
  const auto b = sealed(right, portable("q"));
  CHECK(lines(*a, *b) == Lines{"-a/x", "+a.c"});
}

TEST_CASE("catalog_diff: a sample meets what changed as often as it says", "[diff]") {
  MemoryTree tree;
  for (int i = 0; i < 200; ++i)
    tree.add_file("f" + std::to_string(i), "x");
  const auto recorded = sealed(tree, portable("p"));
  tree.inode("f7").stat.mtime.seconds += 1;
  tree.remove("f8");
  const auto noticed = [&](std::uint64_t count, std::uint64_t seed) {
    return compare_sample(*recorded, tree, {count, seed}, {}).differences();
  };
  CHECK(noticed(201, 1) == 2);
  CHECK(noticed(5000, 2) == 2);
  CHECK(compare_sample(*recorded, tree, {50, 3}, {}).same <= 50);
  int runs = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed)
    runs += noticed(50, seed) > 0 ? 1 : 0;
  const double chance = chance_of_noticing(201, 50, 2);
  CHECK(chance > 43);
  CHECK(chance < 45);
  CHECK(runs > 10 * chance - 50);
  CHECK(runs < 10 * chance + 50);
  CHECK(chance_of_noticing(10, 10, 1) == 100);
  CHECK(chance_of_noticing(10, 0, 1) == 0);
}

TEST_CASE("catalog_diff: tapes of two profiles are not compared", "[diff]") {
  MemoryTree tree;
  ScanOptions options = portable("p");
  const auto ours = sealed(tree, options);
  options.profile = Profile::tartape;
  const auto theirs = sealed(tree, options);
  CHECK(failed([&] { compare(*ours, *theirs, {}); }).kind() == ErrorKind::usage);
}

TEST_CASE(
    "catalog_diff: a file that cannot be hashed again is changed, one that never was is not "
    "called the same",
    "[diff]") {
  MemoryTree tree;
  tree.add_file("a", "content");
  tree.add_file("b", "content");
  const auto whole = hashed(tree);
  tree.before = [&](const MemoryTree::Access& access) {
    // Its ctime alone, which a comparison does not look at.
    if (access == MemoryTree::Access{MemoryTree::Verb::file_read, "a"})
      ++tree.inode("a").stat.ctime.nanoseconds;
  };
  const auto busy = hashed(tree);
  tree.before = nullptr;
  CHECK(lines(*whole, *busy) == Lines{"Ma content"});
  CHECK(compare(*whole, *busy, {}).not_compared == 0);
  CHECK(lines(*busy, *whole).empty());
  const CatalogDiff counts = compare(*busy, *whole, {});
  CHECK(counts.not_compared == 1);
  CHECK(counts.same == 2);  // the root and b
  CHECK(counts.differences() == 0);
  // Without hashes there is nothing to be compared.
  const auto plain = sealed(tree, full("p"));
  CHECK(compare(*busy, *plain, {}).not_compared == 0);
  CHECK(compare(*busy, *plain, {}).same == 3);
}

TEST_CASE("catalog_diff: what a scan has left out is looked for in its tree", "[diff]") {
  MemoryTree tree;
  for (const char* name : {"gone", "grown", "left", "node", "shut"})
    tree.add_file(name, "x");
  ScanOptions options = full("p");
  options.source_options = {{"exclude-larger-than", "10"}};
  const auto before = sealed(tree, options);
  tree.remove("gone");
  tree.rewrite("grown", Bytes(100));
  tree.remove("node");
  tree.add("node", SourceKind::socket, 0644);
  // By an ignore file, say: it is there as it was.
  options.source_options.push_back({"exclude", "left"});
  tree.before = [](const MemoryTree::Access& access) {
    if (access.path == "shut" && access.verb == MemoryTree::Verb::stat)
      throw Error(ErrorKind::denied, "shut: denied");
  };
  const auto after = sealed(tree, options);
  std::vector<std::string> told;
  const CatalogDiff counts = compare(
      *before, *after,
      [&](const EntryDifference& difference) {
        told.push_back(std::to_string(static_cast<int>(difference.kind)) + " " + difference.path +
                       " " + difference.what);
      },
      &tree);
  CHECK(told == Lines{"1 gone ", "2 grown size, mtime", "3 node type", "4 shut shut: denied"});
  CHECK(counts.same == 2);  // the root, left
  CHECK(counts.unreadable == 1);
  CHECK(counts.problems == 1);  // shut; a socket is none
  CHECK(counts.is_incomplete());
  // Without the tree all that is known is that the other tape does not have them.
  CHECK(compare(*before, *after, {}).missing == 5);
}

TEST_CASE("catalog_diff: problems that the tape has, too, are no news", "[diff]") {
  MemoryTree tree;
  tree.add_file("a", "x").denied = true;
  tree.add_file("b", "x");
  const auto before = sealed(tree, full("p"));
  CHECK_FALSE(compare(*before, *before, {}).is_incomplete());
  tree.inode("b").denied = true;
  const auto after = sealed(tree, full("p"));
  CHECK(compare(*before, *after, {}, &tree).problems == 1);
  CHECK(compare(*after, *before, {}).problems == 0);
}

TEST_CASE("catalog_diff: in a sample denied and io are not missing", "[diff]") {
  for (const auto& [kind, unreadable] :
       {std::pair{ErrorKind::denied, true}, std::pair{ErrorKind::io, true},
        std::pair{ErrorKind::not_found, false}, std::pair{ErrorKind::source_changed, false}}) {
    MemoryTree tree;
    tree.add_file("a", "x");
    const auto recorded = sealed(tree, portable("p"));
    tree.before = [kind = kind](const MemoryTree::Access& access) {
      if (access.path == "a") throw Error(kind, "a: no");
    };
    const CatalogDiff counts = compare_sample(*recorded, tree, {10, 1}, {});
    INFO(kind);
    CHECK(counts.unreadable == (unreadable ? 1 : 0));
    CHECK(counts.missing == (unreadable ? 0 : 1));
    CHECK(counts.same == 1);
  }
  MemoryTree tree;
  const auto recorded = sealed(tree, portable("p"));
  tree.before = [](const MemoryTree::Access&) { throw Error(ErrorKind::exhausted, "full"); };
  CHECK(failed([&] {
          compare_sample(*recorded, tree, {10, 1}, {});
        }).kind() == ErrorKind::exhausted);
}

TEST_CASE("catalog_diff: a root of another kind is one difference, itself", "[diff]") {
  MemoryTree folder;
  folder.add_file("a", "x");
  MemoryTree file;
  file.add_file("v", "x");
  ScanOptions single = portable("");
  single.single_file = "v";
  const auto left = sealed(folder, portable("p"));
  const auto right = sealed(file, single);
  CHECK(lines(*left, *right) == Lines{"T type"});
  CHECK(lines(*right, *left) == Lines{"T type"});
}

TEST_CASE("catalog_diff: of what is only looked for, the content is not compared", "[diff]") {
  MemoryTree tree;
  tree.add_file("left", "x");
  ScanOptions options = full("p");
  options.hash = true;
  const auto before = sealed(tree, options);
  options.source_options = {{"exclude", "left"}};
  const auto after = sealed(tree, options);
  const CatalogDiff counts = compare(*before, *after, {}, &tree);
  CHECK(counts.differences() == 0);
  CHECK(counts.not_compared == 1);
  CHECK(counts.same == 1);  // the root
}
