// forget: a snapshot goes; what others need stays.
//
// Threads: one caller.
// Spec:    docs/format.md §5 "Deleting".
#pragma once
#include <string>
#include <vector>

#include "store/object_store.h"

namespace agent {

struct ForgetReport {
  std::vector<std::string> snapshots;
  std::uint64_t volumes = 0;
  tape::ByteCount bytes = 0;
};

// Deletes the manifest first, then the volumes that no other manifest of the set names. A manifest
// that cannot be read ends it before anything is deleted: it may name any volume. `dry_run`: only
// counts.
ForgetReport forget(ObjectStore& store,
                    const std::string& set,
                    const std::vector<std::string>& snapshots,
                    bool dry_run);

}  // namespace agent
