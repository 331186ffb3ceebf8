// What scan, pack and info say of a tape, in one wording.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/output.h"
#include "net/transfer_counts.h"
#include "store/object_store.h"
#include "tape/catalog.h"
#include "tape/counting_source.h"

namespace agent {

// A warning for each recorded problem, and one for what was passed over.
void report_problems(tape::Catalog& catalog, const Output& out);

// Says what the source options leave out: with `listed` as a result, else only with -v.
std::function<void(const std::string&, const std::string&)> excluded_report(const Output& out,
                                                                            bool listed);

Json summary_fields(const tape::CatalogSummary& summary);
std::string summary_text(const tape::CatalogSummary& summary);

// The snapshots of a set that nobody named. None: it may not be read, perhaps it is somebody else's
// folder; a warning says so.
std::optional<std::vector<std::string>> readable_snapshots(ObjectStore& store,
                                                           const std::string& set,
                                                           const Output& out);

// Another run holds the set: says so.
ExitCode report_busy(const std::string& set, const Output& out);

// `requests` and `bytes_read` of a run that read an archive or a store.
struct ReadFigures {
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
};
ReadFigures figures_of(const tape::ReadCounts& counts);
ReadFigures figures_of(const TransferCounts& counts);
Json reading_fields(const ReadFigures& figures);

}  // namespace agent
