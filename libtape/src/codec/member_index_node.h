// A node of the member index as its gzip member: fields, XXH3-64, deflated records.
//
// Spec:    docs/format.md §4.
#pragma once
#include "codec/deflate.h"
#include "format/member_index_format.h"

namespace tape {

// The whole gzip member. `body` has at most kNodeInflatedMax bytes.
Bytes encode_node(NodeKind kind, std::uint16_t records, ByteView body, Deflater& deflater);

struct Node {
  std::uint16_t records = 0;
  Bytes body;
};
// From the payload of a TM subfield. Fails: corrupt; unsupported for another version.
Node decode_node(ByteView payload, NodeKind kind, Inflater& inflater);

// The payload of extension TMIX, checksum included, and back.
Bytes encode_tmix(const Tmix& tmix);
// None: another version. Fails: corrupt.
std::optional<Tmix> decode_tmix(ByteView payload);

}  // namespace tape
