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
