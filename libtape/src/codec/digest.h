// XXH3 digests in canonical form.
//
// Threads: one caller at a time for each object.
// Spec:    docs/format.md §1 "Fingerprint", §4.
#pragma once
#include <memory>
#include <string>

#include "tape/bytes.h"
#include "tape/digest.h"

namespace tape {

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

  // The state as bytes for another process with the same version of the library. load() says
  // false, and changes nothing, when `saved` is of another version or no state at all.
  Bytes save() const;
  bool load(ByteView saved);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Hash128 xxh3_128(ByteView bytes);

}  // namespace tape
