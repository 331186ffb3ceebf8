// The tree that a run archives: opened, its prefix settled, scanned.
//
// Threads: one caller at a time.
// Spec:    docs/format.md §1; docs/cli.md "Source options".
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tape/catalog.h"
#include "tape/files.h"
#include "tape/scan.h"

namespace agent {

struct SourceOptions {
  std::string path;  // as typed
  tape::Metadata metadata = tape::Metadata::portable;
  std::optional<std::string> prefix;  // as typed; none: the root's name
  std::optional<std::int64_t> source_date_epoch;
};

// Fails: not_found, denied; usage (prefix).
struct Source {
  explicit Source(const SourceOptions& options);

  tape::OpenedTree tree;
  tape::ScanOptions scan_options;

  // Fails: Error{usage} when the file `path`, which need not exist yet, would lie in the tree.
  void must_not_hold(const std::string& path, const std::string& what) const;
};

// SOURCE_DATE_EPOCH of the environment. Fails: Error{usage} unless it is a whole number.
std::optional<std::int64_t> source_date_epoch();

}  // namespace agent
