// CatalogWriter: entries in tape order become a sealed catalog.
//
// In:      what the scan saw, entry by entry, and its problems.
// Out:     the file; it is a catalog when seal() returned.
// Limits:  memory: one SQLite cache.
// Threads: one caller.
// Spec:    docs/format.md §1, "Catalog"; schemas/catalog.sql.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "catalog/entry_row.h"
#include "catalog/layout.h"
#include "codec/digest.h"
#include "db/sqlite.h"

namespace tape {

class CatalogWriter {
 public:
  // `path`: an empty file.
  CatalogWriter(const std::string& path, const TapeSettings& settings);

  // Where the entry begins. Fails: unsupported (a header or a tape beyond its limit).
  TapeOffset add(SeenEntry& seen);
  void add_problem(const std::string& path, const std::string& reason);

  // Fills what the rows determine, writes the summary, closes the file. Not durable yet.
  void seal(CatalogSummary& summary);

  std::uint64_t entries() const { return layout_.entries(); }
  const std::string& path() const { return connection_.path(); }

 private:
  static Connection prepared(const std::string& path);
  std::string path_at(TapeOffset at);
  void write_summary(const CatalogSummary& summary);
  void write_source_options(const std::vector<SourceOption>& options);

  Connection connection_;
  Layout layout_;
  Xxh3Stream problems_;
  TapeSettings settings_;
  std::optional<Statement> insert_;
  std::optional<Statement> problem_;
  std::optional<Statement> path_at_;
};

}  // namespace tape
