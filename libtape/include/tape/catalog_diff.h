// The differences of two catalogs, or of a catalog and a sample of its tree.
//
// In:      what was recorded; what was found.
// Limits:  memory: two cursors and the paths of the recorded problems; of a sample, its entries.
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
  enum class Kind {
    added,
    missing,
    changed,
    retyped,
    unreadable,  // nobody knows: the tree did not let it be looked at
  };
  Kind kind = Kind::changed;
  std::string path;  // below the root; empty: the root
  std::string what;  // of changed and retyped: the fields, divided by commas; of unreadable: why
};

struct CatalogDiff {
  std::uint64_t added = 0;
  std::uint64_t missing = 0;
  std::uint64_t changed = 0;
  std::uint64_t retyped = 0;
  std::uint64_t unreadable = 0;
  // Regular files that are the same but for their content, of which one side has no hash while it
  // has others.
  std::uint64_t not_compared = 0;
  std::uint64_t same = 0;
  std::uint64_t problems = 0;  // of what was found, where the recorded side has none; no sockets

  std::uint64_t differences() const { return added + missing + changed + retyped; }
  // Something could not be looked at, so there may be more differences.
  bool is_incomplete() const { return unreadable + problems > 0; }
};

using DifferenceVisitor = std::function<void(const EntryDifference&)>;

// Each difference in tape order: kind, size, time to the nanosecond, what the tape has of modes,
// owners, targets, links and xattrs, and content where both were hashed: a file that had a hash and
// could not be hashed again, since it was written to meanwhile, has another one. Not device, inode
// and ctime, which a copy changes. `tree`, where `found` comes from it, is asked once for each
// entry that `found` does not have: it may be there, left out by its new size or kind. Fails:
// Error{usage} for catalogs of two profiles.
CatalogDiff compare(Catalog& recorded,
                    Catalog& found,
                    const DifferenceVisitor& visit,
                    SourceTree* tree = nullptr);

// Of a root that was a directory and is a file now, or the other way: itself, and nothing below it.
CatalogDiff retyped_root(const DifferenceVisitor& visit);

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
