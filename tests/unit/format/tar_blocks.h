// What tests of tar_format read in header blocks, and write into them.
#pragma once
#include <string>
#include <string_view>

#include "support/samples.h"
#include "tape/bytes.h"
#include "tape/member.h"

namespace tape {

inline constexpr std::size_t kNameAt = 0;
inline constexpr std::size_t kModeAt = 100;
inline constexpr std::size_t kUidAt = 108;
inline constexpr std::size_t kGidAt = 116;
inline constexpr std::size_t kSizeAt = 124;
inline constexpr std::size_t kMtimeAt = 136;
inline constexpr std::size_t kChecksumAt = 148;
inline constexpr std::size_t kTypeAt = 156;
inline constexpr std::size_t kLinknameAt = 157;
inline constexpr std::size_t kMagicAt = 257;
inline constexpr std::size_t kUnameAt = 265;
inline constexpr std::size_t kGnameAt = 297;
inline constexpr std::size_t kDevmajorAt = 329;
inline constexpr std::size_t kPrefixAt = 345;

// Overwrites part of a block.
inline void put(Bytes& block, std::size_t at, std::string_view bytes) {
  std::copy(bytes.begin(), bytes.end(), block.begin() + static_cast<std::ptrdiff_t>(at));
}

// Makes the checksum of the block at `at` right again.
inline void seal(Bytes& blocks, std::size_t at = 0) {
  put(blocks, at + kChecksumAt, "        ");
  unsigned sum = 0;
  for (std::size_t i = at; i < at + 512; ++i)
    sum += blocks[i];
  std::string digits(6, '0');
  for (std::size_t i = 6; i-- > 0; sum /= 8)
    digits[i] = static_cast<char>('0' + sum % 8);
  put(blocks, at + kChecksumAt, digits + std::string("\0 ", 2));
}

inline bool has_pax(ByteView header) {
  return header[kTypeAt] == 'x';
}

// The ustar block of the member itself.
inline std::string ustar_of(ByteView header) {
  return as_text(header.last(512));
}

inline std::string field(ByteView header, std::size_t at, std::size_t size) {
  return ustar_of(header).substr(at, size);
}

// A NUL-padded text.
inline std::string text_field(ByteView header, std::size_t at, std::size_t size) {
  const std::string whole = field(header, at, size);
  return whole.substr(0, whole.find('\0'));
}

// The body of the pax header; empty without one.
inline std::string pax_of(ByteView header) {
  if (!has_pax(header)) return "";
  const std::string digits = as_text(header.subspan(kSizeAt, 11));
  return as_text(header.subspan(512, std::stoul(digits, nullptr, 8)));
}

}  // namespace tape
