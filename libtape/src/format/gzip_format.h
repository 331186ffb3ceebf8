// gzip member headers and trailers.
//
// In, out: bytes and values; pure.
// Spec:    RFC 1952 §2.3; docs/format.md §3.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tape/bytes.h"

namespace tape {

// A data page: no name, no time, XFL 0, OS 255 (unknown).
inline constexpr std::array<std::uint8_t, 10> kPageHeader = {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF};
// The same with FEXTRA: an empty member that carries metadata.
inline constexpr std::array<std::uint8_t, 10> kMetadataHeader = {0x1F, 0x8B, 8, 4, 0,
                                                                 0,    0,    0, 0, 0xFF};
// An empty deflate stream (one fixed block), CRC32 and ISIZE of nothing.
inline constexpr std::array<std::uint8_t, 10> kEmptyBody = {3, 0, 0, 0, 0, 0, 0, 0, 0, 0};
inline constexpr std::size_t kTrailerSize = 8;
// Flags: what stands behind the first ten bytes, in the order EXTRA, name, comment, CRC16.
inline constexpr std::uint8_t kHasCrc = 2;
inline constexpr std::uint8_t kHasExtra = 4;
inline constexpr std::uint8_t kHasName = 8;
inline constexpr std::uint8_t kHasComment = 16;
inline constexpr std::uint8_t kReservedFlags = 0xE0;
// BusyBox gunzip holds that much of an EXTRA field and fails above.
inline constexpr std::size_t kExtraMaxCompatible = 16384;
inline constexpr std::size_t kSubfieldHead = 4;
// Header 10, XLEN 2, subfield head 4, empty body 10: what a metadata member adds to its payload.
inline constexpr std::size_t kMetadataOverhead = 26;

struct GzipMemberHeader {
  std::size_t size = 0;  // bytes from the magic to the deflate stream
  std::uint8_t flags = 0;
  std::optional<ByteView> extra;  // the EXTRA field without XLEN, viewing the input
};

// The header at the beginning of `bytes`; none when `bytes` ends inside of it.
// Fails: Error{corrupt}: no gzip magic, another method, reserved flags.
std::optional<GzipMemberHeader> decode_gzip_header(ByteView bytes);

// An empty member with one subfield of two letters. `payload` fits 65531 bytes.
Bytes encode_metadata_member(const char* ident, ByteView payload);

void append_trailer(Bytes& out, std::uint32_t crc32, std::uint64_t size);

}  // namespace tape
