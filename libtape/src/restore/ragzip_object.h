// What all readers of one open ragzip object share.
//
// Threads: structure and index by any number; metadata by one caller at a time, who is not in the
//          index meanwhile.
#pragma once
#include "restore/metadata_reader.h"
#include "restore/page_index.h"
#include "restore/ragzip_structure.h"
#include "tape/page_scan.h"

namespace tape {

struct RagzipObject {
  RagzipObject(const RangeSource& source, const IndexOptions& options, ByteCount tail)
      : metadata(source, tail),
        structure(read_structure(metadata)),
        index(metadata, structure, options) {}
  // By its gzip members alone. `scan` is whole.
  RagzipObject(const RangeSource& source, const PageScan& scan)
      : metadata(source, 0),
        structure(structure_of(scan)),
        index(metadata, structure, scan.pages) {}

  MetadataReader metadata;
  RagzipStructure structure;
  PageIndex index;
};

}  // namespace tape
