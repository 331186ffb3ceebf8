// One volume of a backup: played, paged, cut, uploaded; begun, continued or only sent.
//
// Threads: one caller.
// Spec:    docs/format.md §3, §6.
#pragma once
#include <functional>
#include <string>

#include "backup/journal.h"
#include "backup/outcomes.h"
#include "backup/set_folder.h"
#include "backup/uploader.h"
#include "tape/tape_stream.h"
#include "tape/volume.h"

namespace agent {

// What the volumes of one run share.
struct VolumeContext {
  UploadContext upload;
  const SetFolder& folder;
  tape::TapeStream& stream;
  Outcomes& outcomes;
  tape::RagzipOptions ragzip;
  tape::Metadata metadata = tape::Metadata::full;
  tape::ByteCount part_size = 0;
  std::function<void(tape::ByteCount sent)>
      progress;                         // after each page and part; may throw canceled
  std::function<void()> before_object;  // before a volume gets its name; may throw; may be empty
};

struct VolumeReport {
  VolumeRow row;
  UploadCounts counts;
  tape::ByteCount bytes_read_again = 0;  // where the volume was started over
};

struct VolumeTask {
  std::uint64_t number = 0;
  tape::TapeRange slice;
  std::string key;          // whole, with the set
  bool in_process = false;  // the stream stands at the slice's first byte; else where the journal's
                            // checkpoint says
};

// Brings tape[slice] into the store under `key`.
VolumeReport send_volume(const VolumeContext& context, const VolumeTask& task);

}  // namespace agent
