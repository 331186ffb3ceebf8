// Uploads and unfinished snapshots that nobody continues: what a lost machine, or a run that was
// given up, left in a store. They are in no listing of snapshots, and cost as much as what they
// hold.
//
// Threads: one caller.
// Spec:    docs/format.md §5 "Deleting"; docs/operations.md "Lifecycle rules".
#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "net/clock.h"
#include "store/object_store.h"

namespace agent {

// How long an interrupted backup may wait to be continued.
inline constexpr std::chrono::hours kResumeWindow{7 * 24};

struct StaleOptions {
  std::string set;  // empty: all
  std::chrono::seconds older_than = kResumeWindow;
  std::string state;     // this machine's: what a run here continues stays; empty: there is none
  bool dry_run = false;  // only finds
  std::function<void()> check_stop;                    // may throw Error{canceled}
  std::function<void(const UploadInfo& upload)> gone;  // hears of each; may be empty
};

// Those to volumes that were begun longer ago; what other programs upload to the same bucket is
// theirs. Fails: as the store does; what went is gone.
std::vector<UploadInfo> remove_stale_uploads(ObjectStore& store,
                                             const Clock& clock,
                                             const StaleOptions& options);

// Folders of snapshots of `options.set` without a manifest, begun longer ago by the time in their
// names, into which nothing came since; what a run here continues stays. None is deleted: forget()
// does that. In order.
std::vector<std::string> stale_snapshots(ObjectStore& store,
                                         const Clock& clock,
                                         const StaleOptions& options);

}  // namespace agent
