// tar headers: any blocks are decoded or refused; what is encoded is decoded as it was.
#include "format/tar_format.h"
#include "fuzz/fuzz.h"

namespace {

tape::Member member_from(fuzz::Values& values) {
  tape::Member member;
  constexpr char kTypes[] = {'0', '1', '2', '3', '4', '5', '6'};
  member.type = static_cast<tape::MemberType>(kTypes[values.number_below(sizeof kTypes)]);
  member.name = values.name(tape::kMemberNameMax - 1);
  if (member.type == tape::MemberType::directory) member.name += '/';
  if (member.type == tape::MemberType::symlink || member.type == tape::MemberType::hard_link)
    member.target = values.name(tape::kTargetMax);
  if (member.type == tape::MemberType::regular)
    member.size = values.number_below(std::uint64_t{1} << 62);
  member.mode = static_cast<std::uint32_t>(values.number_below(010000));
  member.uid = values.number_below(std::uint64_t{1} << 32);
  member.gid = values.number_below(std::uint64_t{1} << 32);
  member.uname = values.name(100);
  member.gname = values.name(40);
  member.mtime.seconds = static_cast<std::int64_t>(values.number(8));
  member.device_major = static_cast<std::uint32_t>(values.number(4));
  member.device_minor = static_cast<std::uint32_t>(values.number(4));
  std::string last;
  while (!values.at_end() && member.xattrs.size() < 20) {
    const std::string name = values.name(300);
    if (name <= last) break;
    member.xattrs.push_back({name, values.text(3000)});
    last = name;
  }
  return member;
}

void round_trip(const tape::Member& member) {
  const tape::Bytes blocks = tape::encode_header(member);
  fuzz::must(blocks.size() % tape::kBlockSize == 0, "a header is whole blocks");
  const tape::Member back = tape::decode_header(blocks);
  fuzz::must(back.name == member.name, "name");
  fuzz::must(back.type == member.type, "type");
  fuzz::must(back.mode == member.mode, "mode");
  fuzz::must(back.uid == member.uid && back.gid == member.gid, "ids");
  fuzz::must(back.uname == member.uname && back.gname == member.gname, "owner names");
  fuzz::must(back.size == member.size, "size");
  fuzz::must(back.mtime.seconds == member.mtime.seconds, "mtime");
  fuzz::must(back.target == member.target, "target");
  fuzz::must(back.device_major == member.device_major, "device major");
  fuzz::must(back.device_minor == member.device_minor, "device minor");
  fuzz::must(back.xattrs == member.xattrs, "xattrs");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tape::ByteView input(data, size);
  fuzz::decodes_or_refuses([&] { return tape::decode_header(input); });
  fuzz::Values values(input);
  round_trip(member_from(values));
  return 0;
}
