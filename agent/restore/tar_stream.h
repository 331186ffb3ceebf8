// tar stream: members of an archive as a tar of their own.
//
// Threads: one caller.
// Spec:    docs/cli.md "restore"; docs/format.md §1.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "restore/restore.h"
#include "restore/select.h"
#include "tape/io.h"
#include "tape/members.h"

namespace agent {

struct TarStreamOptions {
  tape::ByteSink& out;         // is not finished
  bool numeric_owner = false;  // no names of owners
  bool damaged = false;        // members that were torn when the archive was made, too
};

struct TarStreamReport {
  std::uint64_t members = 0;
  std::uint64_t torn = 0;      // of these
  std::uint64_t left_out = 0;  // torn, omitted, or what no tape holds
  tape::ByteCount bytes = 0;   // of file content
  // The stream ends behind this member, without its end blocks: the content that went out does not
  // have the recorded hash.
  std::optional<std::string> wrong_hash;
};

// The wanted members in tape order, as headers of ours and their content, then two blocks of zeros.
// A hard link whose first name is not in the stream has its content. What is left out is told to
// `events`.
// Fails: as the archive and `out` do; corrupt at the first damage. The stream has no end then.
TarStreamReport stream_tar(tape::Members& members,
                           const Wanted& wanted,
                           const TarStreamOptions& options,
                           const RestoreEvents& events);

}  // namespace agent
