// scan: the first stage. A tree becomes a sealed catalog.
//
// In:      a SourceTree and the name of the file to make.
// Out:     the catalog, written new beside its place, synced, then renamed over it.
// Limits:  memory: 256 KiB of names for each directory on the way from the root to the current
//          entry, 16 bytes per file with several names, two SQLite caches.
// Threads: one caller.
// Spec:    docs/format.md §1 and "Catalog".
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tape/catalog.h"
#include "tape/source_tree.h"

namespace tape {

struct ScanOptions {
  std::string root;         // absolute and resolved; recorded
  std::string single_file;  // the source is this one file: its last component; else empty
  Metadata metadata = Metadata::portable;
  std::string prefix;  // without final `/`; see default_prefix and check_prefix
  std::optional<std::int64_t> source_date_epoch;  // later mtimes become this second and 0 ns
  std::vector<FileIdentity> own_files;  // ragtape's own open state: passed over with all below
  // Called after each entry with the number so far; may throw Error{canceled}.
  std::function<void(std::uint64_t entries)> progress;
};

// The prefix for a root: the last component of its resolved path; empty for `/` and single files.
std::string default_prefix(const std::string& root, bool single_file);

// Fails: Error{usage} for a leading `/`, an empty, `.` or `..` component, NUL, more than
// kPrefixMax.
void check_prefix(const std::string& prefix);

// Where the catalog is made: written as `temporary` (a new name), then renamed over `path`. With an
// empty `path` it has no name once scan() returns and goes with the Catalog (for `pack`).
struct CatalogPlace {
  std::string temporary;
  std::string path;
};

// Fails: not_found, denied (the root itself); exhausted, io (the catalog);
// unsupported (a tape past 2^62 - 1 bytes). What is wrong with single entries is recorded.
std::unique_ptr<Catalog> scan(SourceTree& tree,
                              const CatalogPlace& place,
                              const ScanOptions& options);

}  // namespace tape
