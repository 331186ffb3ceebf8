// Sealed catalogs of trees, with the options that tests vary.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "support/temporary_folder.h"
#include "tape/catalog.h"
#include "tape/scan.h"

namespace test {

inline tape::ScanOptions portable(const std::string& prefix) {
  tape::ScanOptions options;
  options.root = "/source";
  options.prefix = prefix;
  return options;
}

inline tape::ScanOptions full(const std::string& prefix) {
  tape::ScanOptions options = portable(prefix);
  options.metadata = tape::Metadata::full;
  return options;
}

// A catalog without a name.
inline std::unique_ptr<tape::Catalog> sealed(tape::SourceTree& tree,
                                             const tape::ScanOptions& options) {
  const TemporaryFolder folder;
  return tape::scan(tree, {folder / "tmp", ""}, options);
}

inline std::vector<tape::Entry> entries_of(tape::Catalog& catalog) {
  std::vector<tape::Entry> entries;
  const auto cursor = catalog.entries_from(tape::TapeOffset(0));
  while (auto entry = cursor->next())
    entries.push_back(std::move(*entry));
  return entries;
}

inline std::vector<std::string> member_names(tape::Catalog& catalog) {
  std::vector<std::string> names;
  for (const tape::Entry& entry : entries_of(catalog))
    names.push_back(entry.member.name);
  return names;
}

}  // namespace test
