// scan: which names are hard links, and to what.
#include "support/expect.h"
#include "support/memory_tree.h"
#include "support/sealed.h"
#include "tape/scan.h"

using namespace tape;
using namespace test;

TEST_CASE("scan: later names of a file, symlink or fifo are hard links to the first", "[scan]") {
  MemoryTree tree;
  tree.add_directory("dir");
  tree.add_file("z-file", "content");
  tree.add_link("dir/file", "z-file");
  tree.add_link("a-file", "z-file");
  tree.add_symlink("b-link", "target");
  tree.add_link("dir/link", "b-link");
  tree.add("c-fifo", SourceKind::fifo, 0600);
  tree.add_link("dir/fifo", "c-fifo");
  const auto catalog = sealed(tree, portable("p"));
  const struct {
    const char* path;
    const char* first;
  } links[] = {
      {"dir/file", "a-file"}, {"z-file", "a-file"}, {"dir/link", "b-link"}, {"dir/fifo", "c-fifo"}};
  for (const auto& link : links) {
    INFO(link.path);
    const auto entry = catalog->find("p/" + std::string(link.path));
    const auto first = catalog->find("p/" + std::string(link.first));
    REQUIRE(entry);
    REQUIRE(first);
    CHECK(entry->member.type == MemberType::hard_link);
    CHECK(entry->member.target == first->member.name);
    CHECK(entry->member.size == 0);
    CHECK(entry->first == first->offset);
    CHECK(first->member.type != MemberType::hard_link);
    CHECK_FALSE(first->first);
  }
  CHECK(catalog->find("p/a-file")->member.size == 7);
  CHECK(catalog->names_of(*catalog->find("p/dir/file")) ==
        std::vector<std::string>{"a-file", "dir/file", "z-file"});
  CHECK(catalog->names_of(*catalog->find("p/a-file")).size() == 3);
  catalog->check();
}

TEST_CASE("scan: a file whose other names lie outside of the tree is a regular file", "[scan]") {
  MemoryTree tree;
  tree.add_file("a", "content").stat.links = 5;
  const auto catalog = sealed(tree, portable(""));
  CHECK(catalog->find("a")->member.type == MemberType::regular);
}

TEST_CASE("scan: two files with one inode number on two devices are no hard links", "[scan]") {
  MemoryTree tree;
  SourceStat& a = tree.add_file("a", "1").stat;
  a.links = 2;
  SourceStat& b = tree.add_file("b", "2").stat;
  b.links = 2;
  b.identity = {a.identity.device + 1, a.identity.inode};
  const auto catalog = sealed(tree, portable(""));
  CHECK(catalog->find("b")->member.type == MemberType::regular);
}

TEST_CASE("scan: an inode that is another file by now is no hard link to the first", "[scan]") {
  MemoryTree tree;
  const auto again = [&](const std::string& path, SourceKind kind, const SourceStat& stat) {
    MemoryTree::Inode& inode = tree.add(path, kind, 0644);
    inode.stat = stat;
    inode.stat.kind = kind;
    return &inode.stat;
  };
  SourceStat was = tree.add_file("a", "content").stat;
  was.links = 9;
  again("a0", SourceKind::regular, was);
  again("b-directory", SourceKind::directory, was);
  again("c-symlink", SourceKind::symlink, was);
  again("d-size", SourceKind::regular, was)->size = 6;
  SourceStat* const time = again("e-mtime", SourceKind::regular, was);
  time->size = 6;
  ++time->mtime.nanoseconds;
  // A name came or went: the inode's ctime moved, and nothing else.
  ++again("f-link", SourceKind::regular, *time)->ctime.seconds;
  again("g-alone", SourceKind::regular, *time)->links = 1;
  --again("h-earlier", SourceKind::regular, *time)->ctime.seconds;
  for (const bool hash : {false, true}) {
    ScanOptions options = portable("");
    options.hash = hash;
    const auto catalog = sealed(tree, options);
    catalog->check();
    std::vector<std::string> links;
    for (const Entry& entry : entries_of(*catalog)) {
      if (entry.first) links.push_back(entry.path + " " + entry.member.target);
    }
    CHECK(links == std::vector<std::string>{"f-link e-mtime"});
  }
}
