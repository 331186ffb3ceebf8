// Which run a backup is: a new snapshot, or one that was interrupted.
//
// Threads: one caller.
// Spec:    docs/format.md §5, §6; docs/cli.md "Nothing changed".
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "backup/backup.h"
#include "backup/journal.h"
#include "tape/volume_plan.h"

namespace agent {

struct BackupRun {
  std::unique_ptr<tape::Catalog> catalog;
  std::unique_ptr<Journal> journal;  // null: nothing to upload
  bool resumed = false;
  tape::VolumePlan plan;
  tape::ByteCount part_size = 0;
  std::string unchanged;  // the last snapshot, when the tree is as it was then
};

// Opens what an interrupted run left, or scans the tree and begins a journal.
BackupRun open_run(const BackupContext& context, Source& source);

}  // namespace agent
