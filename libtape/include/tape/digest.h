// Digests of whole buffers, and the digest of an object that is sent in parts.
//
// Threads: values; one caller at a time for each object.
// Spec:    FIPS 180-4; docs/format.md §5 "digest".
#pragma once
#include <array>
#include <memory>
#include <string>

#include "tape/bytes.h"
#include "tape/offset.h"

namespace tape {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(ByteView bytes);

// XXH3, 64 bits, seed 0: finds damage in rows and files of our own.
std::uint64_t xxh3_64(ByteView bytes);

// Two lower case digits a byte.
std::string hex(ByteView bytes);

// `sha256-parts:` and the SHA-256 over the raw SHA-256 of each part, in order.
class PartsDigest {
 public:
  void add(const Sha256& part) { parts_.insert(parts_.end(), part.begin(), part.end()); }
  std::string text() const { return "sha256-parts:" + hex(sha256(parts_)); }

 private:
  Bytes parts_;  // 32 bytes each, at most 10 000 of them
};

}  // namespace tape
