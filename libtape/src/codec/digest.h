// XXH3 digests in canonical form.
//
// Threads: one caller at a time for each object.
// Spec:    docs/format.md §1 "Fingerprint", §4.
#pragma once
#include <memory>
#include <string>

#include "tape/bytes.h"

namespace tape {

std::uint64_t xxh3_64(ByteView bytes);

// Streaming XXH3-128, seed 0.
class Xxh3Stream {
 public:
  Xxh3Stream();
  ~Xxh3Stream();
  Xxh3Stream(const Xxh3Stream&) = delete;
  Xxh3Stream& operator=(const Xxh3Stream&) = delete;

  void reset();
  void update(ByteView bytes);
  // A run framed by its length as u64 big endian (docs/format.md §1).
  void update_framed(ByteView run);
  Hash128 digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Hash128 xxh3_128(ByteView bytes);

std::string hex(const Hash128& hash);

}  // namespace tape
