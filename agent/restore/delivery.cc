#include "restore/delivery.h"

#include "tape/error.h"

namespace agent {

using tape::Error;
using tape::ErrorKind;

tape::MemberRecord first_of(tape::Members& members, const tape::MemberRecord& record) {
  if (record.type != tape::MemberType::hard_link) return record;
  auto first = members.find(record.target);
  if (!first || first->type == tape::MemberType::hard_link)
    throw Error(ErrorKind::corrupt, tape::shown(record.path) + ": a hard link to " +
                                        tape::shown(record.target) +
                                        ", which is not in the archive");
  return *first;
}

tape::MemberRecord first_name_of(tape::Members& members, const tape::MemberRecord& link) {
  auto first = members.find(link.target);
  if (!first || first->type == tape::MemberType::hard_link ||
      first->type == tape::MemberType::directory ||
      members.tape_offset(*first) >= members.tape_offset(link))
    throw Error(ErrorKind::corrupt, "a hard link to " + tape::shown(link.target) +
                                        ", which is no file in front of it in the archive");
  return *first;
}

tape::MemberRecord content_of(tape::Members& members, const tape::MemberRecord& record) {
  tape::MemberRecord out = first_of(members, record);
  if (out.has(tape::kRecordTorn)) {
    throw Error(ErrorKind::unsupported,
                tape::shown(record.name()) +
                    ": was torn when the archive was made: it changed while it was read");
  }
  if (out.type != tape::MemberType::regular)
    throw Error(ErrorKind::unsupported, tape::shown(record.name()) + ": not a regular file");
  return out;
}

tape::HashResult deliver(tape::Members& members,
                         const tape::MemberRecord& record,
                         const std::function<void(tape::ByteView)>& write) {
  const auto member = members.open(record);
  tape::Bytes buffer(tape::kWalkBuffer);
  while (const std::size_t n = member->read(buffer))
    write(tape::ByteView(buffer).first(n));
  return member->finish();
}

}  // namespace agent
