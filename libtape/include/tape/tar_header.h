// Members as the header blocks of a tape.
//
// In, out: Members, bytes; pure.
// Spec:    docs/format.md §1; POSIX.1-2017 pax, "ustar Interchange Format".
#pragma once
#include <string>
#include <string_view>

#include "tape/bytes.h"
#include "tape/member.h"

namespace tape {

// Why a member, perhaps of a foreign archive, cannot stand on a tape: a name, target, time or id
// beyond docs/format.md §1, or a header beyond kHeaderSizeMax. Empty: it can.
std::string why_not_on_tape(const Member& member);

// Why no file may have that path below a folder: an empty, `.` or `..` component, or a NUL. Empty:
// one may.
std::string why_no_path(std::string_view path);

// All header blocks of a member that can stand on a tape; with the profile tartape always one.
Bytes encode_header(const Member& member, Profile profile = Profile::ragtape);

// The zeros behind a body of that size.
constexpr ByteCount padding_of(ByteCount size) {
  return (kBlockSize - size % kBlockSize) % kBlockSize;
}

}  // namespace tape
