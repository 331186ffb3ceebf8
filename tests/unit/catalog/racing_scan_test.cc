#include <atomic>
#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "support/expect.h"
#include "support/sealed.h"
#include "support/shared_tree.h"
#include "support/temporary_folder.h"
#include "tape/files.h"
#include "tape/tape_stream.h"

using namespace tape;
using namespace test;
using namespace std::chrono_literals;

namespace {

// Makes, writes, links, renames, retypes and removes what is in a few directories. What fails,
// fails: the next change is another one.
class Racer {
 public:
  explicit Racer(std::string root) : root_(std::move(root)) {
    for (int i = 0; i < 400; ++i)
      change();
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested())
        change();
    });
  }

  std::uint64_t changes() const { return changes_; }

 private:
  std::string any_path() {
    std::string path = root_;
    for (auto depth = random_() % 3; depth > 0; --depth)
      path += "/d" + std::to_string(random_() % 4);
    return path + "/" + (random_() % 3 == 0 ? "d" : "f") + std::to_string(random_() % 6);
  }

  void change() {
    namespace fs = std::filesystem;
    ++changes_;
    const std::string path = any_path();
    std::error_code ignored;
    switch (random_() % 8) {
      case 0:
      case 1:
        fs::create_directories(path, ignored);
        break;
      case 2:
      case 3:
        std::ofstream(path, std::ios::app) << "content";
        break;
      case 4:
        fs::create_hard_link(any_path(), path, ignored);
        break;
      case 5:
        fs::create_symlink(any_path(), path, ignored);
        break;
      case 6:
        fs::rename(path, any_path(), ignored);
        break;
      default:
        // Whole directories, too; the numbers of their inodes are used again.
        fs::remove_all(path, ignored);
    }
  }

  std::string root_;
  std::mt19937_64 random_{11};
  std::atomic<std::uint64_t> changes_ = 0;
  std::jthread thread_;
};

// Everything is asked of it that a tape is made for.
void check_whole(Catalog& catalog, SourceTree& tree) {
  catalog.check();
  TapeStream stream(catalog, tree, nullptr, OnChange::mark);
  Bytes buffer(1 << 16);
  ByteCount size = 0;
  while (const std::size_t n = stream.read(buffer))
    size += n;
  CHECK(size == catalog.summary().tape_size);
}

}  // namespace

TEST_CASE("scan: a tree that changes under several readers makes a sound tape", "[scan][race]") {
  const TemporaryFolder folder;
  const TemporaryFolder place;
  make_folder(folder / "tree");
  Racer racer(folder / "tree");
  const auto end = std::chrono::steady_clock::now() + 3s;
  int scans = 0;
  for (; std::chrono::steady_clock::now() < end; ++scans) {
    const auto opened = open_tree(folder / "tree");
    ScanOptions options = scans % 2 == 0 ? full("tree") : portable("tree");
    options.root = opened.root;
    options.readers = static_cast<unsigned>(scans % 5);
    options.hash = scans % 3 == 0;
    options.profile = scans % 7 == 6 ? Profile::tartape : Profile::ragtape;
    if (options.profile == Profile::ragtape && scans % 4 == 1)
      options.source_options = {{"ignore-file", "f1"}, {"exclude", "d3/"}};
    const std::string tape = place / std::to_string(scans);
    scan(*opened.tree, {place / "tmp", tape}, options);
    const auto catalog = Catalog::open(tape);
    if (options.profile == Profile::tartape) {
      catalog->check();
    } else {
      check_whole(*catalog, *opened.tree);
    }
    std::filesystem::remove(tape);
  }
  CHECK(scans > 3);
  CHECK(racer.changes() > 1000);
}

TEST_CASE("scan: a directory that goes while readers are ahead is a problem, and no hole",
          "[scan][race]") {
  for (const unsigned readers : {1U, 4U}) {
    for (int victim = 0; victim < 12; ++victim) {
      MemoryTree tree;
      for (int i = 0; i < 12; ++i) {
        tree.add_directory("d" + std::to_string(i));
        for (int j = 0; j < 5; ++j)
          tree.add_file("d" + std::to_string(i) + "/f" + std::to_string(j), "");
      }
      const std::string name = "d" + std::to_string(victim);
      bool there = true;
      tree.before = [&](const MemoryTree::Access& access) {
        if (!there || access != MemoryTree::Access{MemoryTree::Verb::list, name}) return;
        there = false;
        for (int j = 0; j < 5; ++j)
          tree.remove(name + "/f" + std::to_string(j));
        tree.remove(name);
      };
      SharedTree shared(tree);
      ScanOptions options = portable("p");
      options.readers = readers;
      const auto catalog = sealed(shared, options);
      catalog->check();
      CHECK(catalog->summary().problems == 1);
      // The directory was seen; its files are gone, and nobody else's.
      CHECK(catalog->summary().entries == 1 + 12 + 11 * 5);
      CHECK(catalog->find("p/" + name));
    }
  }
}
