// decode: the content of a ragzip file, or of any gzip stream.
//
// Threads: one caller; workers of its own.
// Spec:    docs/cli.md "ragzip"; docs/format.md §3.6; RFC 1952.
#pragma once
#include "ragzip/encode.h"
#include "tape/io.h"

namespace agent {

struct DecodeInput {
  const tape::RangeSource* source = nullptr;  // null: a pipe
  tape::ByteReader read;                      // the same from its begin on
};

struct DecodeOptions {
  bool lenient = false;  // by its gzip members alone, whatever its metadata says
  unsigned workers = 0;
};

struct DecodeSummary {
  tape::ByteCount bytes_read = 0;
  tape::ByteCount bytes_written = 0;
  bool ragzip = false;  // metadata of ragzip was there
};

// Finishes the sink. `progress` hears of what was read or, by indexes, of what was written. A file
// with a ragzip footer is read by its indexes, strictly; anything else member by member. Each CRC32
// and length is checked; what was written before a failure is right as far as it goes. Fails:
// corrupt, unsupported; as both ends do.
DecodeSummary decode(const DecodeInput& in,
                     tape::ByteSink& out,
                     const DecodeOptions& options,
                     const BytesProgress& progress);

}  // namespace agent
