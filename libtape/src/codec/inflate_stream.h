// StreamInflater: raw inflate in pieces, for streams of any size.
//
// In, out: any cutting of both.
// Limits:  memory: a window of 32 KiB and zlib's tables.
// Threads: one caller at a time.
// Spec:    RFC 1951.
#pragma once
#include <memory>

#include "tape/bytes.h"

namespace tape {

class StreamInflater {
 public:
  StreamInflater();
  ~StreamInflater();
  StreamInflater(const StreamInflater&) = delete;
  StreamInflater& operator=(const StreamInflater&) = delete;

  enum class Outcome {
    more_in,   // all of `in` was taken, and there was room left
    more_out,  // `out` is full; the stream may have ended all the same: the next step says so
    block,     // a block has ended, or the first one is to begin; of stop_at_blocks() only
    done,      // the stream has ended; what is behind it in `in` was not taken
    bad,       // no deflate stream
  };
  struct Step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
    Outcome outcome = Outcome::more_in;
  };
  // Goes on from the beginning of `in` into the beginning of `out`. After `done` or `bad` only
  // reset() helps: until then the outcome stays.
  Step step(ByteView in, MutableBytes out);

  // From now on another stream.
  void reset();
  // The same, from a block in its middle: `window`, at most 32 KiB, is the content in front of it;
  // the highest `bits`, 0 to 7, of `byte` are its first ones.
  void reset_at(ByteView window, unsigned bits, std::uint8_t byte);

  // From now on a step ends between two blocks, too.
  void stop_at_blocks() { stop_at_blocks_ = true; }
  // Behind such a step: so many bits of the byte that was consumed last are of the next block.
  unsigned bits_left() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  bool stop_at_blocks_ = false;
};

}  // namespace tape
