// ContentHash: the XXH3-128 of a file's content, for `scan --hash`.
//
// Limits:  reads at most one byte more than the file has by its stat; one buffer.
// Threads: one caller.
// Spec:    docs/format.md §1, "Catalog".
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "tape/bytes.h"
#include "tape/catalog.h"
#include "tape/source_tree.h"

namespace tape {

class ContentHash {
 public:
  // `earlier` (or null): hashes of files that are as they were then are its. `waiting` is called
  // while a file is read; may throw.
  ContentHash(SourceTree& tree, Catalog* earlier, std::function<void()> waiting)
      : tree_(tree), earlier_(earlier), waiting_(std::move(waiting)) {}

  // None when it is written to meanwhile. Fails: what keeps it from being read.
  std::optional<Hash128> of(const std::string& path, const SourceStat& source);

 private:
  std::optional<Hash128> known(const std::string& path, const SourceStat& source);

  SourceTree& tree_;
  Catalog* const earlier_;
  const std::function<void()> waiting_;
  Bytes buffer_;
};

}  // namespace tape
