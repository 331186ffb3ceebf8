#include "format/member_index_format.h"

#include <algorithm>

#include "base/assert.h"
#include "base/endian.h"
#include "format/path_order.h"
#include "format/ragzip_format.h"
#include "tape/error.h"

namespace tape {
namespace {

constexpr std::uint8_t kNodeVersion = 1;
constexpr std::uint16_t kTmixVersion = 1;
constexpr std::uint32_t kNanosecondsMax = 999'999'999;

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, "member index: " + what);
}

// Minimal LEB128, below 2^63.
void append_varint(Bytes& out, std::uint64_t value) {
  TAPE_ASSERT(value >> 63 == 0);
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>((value & 0x7F) | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

void append_zigzag(Bytes& out, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  append_varint(out, value >= 0 ? bits << 1 : ~(bits << 1));
}

void append_text(Bytes& out, std::string_view text) {
  append_varint(out, text.size());
  const ByteView bytes = as_bytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_path(Bytes& out, const std::string& path, const std::string* before) {
  std::size_t shared = 0;
  if (before != nullptr) {
    const std::size_t most = std::min(path.size(), before->size());
    while (shared < most && path[shared] == (*before)[shared])
      ++shared;
  }
  append_varint(out, shared);
  append_text(out, std::string_view(path).substr(shared));
}

std::int64_t difference(GzOffset at, GzOffset before) {
  return static_cast<std::int64_t>(at.value()) - static_cast<std::int64_t>(before.value());
}

// `before` + `step`, which must stay in [low, 2^62).
std::int64_t moved(std::int64_t before, std::int64_t step, std::int64_t low, const char* what) {
  std::int64_t at = 0;
  if (__builtin_add_overflow(before, step, &at) || at < low ||
      at > static_cast<std::int64_t>(kLogicalSizeMax)) {
    corrupt(std::string(what) + " is out of range");
  }
  return at;
}

std::uint64_t at_most(std::uint64_t value, std::uint64_t limit, const char* what) {
  if (value > limit)
    corrupt(std::string(what) + " " + std::to_string(value) + " is above " + std::to_string(limit));
  return value;
}

}  // namespace

bool path_before(std::string_view a, std::string_view b) {
  return compare_paths(a, b) < 0;
}

bool path_within(std::string_view path, std::string_view top) {
  return top.empty() ||
         (path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/'));
}

Member MemberRecord::member() const {
  Member out;
  out.name = name();
  out.type = type;
  out.mode = mode;
  out.uid = uid;
  out.gid = gid;
  out.size = size;
  out.mtime = mtime;
  out.target = target;
  return out;
}

std::string MemberRecord::name() const {
  if (type != MemberType::directory) return path;
  return path.empty() ? "./" : path + "/";
}

Bytes encode_node_fields(const NodeHead& head) {
  Bytes out;
  append_be(out, kNodeVersion, 1);
  append_be(out, static_cast<std::uint8_t>(head.kind), 1);
  append_be(out, head.records, 2);
  append_be(out, head.inflated, 4);
  return out;
}

std::optional<NodeHead> decode_node_fields(ByteView payload) {
  if (payload.size() < kNodeHead) corrupt("a node of " + std::to_string(payload.size()) + " bytes");
  if (payload[0] != kNodeVersion) return {};
  NodeHead head;
  if (payload[1] > 1) corrupt("a node of kind " + std::to_string(payload[1]));
  head.kind = static_cast<NodeKind>(payload[1]);
  head.records = load_be16(&payload[2]);
  head.inflated = load_be32(&payload[4]);
  if (head.records == 0) corrupt("a node without records");
  at_most(head.inflated, kNodeInflatedMax, "a node's inflated length");
  return head;
}

void append_record(Bytes& out, const MemberRecord& record, const MemberRecord* before) {
  append_path(out, record.path, before == nullptr ? nullptr : &before->path);
  out.push_back(static_cast<std::uint8_t>(record.type));
  out.push_back(record.flags);
  append_zigzag(out, record.offset - (before == nullptr ? 0 : before->offset));
  append_varint(out, record.header_blocks);
  append_varint(out, record.size);
  append_varint(out, record.mode);
  append_zigzag(out, record.mtime.seconds);
  append_varint(out, record.mtime.nanoseconds);
  if (record.has(kRecordOwner)) {
    append_varint(out, record.uid);
    append_varint(out, record.gid);
  }
  if (record.has(kRecordTarget)) append_text(out, record.target);
  if (record.has(kRecordHash)) out.insert(out.end(), record.hash.begin(), record.hash.end());
  append_zigzag(
      out, difference(record.pages.begin, before == nullptr ? GzOffset() : before->pages.begin));
  append_varint(out, record.pages.size);
}

void append_record(Bytes& out, const ChildRecord& record, const ChildRecord* before) {
  append_path(out, record.path, before == nullptr ? nullptr : &before->path);
  append_varint(out,
                record.place.begin.value() - (before == nullptr ? 0 : before->place.begin.value()));
  append_varint(out, record.place.size);
}

ByteView RecordDecoder::take(std::uint64_t size) {
  if (size > body_.size() - at_) corrupt("a record passes the end of its node");
  const ByteView bytes = body_.subspan(at_, size);
  at_ += size;
  return bytes;
}

std::uint64_t RecordDecoder::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 63; shift += 7) {
    const std::uint8_t byte = take(1)[0];
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) {
      if (byte == 0 && shift != 0) corrupt("a varint is not minimal");
      return value;
    }
  }
  corrupt("a varint is too large");
}

std::int64_t RecordDecoder::zigzag() {
  const std::uint64_t bits = varint();
  const auto half = static_cast<std::int64_t>(bits >> 1);
  return (bits & 1) != 0 ? -half - 1 : half;
}

std::string RecordDecoder::path(const std::string* before) {
  const std::uint64_t shared =
      at_most(varint(), before == nullptr ? 0 : before->size(), "a shared length");
  const std::uint64_t rest = at_most(varint(), kMemberNameMax - shared, "a path's length");
  std::string path = before == nullptr ? std::string() : before->substr(0, shared);
  path += as_text(take(rest));
  if (before != nullptr && !path_before(*before, path))
    corrupt("paths are not in order at " + shown(path));
  return path;
}

MemberRecord RecordDecoder::member(const MemberRecord* before) {
  MemberRecord record;
  record.path = path(before == nullptr ? nullptr : &before->path);
  const std::uint8_t type = take(1)[0];
  if (type < '0' || type > '6') corrupt("a record of type " + std::to_string(type));
  record.type = static_cast<MemberType>(type);
  record.flags = take(1)[0];
  constexpr auto kOffsetMin = -static_cast<std::int64_t>(kLogicalSizeMax);
  record.offset =
      moved(before == nullptr ? 0 : before->offset, zigzag(), kOffsetMin, "a member's offset");
  record.header_blocks =
      at_most(varint(), kHeaderSizeMax / kBlockSize, "a number of header blocks");
  if (record.header_blocks == 0) corrupt("a member without header blocks");
  record.size = at_most(varint(), kLogicalSizeMax, "a body size");
  if (record.size != 0 && record.type != MemberType::regular) corrupt("a body where there is none");
  record.mode = static_cast<std::uint32_t>(at_most(varint(), 07777, "a mode"));
  record.mtime.seconds = zigzag();
  record.mtime.nanoseconds =
      static_cast<std::uint32_t>(at_most(varint(), kNanosecondsMax, "a number of nanoseconds"));
  if (record.has(kRecordOwner)) {
    record.uid = varint();
    record.gid = varint();
  }
  if (record.has(kRecordTarget))
    record.target = as_text(take(at_most(varint(), kMemberNameMax, "a target's length")));
  if (record.has(kRecordHash)) {
    const ByteView hash = take(record.hash.size());
    std::copy(hash.begin(), hash.end(), record.hash.begin());
  }
  const auto gz = before == nullptr ? 0 : static_cast<std::int64_t>(before->pages.begin.value());
  record.pages.begin =
      GzOffset(static_cast<std::uint64_t>(moved(gz, zigzag(), 0, "a page's offset")));
  record.pages.size = at_most(varint(), kLogicalSizeMax, "a length in the object");
  if (record.pages.size == 0) corrupt("a member without pages");
  return record;
}

ChildRecord RecordDecoder::child(const ChildRecord* before) {
  ChildRecord record;
  record.path = path(before == nullptr ? nullptr : &before->path);
  const auto at = before == nullptr ? 0 : static_cast<std::int64_t>(before->place.begin.value());
  const auto step = static_cast<std::int64_t>(varint());
  record.place.begin = GzOffset(static_cast<std::uint64_t>(moved(at, step, 0, "a node's offset")));
  record.place.size = at_most(varint(), 0xFFFF + 64, "a node's length");
  return record;
}

Bytes encode_tmix_fields(const Tmix& tmix) {
  const MemberIndexRoot& root = tmix.root;
  const bool empty = root.records == 0;
  Bytes out;
  append_be(out, kTmixVersion, 2);
  append_be(out, static_cast<std::uint64_t>(root.height), 2);
  append_be(out, root.records, 8);
  append_be(out, empty ? ~std::uint64_t{0} : root.root.begin.value(), 8);
  append_be(out, root.root.size, 4);
  append_be(out, empty ? ~std::uint64_t{0} : root.leaves.begin.value(), 8);
  append_be(out, root.leaves.size, 8);
  append_be(out, static_cast<std::uint64_t>(tmix.logical_size), 8);
  append_be(out, static_cast<std::uint64_t>(tmix.top_index), 8);
  out.insert(out.end(), root.slice_hash.begin(), root.slice_hash.end());
  TAPE_ASSERT(out.size() == kTmixFields);
  return out;
}

std::optional<Tmix> decode_tmix_fields(ByteView payload) {
  TAPE_ASSERT(payload.size() == kTmixSize);
  if (load_be16(payload.data()) != kTmixVersion) return {};
  Tmix tmix;
  MemberIndexRoot& root = tmix.root;
  root.height = load_be16(&payload[2]);
  root.records = load_be64(&payload[4]);
  const std::uint64_t root_offset = load_be64(&payload[12]);
  root.root = {GzOffset(root_offset), load_be32(&payload[20])};
  const std::uint64_t leaf_offset = load_be64(&payload[24]);
  root.leaves = {GzOffset(leaf_offset), load_be64(&payload[32])};
  tmix.logical_size = static_cast<std::int64_t>(load_be64(&payload[40]));
  tmix.top_index = static_cast<std::int64_t>(load_be64(&payload[48]));
  std::copy_n(&payload[56], root.slice_hash.size(), root.slice_hash.begin());
  if (root.records == 0) {
    const std::uint64_t none = ~std::uint64_t{0};
    if (root.height != 0 || root.root.size != 0 || root.leaves.size != 0 || root_offset != none ||
        leaf_offset != none)
      corrupt("TMIX: fields of an empty index");
    root.root = root.leaves = GzRange();
  } else {
    if (root.height < 1 || root.height > kHeightMax)
      corrupt("TMIX: height " + std::to_string(root.height));
    at_most(root_offset, kLogicalSizeMax, "TMIX: the root's offset");
    at_most(leaf_offset, kLogicalSizeMax, "TMIX: the leaves' offset");
    at_most(root.leaves.size, kLogicalSizeMax, "TMIX: the leaves' length");
  }
  return tmix;
}

}  // namespace tape
