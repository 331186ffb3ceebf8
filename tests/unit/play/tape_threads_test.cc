#include <atomic>
#include <random>
#include <thread>

#include "support/expect.h"
#include "support/samples.h"
#include "support/scanned.h"
#include "support/temporary_folder.h"
#include "tape/files.h"
#include "tape/tape_stream.h"

using namespace tape;
using namespace test;

TEST_CASE("tape_stream: eight threads read one catalog and one tree, each what it asked for",
          "[tape_stream]") {
  const TemporaryFolder folder;
  make_folder(folder / "tree");
  for (int i = 0; i < 40; ++i)
    write_file(
        folder / ("tree/f" + std::to_string(i)),
        as_text(mixed_bytes(static_cast<std::size_t>(i) * 700, static_cast<std::uint64_t>(i))));
  const std::string path = folder / "t.tape";
  {
    const auto source = open_tree(folder / "tree");
    ScanOptions options;
    options.root = source.root;
    options.prefix = "tree";
    scan(*source.tree, {path + ".new", path}, options);
  }
  Bytes whole;
  {
    const auto catalog = Catalog::open(path);
    const auto source = open_tree(folder / "tree");
    whole = played(*catalog, *source.tree);
  }
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> threads;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    threads.emplace_back([&, seed] {
      const auto catalog = Catalog::open(path);
      const auto source = open_tree(folder / "tree");
      TapeStream stream(*catalog, *source.tree, nullptr);
      std::mt19937_64 dice(seed);
      for (int i = 0; i < 200; ++i) {
        const std::size_t at = dice() % whole.size();
        Bytes bytes(dice() % 5000);
        stream.seek(TapeOffset(at));
        bytes.resize(stream.read(bytes));
        const auto begin = whole.begin() + static_cast<std::ptrdiff_t>(at);
        if (!std::equal(bytes.begin(), bytes.end(), begin)) ++wrong;
      }
    });
  }
  threads.clear();
  CHECK(wrong == 0);
}
