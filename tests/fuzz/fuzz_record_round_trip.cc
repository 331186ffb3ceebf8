// Records of the member index: any body is decoded or refused; what is encoded is decoded as it
// was.
#include <algorithm>

#include "format/member_index_format.h"
#include "format/ragzip_format.h"
#include "fuzz/fuzz.h"

namespace {

void decode_bodies(tape::ByteView body) {
  fuzz::decodes_or_refuses([&] {
    tape::RecordDecoder decoder(body);
    tape::MemberRecord before;
    for (bool first = true; !decoder.at_end(); first = false)
      before = decoder.member(first ? nullptr : &before);
  });
  fuzz::decodes_or_refuses([&] {
    tape::RecordDecoder decoder(body);
    tape::ChildRecord before;
    for (bool first = true; !decoder.at_end(); first = false)
      before = decoder.child(first ? nullptr : &before);
  });
}

tape::MemberRecord record_from(fuzz::Values& values) {
  tape::MemberRecord record;
  record.path = values.name(tape::kMemberNameMax);
  record.type = static_cast<tape::MemberType>('0' + values.number_below(7));
  record.flags = static_cast<std::uint8_t>(values.number(1));
  // The members of a volume lie within 2^62 bytes of each other.
  record.offset = static_cast<std::int64_t>(values.number_below(tape::kLogicalSizeMax / 2));
  if (values.number(1) % 4 == 0) record.offset = -record.offset;
  record.header_blocks = 1 + values.number_below(tape::kHeaderSizeMax / tape::kBlockSize);
  if (record.type == tape::MemberType::regular)
    record.size = values.number_below(tape::kLogicalSizeMax);
  record.mode = static_cast<std::uint32_t>(values.number_below(010000));
  // Varints are below 2^63, so a second is within 62 bits and a sign.
  record.mtime.seconds = static_cast<std::int64_t>(values.number(8)) >> 1;
  record.mtime.nanoseconds = static_cast<std::uint32_t>(values.number_below(1'000'000'000));
  if (record.has(tape::kRecordOwner)) {
    record.uid = values.number(8) >> 1;
    record.gid = values.number(4);
  }
  if (record.has(tape::kRecordTarget)) record.target = values.text(tape::kMemberNameMax);
  if (record.has(tape::kRecordHash)) {
    for (std::uint8_t& byte : record.hash)
      byte = static_cast<std::uint8_t>(values.number(1));
  }
  record.pages.begin = tape::GzOffset(values.number_below(tape::kLogicalSizeMax));
  record.pages.size = 1 + values.number_below(tape::kLogicalSizeMax - 1);
  return record;
}

void compare(const tape::MemberRecord& a, const tape::MemberRecord& b) {
  fuzz::must(a.path == b.path, "path");
  fuzz::must(a.type == b.type && a.flags == b.flags, "type and flags");
  fuzz::must(a.offset == b.offset, "offset");
  fuzz::must(a.header_blocks == b.header_blocks, "header blocks");
  fuzz::must(a.size == b.size, "size");
  fuzz::must(a.mode == b.mode && a.mtime == b.mtime, "mode and mtime");
  fuzz::must(a.uid == b.uid && a.gid == b.gid, "owner");
  fuzz::must(a.target == b.target && a.hash == b.hash, "target and hash");
  fuzz::must(a.pages.begin == b.pages.begin && a.pages.size == b.pages.size, "pages");
}

void round_trip(fuzz::Values values) {
  std::vector<tape::MemberRecord> records;
  while (!values.at_end() && records.size() < 50)
    records.push_back(record_from(values));
  std::sort(records.begin(), records.end(),
            [](const auto& a, const auto& b) { return tape::path_before(a.path, b.path); });
  records.erase(std::unique(records.begin(), records.end(),
                            [](const auto& a, const auto& b) { return a.path == b.path; }),
                records.end());
  tape::Bytes body;
  for (std::size_t i = 0; i < records.size(); ++i)
    tape::append_record(body, records[i], i == 0 ? nullptr : &records[i - 1]);
  tape::RecordDecoder decoder(body);
  for (std::size_t i = 0; i < records.size(); ++i)
    compare(decoder.member(i == 0 ? nullptr : &records[i - 1]), records[i]);
  fuzz::must(decoder.at_end(), "nothing is left");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tape::ByteView input(data, size);
  decode_bodies(input);
  round_trip(fuzz::Values(input));
  return 0;
}
