// Nodes of the member index: the payload as found, and with its XXH3-64 made right, so that what
// lies behind the checksum is reached.
#include <algorithm>
#include <optional>

#include "base/endian.h"
#include "codec/digest.h"
#include "codec/member_index_node.h"
#include "fuzz/fuzz.h"

namespace {

std::optional<tape::Node> decode_with(tape::ByteView payload,
                                      tape::NodeKind kind,
                                      tape::Inflater& inflater) {
  std::optional<tape::Node> node;
  fuzz::decodes_or_refuses([&] {
    node = tape::decode_node(payload, kind, inflater);
    fuzz::must(node->body.size() <= tape::kNodeInflatedMax, "a node is not larger than its limit");
  });
  return node;
}

void decode(tape::ByteView payload) {
  const auto fast = tape::make_libdeflate_inflater();
  const auto strict = tape::make_zlib_inflater();
  for (const tape::NodeKind kind : {tape::NodeKind::leaf, tape::NodeKind::inner}) {
    const auto one = decode_with(payload, kind, *fast);
    const auto other = decode_with(payload, kind, *strict);
    if (other)
      fuzz::must(one && one->body == other->body, "what zlib inflates, libdeflate does too");
  }
}

void repair_checksum(tape::Bytes& payload) {
  if (payload.size() < tape::kNodeHead) return;
  tape::Bytes covered(payload.begin(), payload.begin() + tape::kNodeFields);
  covered.insert(covered.end(), payload.begin() + tape::kNodeHead, payload.end());
  tape::Bytes checksum;
  tape::append_be(checksum, tape::xxh3_64(covered), 8);
  std::copy(checksum.begin(), checksum.end(), payload.begin() + tape::kNodeFields);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tape::ByteView input(data, size);
  decode(input);
  tape::Bytes payload(input.begin(), input.end());
  repair_checksum(payload);
  decode(payload);
  fuzz::decodes_or_refuses([&] { return tape::decode_tmix(input); });
  if (size == tape::kTmixSize) {
    tape::Bytes tmix(input.begin(), input.begin() + tape::kTmixFields);
    tape::append_be(tmix, tape::xxh3_64(tmix), 8);
    fuzz::decodes_or_refuses([&] {
      const auto decoded = tape::decode_tmix(tmix);
      if (decoded) fuzz::must(tape::encode_tmix(*decoded) == tmix, "TMIX comes back as it was");
    });
  }
  return 0;
}
