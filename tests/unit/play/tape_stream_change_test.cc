#include "support/expect.h"
#include "support/faulty.h"
#include "support/samples.h"
#include "support/scanned.h"
#include "tape/tape_stream.h"

using namespace tape;

namespace {

// `r/first`, then what the case is about at `r/x…`, then `r/z`.
void fill(MemoryTree& tree) {
  tree.add_file("first", mixed_bytes(600));
  tree.add_directory("x");
  tree.add_file("x/empty", "");
  tree.add_file("x/file", mixed_bytes(1000, 2));
  tree.add("x/pipe", SourceKind::fifo, 0600);
  tree.add_symlink("x/symlink", "file");
  tree.add_file("y1", mixed_bytes(100, 3));
  tree.add_link("y2", "y1");
  tree.add_file("z", mixed_bytes(100, 4));
}

struct Played {
  Bytes bytes;
  std::optional<Error> failure;
};

// What went out before the failure, in reads of `piece`.
Played play_until_failure(Catalog& catalog, SourceTree& tree, std::size_t piece = 1) {
  Played out;
  TapeStream stream(catalog, tree, nullptr);
  out.failure = failure_of([&] {
    Bytes buffer(piece);
    while (const std::size_t n = stream.read(buffer))
      out.bytes.insert(out.bytes.end(), buffer.begin(),
                       buffer.begin() + static_cast<std::ptrdiff_t>(n));
  });
  return out;
}

struct ChangeCase {
  const char* what;
  const char* path;  // whose change ends the run; null: none does
  void (*change)(MemoryTree& tree);
};

const ChangeCase kBeforeRead[] = {
    {"file rewritten", "x/file", [](MemoryTree& t) { t.rewrite("x/file", mixed_bytes(1000, 9)); }},
    {"file grown with its old mtime", "x/file",
     [](MemoryTree& t) {
       t.inode("x/file").content.push_back(0);
       ++t.inode("x/file").stat.size;
     }},
    {"file shrunk with its old mtime", "x/file",
     [](MemoryTree& t) {
       t.inode("x/file").content.pop_back();
       --t.inode("x/file").stat.size;
     }},
    {"mtime a nanosecond later", "x/file",
     [](MemoryTree& t) { ++t.inode("x/file").stat.mtime.nanoseconds; }},
    {"mtime a second earlier", "x/file",
     [](MemoryTree& t) { --t.inode("x/file").stat.mtime.seconds; }},
    {"file gone", "x/file", [](MemoryTree& t) { t.remove("x/file"); }},
    {"file unreadable", "x/file", [](MemoryTree& t) { t.inode("x/file").denied = true; }},
    {"file now a directory", "x/file",
     [](MemoryTree& t) {
       t.remove("x/file");
       t.add_directory("x/file");
     }},
    {"file now a symlink", "x/file",
     [](MemoryTree& t) {
       t.remove("x/file");
       t.add_symlink("x/file", "empty");
     }},
    {"empty file grown", "x/empty", [](MemoryTree& t) { t.rewrite("x/empty", {1}); }},
    {"empty file grown with its old mtime", "x/empty",
     [](MemoryTree& t) { t.inode("x/empty").stat.size = 1; }},
    {"empty file touched", "x/empty", [](MemoryTree& t) { t.rewrite("x/empty", {}); }},
    {"empty file gone", "x/empty", [](MemoryTree& t) { t.remove("x/empty"); }},
    {"empty file now a fifo", "x/empty",
     [](MemoryTree& t) {
       t.remove("x/empty");
       t.add("x/empty", SourceKind::fifo, 0644);
     }},
    {"symlink leads elsewhere", "x/symlink",
     [](MemoryTree& t) { t.inode("x/symlink").target = "empt"; }},
    {"symlink gone", "x/symlink", [](MemoryTree& t) { t.remove("x/symlink"); }},
    {"symlink now a file", "x/symlink",
     [](MemoryTree& t) {
       t.remove("x/symlink");
       t.add_file("x/symlink", "file");
     }},
    {"directory gone", "x", [](MemoryTree& t) { t.remove("x"); }},
    {"directory now a file", "x",
     [](MemoryTree& t) {
       t.remove("x");
       t.add_file("x", "");
     }},
    {"fifo gone", "x/pipe", [](MemoryTree& t) { t.remove("x/pipe"); }},
    {"hard link gone", "y2", [](MemoryTree& t) { t.remove("y2"); }},
    {"hard link now a directory", "y2",
     [](MemoryTree& t) {
       t.remove("y2");
       t.add_directory("y2");
     }},
    {"root gone", "the source", [](MemoryTree& t) { t.remove(""); }},
    {"both names gone", "y1",
     [](MemoryTree& t) {
       t.remove("y1");
       t.remove("y2");
     }},
    {"both names rewritten", "y1", [](MemoryTree& t) { t.rewrite("y1", mixed_bytes(100, 9)); }},
    {"other device and inode", nullptr,
     [](MemoryTree& t) {
       t.inode("x/file").stat.identity = {9, 999};
     }},
    {"other ctime", nullptr, [](MemoryTree& t) { ++t.inode("x/file").stat.ctime.seconds; }},
    {"other mode and owner", nullptr,
     [](MemoryTree& t) {
       t.inode("x/file").stat.mode = 0600;
       t.inode("x/file").stat.uid = 7;
     }},
    {"directory touched", nullptr, [](MemoryTree& t) { ++t.inode("x").stat.mtime.seconds; }},
    {"a new file beside", nullptr, [](MemoryTree& t) { t.add_file("x/new", "new"); }},
};

// Runs `change` before the access number `number` (from 1) of `verb` to `path`.
void change_before(MemoryTree& tree,
                   MemoryTree::Access wanted,
                   int number,
                   std::function<void(MemoryTree&)> change) {
  tree.before = [=, &tree, left = number](const MemoryTree::Access& access) mutable {
    if (access == wanted && --left == 0) change(tree);
  };
}

}  // namespace

TEST_CASE("tape_stream: a source other than scanned ends the tape before its first byte",
          "[tape_stream]") {
  for (const ChangeCase& c : kBeforeRead) {
    DYNAMIC_SECTION(c.what) {
      MemoryTree tree;
      fill(tree);
      const auto catalog = scanned(tree);
      const Bytes whole = played(*catalog, tree);
      c.change(tree);
      const Played out = play_until_failure(*catalog, tree);
      if (c.path == nullptr) {
        CHECK_FALSE(out.failure);
        CHECK(out.bytes == whole);
        continue;
      }
      REQUIRE(out.failure);
      CHECK(out.failure->kind() == ErrorKind::source_changed);
      CHECK(std::string(out.failure->what()).starts_with(std::string(c.path) + ": "));
      CHECK_FALSE(out.failure->hint().empty());
      const bool root = c.path == std::string("the source");
      const auto entry = catalog->find(root ? "r" : std::string("r/") + c.path);
      REQUIRE(entry);
      CHECK(out.bytes.size() == entry->offset.value());
      CHECK(std::equal(out.bytes.begin(), out.bytes.end(), whole.begin()));
    }
  }
}

TEST_CASE("tape_stream: a file that changes while it is read ends the tape", "[tape_stream]") {
  struct Case {
    const char* what;
    std::function<void(MemoryTree&)> change;
    const char* says;  // null: the tape is whole
  };
  const Case kCases[] = {
      {"grown",
       [](MemoryTree& t) {
         Bytes more = t.inode("f").content;
         more.push_back(7);
         t.rewrite("f", more);
       },
       "bytes, had 5000"},
      {"overwritten at its size", [](MemoryTree& t) { t.rewrite("f", mixed_bytes(5000, 8)); },
       "written to"},
      {"overwritten, mtime put back",
       [](MemoryTree& t) {
         const Timestamp mtime = t.inode("f").stat.mtime;
         t.rewrite("f", mixed_bytes(5000, 8));
         t.inode("f").stat.mtime = mtime;
       },
       "written to"},
      {"shrunk", [](MemoryTree& t) { t.rewrite("f", mixed_bytes(4999)); }, "ended at byte 4999"},
      {"truncated to nothing", [](MemoryTree& t) { t.rewrite("f", {}); }, "ended at byte 4000"},
      {"shrunk, metadata as before", [](MemoryTree& t) { t.inode("f").content.resize(4999); },
       "ended at byte 4999 of 5000"},
      {"its device changes", [](MemoryTree& t) { t.inode("f").stat.identity.device = 77; },
       "cut or replaced"},
      {"its name goes to another file",
       [](MemoryTree& t) {
         t.add_file("g", "other");
         t.rename("g", "f");
       },
       nullptr},
      {"its name goes", [](MemoryTree& t) { t.remove("f"); }, nullptr},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      MemoryTree tree;
      tree.add_file("f", mixed_bytes(5000));
      const auto catalog = scanned(tree);
      const Bytes whole = played(*catalog, tree);
      // Reads of 1000 bytes from the body's begin at 1024: 976 and four of 1000, then 24.
      change_before(tree, {MemoryTree::Verb::file_read, "f"}, 5, c.change);
      TapeStream stream(*catalog, tree, nullptr);
      stream.seek(catalog->find("r/f")->body());
      Bytes out;
      const auto failure = failure_of([&] { out = rest_of(stream, 1000); });
      if (c.says == nullptr) {
        CHECK_FALSE(failure);
        CHECK(std::equal(out.begin(), out.end(), whole.begin() + 1024, whole.end()));
        continue;
      }
      REQUIRE(failure);
      CHECK(failure->kind() == ErrorKind::source_changed);
      CHECK(says(*failure, "f: "));
      CHECK(says(*failure, c.says));
    }
  }
}

TEST_CASE("tape_stream: a change that is seen only at the end comes before the padding",
          "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("f", mixed_bytes(700));
  const auto catalog = scanned(tree);
  const auto entry = catalog->find("r/f");
  change_before(tree, {MemoryTree::Verb::file_stat, "f"}, 2,
                [](MemoryTree& t) { ++t.inode("f").stat.mtime.seconds; });
  const Played out = play_until_failure(*catalog, tree);
  REQUIRE(out.failure);
  CHECK(out.failure->kind() == ErrorKind::source_changed);
  CHECK(out.bytes.size() <= (entry->body() + 700).value());
}

TEST_CASE("tape_stream: a file of two names is read under the other when one is gone",
          "[tape_stream]") {
  struct Case {
    const char* what;
    void (*change)(MemoryTree& tree);
  };
  const Case kCases[] = {
      {"first name gone", [](MemoryTree& t) { t.remove("y1"); }},
      {"first name is another file",
       [](MemoryTree& t) {
         t.remove("y1");
         t.add_file("y1", "other");
       }},
      {"first name is a symlink",
       [](MemoryTree& t) {
         t.remove("y1");
         t.add_symlink("y1", "y2");
       }},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      MemoryTree tree;
      fill(tree);
      const auto catalog = scanned(tree);
      const Bytes whole = played(*catalog, tree);
      c.change(tree);
      CHECK(played(*catalog, tree) == whole);
    }
  }
}

TEST_CASE("tape_stream: what the system withholds for now is not called a change",
          "[tape_stream]") {
  MemoryTree tree;
  fill(tree);
  const auto catalog = scanned(tree);
  tree.accesses.clear();
  const Bytes whole = played(*catalog, tree);
  const std::size_t calls = tree.accesses.size();
  REQUIRE(calls > 10);
  for (std::uint64_t call = 1; call <= calls; ++call) {
    Faults faults = Faults::at_call(call, Error(ErrorKind::exhausted, "too many open files"));
    FaultyTree faulty(tree, faults);
    const Played out = play_until_failure(*catalog, faulty, 1 << 16);
    INFO("call " << call);
    REQUIRE(out.failure);
    CHECK(out.failure->kind() == ErrorKind::exhausted);
    CHECK(faults.failures() == 1);
  }
}

TEST_CASE("tape_stream: whichever call on the tree fails, no wrong byte goes out",
          "[tape_stream]") {
  MemoryTree tree;
  fill(tree);
  const auto catalog = scanned(tree);
  const Bytes whole = played(*catalog, tree);
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Faults faults = Faults::by_seed(seed, 0.05, Error(ErrorKind::io, "disk"));
    FaultyTree faulty(tree, faults);
    const Played out = play_until_failure(*catalog, faulty, 100);
    INFO("seed " << seed);
    REQUIRE(out.bytes.size() <= whole.size());
    CHECK(std::equal(out.bytes.begin(), out.bytes.end(), whole.begin()));
    // A name that cannot be read may have another; without one the run ends.
    if (!out.failure) CHECK(out.bytes == whole);
    if (out.failure) CHECK(faults.failures() > 0);
  }
}
