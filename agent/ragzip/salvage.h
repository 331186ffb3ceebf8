// salvage: a ragzip file whose end is lost or damaged gets indexes and a footer again, from its
// gzip members alone. No page is deflated anew.
//
// Threads: one caller.
// Spec:    docs/format.md "Without its tail"; docs/cli.md "ragzip".
#pragma once
#include <optional>
#include <string>

#include "ragzip/encode.h"
#include "tape/page_scan.h"
#include "tape/volume.h"

namespace agent {

enum class MemberIndexFate {
  none,     // it is no volume of a tape, or not its beginning
  kept,     // as it was
  rebuilt,  // from the tar headers: without nanoseconds
};

struct SalvageSummary {
  tape::PageScan scan;
  tape::ByteCount bytes_written = 0;
  MemberIndexFate member_index = MemberIndexFate::none;
  std::uint64_t members = 0;
  bool tape_complete = false;  // rebuilt: the end of the tape is there
  std::string why_no_index;    // of what looks like a tape

  // Bytes of the object that are in nothing that was salvaged.
  tape::ByteCount bytes_behind = 0;
  // All of the content is there: its indexes, its footer or the end of the tape say so. Else there
  // may have been more, and nobody knows.
  bool complete = false;
};

struct SalvageOptions {
  tape::PageScanHints hints;
  tape::RagzipOptions ragzip;  // engine and level: of the member index
  BytesProgress progress;      // of twice the size of the object
};

// Finishes the sink. Reads `source` twice. Fails: corrupt when nothing can be salvaged; usage for
// hints that the file contradicts.
SalvageSummary salvage(const tape::RangeSource& source,
                       tape::ByteSink& out,
                       tape::LeafSpool spool,
                       const SalvageOptions& options);

}  // namespace agent
