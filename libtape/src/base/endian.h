// The only place that knows byte order.
#pragma once
#include <cstdint>

#include "tape/bytes.h"

namespace tape {

template <class Integer>
Integer load_be(const std::uint8_t* from) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) {
    value = static_cast<Integer>(value << 8 | from[i]);
  }
  return value;
}

template <class Integer>
Integer load_le(const std::uint8_t* from) {
  Integer value = 0;
  for (std::size_t i = sizeof value; i-- > 0;) {
    value = static_cast<Integer>(value << 8 | from[i]);
  }
  return value;
}

inline std::uint16_t load_be16(const std::uint8_t* from) {
  return load_be<std::uint16_t>(from);
}
inline std::uint32_t load_be32(const std::uint8_t* from) {
  return load_be<std::uint32_t>(from);
}
inline std::uint64_t load_be64(const std::uint8_t* from) {
  return load_be<std::uint64_t>(from);
}
inline std::uint16_t load_le16(const std::uint8_t* from) {
  return load_le<std::uint16_t>(from);
}
inline std::uint32_t load_le32(const std::uint8_t* from) {
  return load_le<std::uint32_t>(from);
}

inline void append_be(Bytes& out, std::uint64_t value, int width) {
  for (int shift = (width - 1) * 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

inline void append_le(Bytes& out, std::uint64_t value, int width) {
  for (int shift = 0; shift < width * 8; shift += 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

}  // namespace tape
