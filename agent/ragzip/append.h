// append: more bytes behind the content of a finished ragzip file.
//
// The last page is made again when it is not full, indexes, extensions and footer are replaced: the
// result is what one run over all of the content would have written with the same engine. It
// becomes visible at once, when it is whole and durable; until then the old file stays.
//
// Threads: one caller; workers of its own.
// Spec:    docs/format.md "Appending"; docs/cli.md "ragzip".
#pragma once
#include <string>

#include "ragzip/encode.h"
#include "tape/ragzip_reader.h"

namespace agent {

struct AppendOptions {
  std::string path;
  std::string output;    // empty: in place of `path`
  bool replace = false;  // `output` may be there
  // Page and index size are those of the file.
  tape::RagzipOptions ragzip;
};

struct AppendSummary {
  tape::ByteCount bytes_before = 0;   // of content
  tape::ByteCount bytes_read = 0;     // that came
  tape::ByteCount bytes_written = 0;  // of the new file
  tape::ByteCount bytes_kept = 0;     // of the old file, in front of what was made
  bool member_index_dropped = false;  // it was of a tape's volume
};

// With nothing to append and no `output` the file stays as it is. Fails: corrupt, unsupported as a
// strict reader; usage when another append is under way; object_changed when the file was written
// to meanwhile; the system's kinds. The old file is whole then.
AppendSummary append(const tape::ByteReader& in,
                     const AppendOptions& options,
                     const BytesProgress& progress);

}  // namespace agent
