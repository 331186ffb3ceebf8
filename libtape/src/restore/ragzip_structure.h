// What the end of a ragzip object says: geometry and extensions.
//
// Threads: values.
// Spec:    docs/format.md §3.4 to §3.6.
#pragma once
#include <vector>

#include "format/ragzip_format.h"
#include "restore/metadata_reader.h"
#include "tape/page_scan.h"
#include "tape/ragzip_reader.h"

namespace tape {

struct RagzipStructure {
  RagzipGeometry geometry;
  std::vector<RagzipExtension> extensions;  // in the order they were written
};

// Of a footer at `at`.
RagzipGeometry geometry_of(const RagzipFooter& footer, GzOffset at);

// Strict. Fails: corrupt; unsupported (another version, an unknown extension of the specification).
RagzipStructure read_structure(MetadataReader& metadata);

// Of what the gzip members show.
RagzipStructure structure_of(const PageScan& scan);

}  // namespace tape
