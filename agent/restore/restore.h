// restore: members of an archive become files below a target.
//
// Threads: one caller.
// Spec:    docs/cli.md "Safety".
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "restore/restore_log.h"
#include "restore/select.h"
#include "tape/error.h"
#include "tape/extract.h"
#include "tape/members.h"

namespace agent {

enum class Overwrite { never, if_newer, if_changed, always };

struct RestoreOptions {
  std::string target;
  Overwrite overwrite = Overwrite::never;
  bool numeric_owner = false;
  bool dry_run = false;
  bool damaged = false;  // members that were torn when the archive was made, too
  // Of an earlier run of the same command: what is there as recorded counts as restored, and its
  // directories are finished. It must outlive the call; null: nobody keeps one.
  RestoreLog* log = nullptr;
};

struct RestoreReport {
  std::uint64_t restored = 0;
  std::uint64_t left_alone = 0;  // something has the name already
  std::uint64_t unchanged = 0;   // --overwrite if-newer or if-changed saw no reason to replace it
  std::uint64_t torn = 0;        // restored though they are no member's true content
  std::uint64_t failed = 0;      // could not be made, or a part of its metadata was refused
  std::uint64_t damaged = 0;     // its bytes in the archive are wrong
  std::uint64_t wrong_hash = 0;  // of those: the pages are sound, the member's hash is not
  std::uint64_t needs_root = 0;  // restored without what only root may set
  tape::ByteCount bytes = 0;     // of file content
};

// Any member may be empty.
struct RestoreEvents {
  std::function<void(const std::string& what)> warning;  // one member, one sentence
  std::function<void(tape::ByteCount bytes, const std::string& current)>
      progress;  // may throw canceled
  // Asked when a member failed: why nothing more can be read, such as an archive that was taken
  // away. Ends the run.
  std::function<std::optional<tape::Error>()> source_failure;
};

// One member's failure is reported and the rest goes on; a full disk, a signal, and what
// `source_failure` says end the run.
RestoreReport restore(tape::Members& members,
                      const Wanted& wanted,
                      const RestoreOptions& options,
                      const RestoreEvents& events);

}  // namespace agent
