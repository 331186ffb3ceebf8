// convert: a tar.gz by others becomes an archive of ours. read, sort, play, page, commit.
//
// Threads: one caller.
// Spec:    docs/cli.md "convert".
#pragma once
#include <cstddef>
#include <string>

#include "tape/foreign_tape.h"
#include "tape/io.h"
#include "tape/ragzip_writer.h"
#include "tape/volume.h"

namespace agent {

struct ConvertOptions {
  tape::RagzipOptions ragzip;
  std::string output;     // a path, or `-`: standard output
  std::size_t piece = 0;  // bytes of the first reading at a time
};

struct ConvertSummary {
  tape::GzipIndexSummary stream;
  std::uint64_t members = 0;
  std::uint64_t left_out = 0;
  tape::ByteCount tape_size = 0;
  tape::VolumeSummary volume;
};

// Fails as ForeignTape does; usage when the output exists. After any failure there is no output.
ConvertSummary convert(const tape::RangeSource& in,
                       const ConvertOptions& options,
                       const tape::ForeignTapeEvents& events);

}  // namespace agent
