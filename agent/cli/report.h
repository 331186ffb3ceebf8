// What scan, pack and info say of a tape, in one wording.
#pragma once
#include <string>

#include "cli/output.h"
#include "tape/catalog.h"
#include "tape/counting_source.h"

namespace agent {

// A warning for each recorded problem, and one for what was passed over.
void report_problems(tape::Catalog& catalog, const Output& out);

Json summary_fields(const tape::CatalogSummary& summary);
std::string summary_text(const tape::CatalogSummary& summary);

// `requests` and `bytes_read` of a run that read an archive or a store.
Json reading_fields(const tape::ReadCounts& counts);

}  // namespace agent
