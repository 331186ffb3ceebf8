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
  std::vector<tape::SourceOption> source_options;
  // Hears what the source options leave out: path below the root, why. May be empty.
  std::function<void(const std::string&, const std::string&)> excluded;
  tape::Profile profile = tape::Profile::ragtape;
  bool hash = false;
  unsigned readers = 0;  // see tape::ScanOptions
};

// Fails: not_found, denied; usage (prefix).
struct Source {
  explicit Source(const SourceOptions& options);

  tape::OpenedTree tree;
  tape::ScanOptions scan_options;

  void must_not_hold(const std::string& path, const std::string& what) const;
};

// Fails: Error{usage} when the file `path`, which need not exist yet, would lie in the tree.
void must_not_hold(const tape::OpenedTree& tree, const std::string& path, const std::string& what);

// $TMPDIR, else /var/tmp: where nameless files of a run go that has no place of its own.
std::string temporary_folder();

// SOURCE_DATE_EPOCH of the environment. Fails: Error{usage} unless it is a whole number.
std::optional<std::int64_t> source_date_epoch();

}  // namespace agent
