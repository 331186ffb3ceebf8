#include "codec/member_index_node.h"

#include "base/assert.h"
#include "base/endian.h"
#include "codec/digest.h"
#include "format/gzip_format.h"
#include "tape/error.h"

namespace tape {
namespace {

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, "member index: " + what);
}

// Over the fields and the deflated body, which do not stand side by side.
std::uint64_t node_checksum(ByteView fields, ByteView deflated) {
  Bytes covered(fields.begin(), fields.end());
  covered.insert(covered.end(), deflated.begin(), deflated.end());
  return xxh3_64(covered);
}

}  // namespace

Bytes encode_node(NodeKind kind, std::uint16_t records, ByteView body, Deflater& deflater) {
  TAPE_ASSERT(body.size() <= kNodeInflatedMax);
  Bytes deflated;
  deflater.deflate(body, deflated);
  Bytes payload = encode_node_fields({kind, records, static_cast<std::uint32_t>(body.size())});
  append_be(payload, node_checksum(payload, deflated), 8);
  payload.insert(payload.end(), deflated.begin(), deflated.end());
  TAPE_ASSERT(payload.size() <= kNodePayloadMax);
  return encode_metadata_member("TM", payload);
}

Node decode_node(ByteView payload, NodeKind kind, Inflater& inflater) {
  if (payload.size() < kNodeHead) corrupt("a node of " + std::to_string(payload.size()) + " bytes");
  const ByteView deflated = payload.subspan(kNodeHead);
  if (load_be64(&payload[kNodeFields]) != node_checksum(payload.first(kNodeFields), deflated))
    corrupt("a node's XXH3-64 is wrong");
  const auto head = decode_node_fields(payload);
  if (!head)
    throw Error(ErrorKind::unsupported,
                "member index: a node of version " + std::to_string(payload[0]) + ", 1 expected");
  if (head->kind != kind) corrupt("a leaf where an inner node belongs, or the reverse");
  Node node{head->records, Bytes(head->inflated)};
  const auto result = inflater.inflate(deflated, node.body);
  if (result.outcome != InflateOutcome::done || result.consumed != deflated.size() ||
      result.produced != node.body.size()) {
    corrupt("a node's body does not inflate to " + std::to_string(head->inflated) + " bytes");
  }
  return node;
}

Bytes encode_tmix(const Tmix& tmix) {
  Bytes payload = encode_tmix_fields(tmix);
  append_be(payload, xxh3_64(payload), 8);
  return payload;
}

std::optional<Tmix> decode_tmix(ByteView payload) {
  if (payload.size() != kTmixSize)
    corrupt("TMIX of " + std::to_string(payload.size()) + " bytes, 80 expected");
  if (load_be64(&payload[kTmixFields]) != xxh3_64(payload.first(kTmixFields)))
    corrupt("TMIX: its XXH3-64 is wrong");
  return decode_tmix_fields(payload);
}

}  // namespace tape
