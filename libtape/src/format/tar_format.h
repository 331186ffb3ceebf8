// tar headers: ustar, and pax `x` where ustar cannot say it.
//
// In, out: bytes and Members; pure.
// Spec:    docs/format.md §1; POSIX.1-2017 pax, "ustar Interchange Format".
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "tape/bytes.h"
#include "tape/member.h"
#include "tape/tar_header.h"

namespace tape {

// The ustar block alone, which says all of a member whose name needs no pax but for its extras.
Bytes encode_ustar_block(const Member& member);

// A pax `g` header for a body of `size` bytes (docs/format.md §2, "Filling").
Bytes encode_comment_header(ByteCount size);

// Bytes of all header blocks of the member whose first one this is: at most kHeaderSizeMax.
// Fails: Error{corrupt}: no ustar header.
ByteCount header_size(ByteView first_block);

// The inverse: the header blocks of one member, whole. mtime has no nanoseconds.
// Fails: Error{corrupt} with what contradicts docs/format.md §1.
Member decode_header(ByteView blocks);

// The parts of a ustar name, or none when the name needs pax.
struct UstarName {
  std::string_view prefix;
  std::string_view name;
};
std::optional<UstarName> split_name(std::string_view name);

// The pax value SCHILY.acl.*: the text of a system.posix_acl_* attribute, or none when its bytes
// are not what Linux writes.
std::optional<std::string> acl_text(std::string_view xattr);

}  // namespace tape
