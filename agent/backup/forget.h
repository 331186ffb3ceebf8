// forget: a snapshot goes; what others need stays.
//
// Threads: one caller.
// Spec:    docs/format.md §5 "Deleting".
#pragma once
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "backup/set_folder.h"
#include "store/object_store.h"

namespace agent {

struct ForgetReport {
  std::vector<std::string> snapshots;
  std::uint64_t volumes = 0;
  tape::ByteCount bytes = 0;
};

struct ForgetOptions {
  std::string set;
  // Names of snapshots; or of folders without a manifest, which a forget that was interrupted or a
  // backup that nobody continues left.
  std::vector<std::string> snapshots;
  std::vector<std::string> unfinished;  // the same, but of them only what has no manifest goes
  bool dry_run = false;                 // only counts
  bool may_be_gone = false;             // somebody else may forget the same meanwhile
  std::function<void()> check_stop;     // between two deletions; may throw Error{canceled}
  std::function<void(const std::string& snapshot)> gone;  // hears of each when it is; may be empty
  // The set's on this machine, locked, where there is one: a journal goes with its snapshot.
  const SetFolder* folder = nullptr;
};

// One snapshot after the other: its manifest first, then the volumes that no other manifest of the
// set names. The same call completes one that was interrupted. A damaged manifest that is not to go
// ends it before anything is deleted, since it may name any volume; one that is to go takes with it
// what lies in its own folder. Fails also: not_found; usage when a backup commits meanwhile what
// was to go as unfinished.
ForgetReport forget(ObjectStore& store, const ForgetOptions& options);

// Removes the volumes in `<set>/<snapshot>/` and open uploads to there; the snapshot has no
// manifest, and no other one names them.
void remove_unfinished(ObjectStore& store, const std::string& set, const std::string& snapshot);

}  // namespace agent
