// One member's bytes to a sink, checked.
//
// Threads: one caller at a time.
#pragma once
#include <functional>

#include "tape/members.h"

namespace agent {

// The member with the first name of a hard link; of anything else itself.
// Fails: corrupt when a link leads to nothing.
tape::MemberRecord first_of(tape::Members& members, const tape::MemberRecord& record);

// The member in front of a hard link, in the archive, that it leads to: no link and no directory.
// Fails: corrupt when there is none.
tape::MemberRecord first_name_of(tape::Members& members, const tape::MemberRecord& link);

// The regular file that `record` is, or that the hard link leads to.
// Fails: corrupt when a link leads to nothing; unsupported for what has no content.
tape::MemberRecord content_of(tape::Members& members, const tape::MemberRecord& record);

// Writes the body of a regular file; each page's CRC32 was checked before a byte of it leaves.
// Wrong: the whole body does not have the recorded hash; what was written must not be trusted.
tape::HashResult deliver(tape::Members& members,
                         const tape::MemberRecord& record,
                         const std::function<void(tape::ByteView)>& write);

}  // namespace agent
