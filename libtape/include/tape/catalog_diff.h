// The differences of two catalogs, or of a catalog and a sample of its tree.
//
// In:      what was recorded; what was found.
// Limits:  memory: two cursors; of a sample, its entries.
// Threads: one caller at a time.
// Spec:    docs/cli.md "verify", "diff".
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "tape/catalog.h"
#include "tape/source_tree.h"

namespace tape {

struct EntryDifference {
  enum class Kind { added, missing, changed, retyped };
  Kind kind = Kind::changed;
  std::string path;  // below the root; empty: the root
  std::string what;  // of changed and retyped: the fields, divided by commas
};

struct CatalogDiff {
  std::uint64_t added = 0;
  std::uint64_t missing = 0;
  std::uint64_t changed = 0;
  std::uint64_t retyped = 0;
  std::uint64_t same = 0;

  std::uint64_t differences() const { return added + missing + changed + retyped; }
};

using DifferenceVisitor = std::function<void(const EntryDifference&)>;

// Each difference in tape order: kind, size, time to the nanosecond, what the tape has of modes,
// owners, targets, links and xattrs, and content where both have hashes. Not device, inode and
// ctime, which a copy changes. Fails: Error{usage} for catalogs of two profiles.
CatalogDiff compare(Catalog& recorded, Catalog& found, const DifferenceVisitor& visit);

// Entries chosen by `seed`, each as likely as any other.
struct Sample {
  std::uint64_t count = 0;
  std::uint64_t seed = 0;
};

// A sample against the tree: what compare() looks at, but for links and content. Entries that were
// added are not seen.
CatalogDiff compare_sample(Catalog& recorded,
                           SourceTree& tree,
                           const Sample& sample,
                           const DifferenceVisitor& visit);

// The chance in percent that a sample of `looked_at` of `entries` meets one of `changed` entries.
double chance_of_noticing(std::uint64_t entries, std::uint64_t looked_at, std::uint64_t changed);

}  // namespace tape
