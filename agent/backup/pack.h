// pack: one tree, one archive. scan, play, page, commit.
//
// Threads: one caller.
#pragma once
#include <functional>
#include <string>

#include "backup/source.h"
#include "tape/ragzip_writer.h"
#include "tape/volume.h"

namespace agent {

struct PackOptions {
  SourceOptions source;
  tape::RagzipOptions ragzip;
  std::string output;  // a path, or `-`: standard output
  tape::OnChange on_change = tape::OnChange::stop;
};

// Hears how far a run is; may throw Error{canceled}. Any member may be empty.
struct PackProgress {
  std::function<void(std::uint64_t entries)> scanned;
  std::function<void(tape::Catalog& catalog)> sealed;  // the tape is known now
  std::function<void(tape::ByteCount done, tape::ByteCount total, const std::string& current)>
      played;
  std::function<void(const std::string& what)> warning;  // a member that is not as recorded
};

struct PackSummary {
  tape::CatalogSummary catalog;
  tape::VolumeSummary volume;
  std::uint64_t incomplete = 0;  // members that were omitted or torn
};

// Fails as scan and TapeStream do; usage when the output exists or would lie in the source. After
// any failure there is no output.
PackSummary pack(const PackOptions& options, const PackProgress& progress);

}  // namespace agent
