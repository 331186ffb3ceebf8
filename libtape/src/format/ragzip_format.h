// ragzip 1.0: geometry, footer, indexes, extensions.
//
// In, out: bytes and values; pure.
// Spec:    docs/format.md §3; the ragzip 1.0 specification.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tape/bytes.h"
#include "tape/error.h"
#include "tape/offset.h"

namespace tape {

inline constexpr std::size_t kFooterSize = 64;
inline constexpr int kPageBitsMin = 9;
inline constexpr int kPageBitsMax = 30;
inline constexpr int kIndexBitsMin = 1;
inline constexpr int kIndexBitsMax = 12;  // 8 · 4096 fits an EXTRA field, 8 · 8192 does not
inline constexpr int kIndexBitsMaxCompatible =
    10;                                // 8 · 1024 + 4 <= 16384 (BusyBox), 8 · 2048 + 4 is not
inline constexpr int kLevelsMax = 53;  // 62 - 9 bits of at least one each
// Offsets into the object fit 63 bits although incompressible pages grow.
inline constexpr ByteCount kLogicalSizeMax = (ByteCount{1} << 62) - 1;
inline constexpr std::size_t kExtensionCountMax = 50;
inline constexpr std::size_t kExtensionPayloadMax = 0x8000;
inline constexpr std::size_t kExtensionHead = 13;

inline constexpr std::uint8_t kSpecificationFlag = 0x80;  // of an extension

struct RagzipFooter {
  int levels = 0;
  int index_bits = 0;
  int page_bits = 0;
  ByteCount logical_size = 0;
  std::int64_t top_index = 0;
  std::int64_t extension_tail = -1;
};

struct ExtensionHead {
  std::int64_t previous = -1;
  std::uint8_t flags = 0;
  std::uint32_t id = 0;
};

// The smallest L with (2^index_bits)^L >= pages.
int levels_for(std::uint64_t pages, int index_bits);
std::uint64_t pages_for(ByteCount logical_size, int page_bits);
// 2^this pages lie below one slot of an index. Above 2^63 one slot covers everything.
constexpr int span_bits(int index_bits, int level) {
  return index_bits * (level - 1) < 63 ? index_bits * (level - 1) : 63;
}

Bytes encode_footer(const RagzipFooter& footer);  // the whole member, kFooterSize bytes
// Hears one rule that is broken.
using BrokenRule = std::function<void(const Error&)>;
// From the payload of the footer's RA subfield. Each broken rule is told; fields behind one may
// mean nothing. Fails: corrupt when it is too short to be looked at.
RagzipFooter decode_footer(ByteView payload, const BrokenRule& broken);
// The same, strict. Fails: with the first broken rule: corrupt; unsupported for another version.
RagzipFooter decode_footer(ByteView payload);

Bytes encode_index(const std::vector<GzOffset>& slots);  // the payload
// Each slot that is not above the one before it and below `own`, and a number of slots other than
// `count`, is told.
std::vector<GzOffset> decode_index(ByteView payload,
                                   std::uint64_t count,
                                   GzOffset own,
                                   const BrokenRule& broken);
// The same, strict. Fails: corrupt.
std::vector<GzOffset> decode_index(ByteView payload, std::uint64_t count, GzOffset own);

Bytes encode_extension(const ExtensionHead& head, ByteView payload);
ExtensionHead decode_extension(ByteView payload);

}  // namespace tape
