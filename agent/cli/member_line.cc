#include "cli/member_line.h"

#include <fmt/format.h>

#include "tape/digest.h"

namespace agent {

Json json_fields(const MemberLine& line) {
  const tape::Member& member = line.member;
  Json out = {
      {"name", json_text(member.name)},
      {"type", std::string(1, static_cast<char>(member.type))},
      {"header_blocks", line.header_blocks},
      {"offset", line.offset},
      {"size", member.size},
      {"mode", fmt::format("{:04o}", member.mode)},
      {"mtime", member.mtime.seconds},
      {"mtime_ns", member.mtime.nanoseconds},
  };
  if (line.owner) {
    out["uid"] = member.uid;
    out["gid"] = member.gid;
  }
  if (!member.target.empty()) out["target"] = json_text(member.target);
  if (line.hash) out["xxh3"] = tape::hex(*line.hash);
  return out;
}

MemberLine line_of(const tape::Members& members, const tape::MemberRecord& record) {
  return {record.member(), members.tape_offset(record), record.header_blocks,
          record.has(tape::kRecordOwner),
          record.has(tape::kRecordHash) ? std::optional(record.hash) : std::nullopt};
}

}  // namespace agent
