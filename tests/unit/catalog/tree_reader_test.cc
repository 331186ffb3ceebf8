#include "catalog/tree_reader.h"

#include <algorithm>
#include <random>

#include "support/expect.h"
#include "support/sealed.h"
#include "support/shared_tree.h"

using namespace tape;
using namespace test;
using namespace std::chrono_literals;

namespace {

constexpr unsigned kReaders[] = {0, 1, 2, 7};

// Directories within directories, some large, with a bit of everything.
void fill(MemoryTree& tree, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::string> folders = {""};
  for (int i = 0; i < 120; ++i) {
    const std::string& parent = folders[random() % folders.size()];
    // Names around `/` in the order of bytes.
    const std::string name = "d" + std::string(1, "!-.0az"[random() % 6]) + std::to_string(i);
    folders.push_back(parent.empty() ? name : parent + "/" + name);
    tree.add_directory(folders.back());
  }
  for (const std::string& folder : folders) {
    const std::string top = folder.empty() ? "" : folder + "/";
    for (std::uint64_t i = random() % 12; i > 0; --i)
      tree.add_file(top + "f" + std::to_string(i), std::string(random() % 50, 'x'));
    if (random() % 3 == 0) tree.add_symlink(top + "link", "to/" + std::to_string(random() % 100));
    if (random() % 5 == 0)
      tree.add_file(top + "kept.o", "o").xattrs = {{"user.k", std::string(100, 'v')}};
  }
  const std::string& large = folders.at(5);
  for (int i = 0; i < 1500; ++i)
    tree.add_file(large + "/many" + std::to_string(i), "");
}

struct Scanned {
  Hash128 fingerprint;
  Hash128 state;
  std::vector<std::string> heard;
  friend bool operator==(const Scanned&, const Scanned&) = default;
};

Scanned scanned(MemoryTree& tree, ScanOptions options, unsigned readers) {
  SharedTree shared(tree);
  Scanned out;
  options.readers = readers;
  options.excluded = [&](const std::string& path, const std::string& why) {
    out.heard.push_back(path + ": " + why);
  };
  const auto catalog = sealed(shared, options);
  CHECK(shared.views() == readers + 1);
  out.fingerprint = catalog->summary().fingerprint;
  out.state = catalog->summary().state;
  catalog->each_problem([&](const std::string& path, const std::string& reason) {
    out.heard.push_back(path + ": " + reason);
  });
  return out;
}

void is_the_same_for_all(MemoryTree& tree, const ScanOptions& options) {
  const Scanned alone = scanned(tree, options, 0);
  for (const unsigned readers : kReaders) {
    INFO(readers << " readers");
    CHECK(scanned(tree, options, readers) == alone);
  }
}

}  // namespace

TEST_CASE("scan: the same tape for any number of readers", "[scan][threads]") {
  for (const unsigned seed : {1U, 2U, 3U}) {
    MemoryTree tree;
    fill(tree, seed);
    is_the_same_for_all(tree, full("p"));
    ScanOptions options = portable("p");
    options.source_options = {{"exclude", "*.o"}, {"exclude", "da*"}};
    is_the_same_for_all(tree, options);
    tree.add_file(".gitignore", "link\nd0*/f1\n");
    tree.add_file("CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55");
    options.source_options = {{"ignore-file", ".gitignore"}};
    is_the_same_for_all(tree, options);
    options.source_options = {{"exclude-caches", ""}};
    is_the_same_for_all(tree, options);
    options.source_options = {};
    options.profile = Profile::tartape;
    is_the_same_for_all(tree, options);
  }
}

TEST_CASE("scan: what a reader is refused is the problem that the walk would have met",
          "[scan][threads]") {
  MemoryTree tree;
  fill(tree, 4);
  std::vector<std::string> folders;
  for (const Entry& entry : entries_of(*sealed(tree, portable(""))))
    folders.push_back(entry.path);
  for (std::size_t i = 10; i < folders.size(); i += 17)
    tree.inode(folders[i]).denied = true;
  is_the_same_for_all(tree, portable("p"));
  CHECK(scanned(tree, portable("p"), 2).heard.size() > 20);
}

TEST_CASE("scan: names and attributes beyond what a reading holds", "[scan][threads]") {
  MemoryTree tree;
  // The second directory is listed by a reader, and has more names than it keeps.
  for (const char* folder : {"a", "b"}) {
    tree.add_directory(folder);
    for (int i = 0; i < 3000; ++i)
      tree.add_file(std::string(folder) + "/" + std::string(100, 'n') + std::to_string(i), "");
  }
  for (int i = 0; i < 600; ++i)
    tree.add_file("x" + std::to_string(i), "").xattrs = {{"user.k", std::string(9000, 'v')}};
  is_the_same_for_all(tree, full("p"));
  CHECK(sealed(tree, full("p"))->summary().entries == 1 + 2 * 3001 + 600);
}

namespace {

// Directories `m` within each other, `files` files before and behind each.
void fill_deep(MemoryTree& tree, int levels, int files) {
  std::string top;
  for (int level = 0; level < levels; ++level) {
    for (int i = 0; i < files; ++i)
      tree.add_file(top + (i % 2 == 0 ? "f" : "x") + std::to_string(i), "");
    tree.add_directory(top + "m");
    top += "m/";
  }
}

struct Walked {
  std::vector<std::string> paths;
  std::size_t most_held = 0;
};

// Depth first, with a limit of what is held.
Walked walked(MemoryTree& tree, unsigned readers, std::size_t held_bytes) {
  SharedTree shared(tree);
  const TemporaryFolder folder;
  TreeReader::Options options;
  options.readers = readers;
  options.held_bytes = held_bytes;
  options.is_entered = [](const ReadEntry&) { return true; };
  options.anywhere = true;
  TreeReader reader(shared, folder / "names", options);
  Walked out;
  std::size_t depth = 0;
  const auto enter = [&](const std::string& path) {
    CHECK_FALSE(reader.enter(path, [](std::string_view) {}));
    ++depth;
  };
  enter("");
  while (depth > 0) {
    out.most_held = std::max(out.most_held, reader.held());
    const auto entry = reader.next();
    if (entry) out.paths.push_back(entry->path);
    if (!entry) {
      reader.leave();
      --depth;
    } else if (entry->source.kind == SourceKind::directory) {
      enter(entry->path);
    }
  }
  CHECK(reader.held() == 0);
  return out;
}

}  // namespace

TEST_CASE("tree_reader: what outer directories hold is put away, and comes again", "[threads]") {
  MemoryTree tree;
  const bool deep = GENERATE(true, false);
  if (deep) {
    fill_deep(tree, 30, 700);
  } else {
    fill(tree, 6);
  }
  const Walked all = walked(tree, 0, SIZE_MAX);
  for (const unsigned readers : kReaders) {
    for (const std::size_t limit : {std::size_t{0}, std::size_t{400'000}}) {
      INFO(readers << " readers, " << limit << " bytes");
      const Walked found = walked(tree, readers, limit);
      CHECK(found.paths == all.paths);
      // The last directory is held in any case, and batches that were requested below the limit.
      if (deep) CHECK(found.most_held < limit + 600'000);
    }
  }
  if (deep) CHECK(all.most_held > 2'000'000);
}

TEST_CASE("scan: a name that is listed twice is one entry", "[scan][threads]") {
  MemoryTree tree;
  tree.tells_names_twice = true;
  tree.add_directory("d");
  for (int i = 0; i < 600; ++i)
    tree.add_file("d/f" + std::to_string(i), "");
  is_the_same_for_all(tree, portable("p"));
  CHECK(sealed(tree, portable("p"))->summary().entries == 602);
}

TEST_CASE("scan: readers list several directories at once", "[scan][threads]") {
  MemoryTree tree;
  for (int i = 0; i < 24; ++i) {
    tree.add_directory("d" + std::to_string(i));
    tree.add_directory("d" + std::to_string(i) + "/below");
  }
  SharedTree shared(tree);
  shared.set_delay(5ms);
  ScanOptions options = portable("p");
  options.readers = 4;
  CHECK(sealed(shared, options)->summary().entries == 49);
  CHECK(shared.most_at_once() >= 3);
  CHECK(shared.most_at_once() <= 5);
}

TEST_CASE("scan: no reader lists what is left out", "[scan][threads]") {
  MemoryTree tree;
  for (const char* folder : {"a", "a/own", "a/own/x", "b", "b/out", "b/out/x", "c", "c/mount"})
    tree.add_directory(folder);
  tree.inode("c/mount").stat.identity.device = 2;
  tree.add_file(".ignore", "/b/out\n");
  ScanOptions options = portable("p");
  options.own_files = {tree.inode("a/own").stat.identity};
  options.readers = 3;
  const bool typed = GENERATE(false, true);
  options.source_options = {{"one-file-system", ""}};
  options.source_options.push_back(typed ? SourceOption{"exclude", "/b/out"}
                                         : SourceOption{"ignore-file", ".ignore"});
  SharedTree shared(tree);
  sealed(shared, options);
  for (const MemoryTree::Access& access : tree.accesses) {
    if (access.verb == MemoryTree::Verb::list)
      CHECK((access.path == "" || access.path == "a" || access.path == "b" || access.path == "c"));
  }
}

TEST_CASE("scan: a signal ends it while readers are under way", "[scan][threads]") {
  MemoryTree tree;
  fill(tree, 5);
  for (const unsigned last : {1U, 7U, 300U}) {
    SharedTree shared(tree);
    shared.set_delay(1ms);
    ScanOptions options = portable("p");
    options.readers = 4;
    options.progress = [&](std::uint64_t entries) {
      if (entries >= last) throw Error(ErrorKind::canceled, "interrupted");
    };
    CHECK(failed([&] { sealed(shared, options); }).kind() == ErrorKind::canceled);
  }
}

TEST_CASE("scan: a source that hangs in a reader does not keep a signal away", "[scan][threads]") {
  MemoryTree tree;
  tree.add_directory("d");
  SharedTree shared(tree);
  shared.set_delay(450ms);
  ScanOptions options = portable("p");
  options.readers = 1;
  int calls = 0;
  options.progress = [&](std::uint64_t entries) {
    // The reader comes first.
    if (entries == 2 && ++calls == 1) std::this_thread::sleep_for(100ms);
  };
  sealed(shared, options);
  CHECK(calls >= 3);
}
