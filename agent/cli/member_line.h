// MemberLine: what ls and find say of a member, of a record of an archive or an entry of a tape.
//
// Spec:    docs/cli.md, `member`.
#pragma once
#include <cstdint>
#include <optional>

#include "cli/output.h"
#include "tape/member.h"
#include "tape/members.h"

namespace agent {

struct MemberLine {
  tape::Member member;
  std::int64_t offset = 0;  // in the tape; negative in a volume by itself, of what began before it
  std::uint64_t header_blocks = 0;
  bool owner = false;
  std::optional<tape::Hash128> hash;  // of the content, where it is known
};

MemberLine line_of(const tape::Members& members, const tape::MemberRecord& record);
Json json_fields(const MemberLine& line);

}  // namespace agent
