// The member index: nodes, records, TMIX.
//
// In, out: bytes and values; pure. Deflating and XXH3 are the caller's (codec/member_index_node.h).
// Spec:    docs/format.md §4.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "tape/bytes.h"
#include "tape/member_index.h"

namespace tape {

inline constexpr std::size_t kNodeInflatedMax = 16300;
// XLEN 16384 less the subfield's head.
inline constexpr std::size_t kNodePayloadMax = 16380;
inline constexpr std::size_t kNodeFields = 8;  // in front of the XXH3-64
inline constexpr std::size_t kNodeHead = 16;
inline constexpr std::size_t kTmixFields = 72;  // in front of the XXH3-64
inline constexpr std::size_t kTmixSize = 80;
inline constexpr int kHeightMax = 8;  // 2 records a node at the least, far below in practice

enum class NodeKind : std::uint8_t { leaf = 0, inner = 1 };

// An inner record: a child node.
struct ChildRecord {
  std::string path;  // the child's first
  GzRange place;
};

struct NodeHead {
  NodeKind kind = NodeKind::leaf;
  std::uint16_t records = 0;
  std::uint32_t inflated = 0;
};

// The first kNodeFields bytes of a node's payload.
Bytes encode_node_fields(const NodeHead& head);
// Of a payload whose XXH3-64 was checked. None: another version, to be treated as no member index.
std::optional<NodeHead> decode_node_fields(ByteView payload);

// Appends `record`; `before` is the record in front of it in the node, or null.
void append_record(Bytes& out, const MemberRecord& record, const MemberRecord* before);
void append_record(Bytes& out, const ChildRecord& record, const ChildRecord* before);

// Records of one node's inflated body, in order. Fails: corrupt.
class RecordDecoder {
 public:
  // `body` must outlive the decoder.
  explicit RecordDecoder(ByteView body) : body_(body) {}

  bool at_end() const { return at_ == body_.size(); }
  // The next record; `before` is the one in front of it, or null. Checks order, path and fields.
  MemberRecord member(const MemberRecord* before);
  ChildRecord child(const ChildRecord* before);

 private:
  ByteView take(std::uint64_t size);
  std::uint64_t varint();
  std::int64_t zigzag();
  std::string path(const std::string* before);

  ByteView body_;
  std::size_t at_ = 0;
};

// TMIX without its XXH3-64: kTmixFields bytes.
struct Tmix {
  MemberIndexRoot root;
  std::int64_t logical_size = 0;
  std::int64_t top_index = 0;
};
Bytes encode_tmix_fields(const Tmix& tmix);
// Of a payload of kTmixSize bytes whose XXH3-64 was checked. None: another version.
std::optional<Tmix> decode_tmix_fields(ByteView payload);

}  // namespace tape
