// DeflateStream: bytes of any number become one raw deflate stream, by zlib. Push.
//
// In:      bytes in order, any cutting; the stream is the same for all cuttings.
// Out:     to a ByteSink, in pieces of 64 KiB but the last.
// Limits:  memory: zlib's window and hashes (256 KiB), and a piece.
// Threads: one caller at a time.
// Spec:    RFC 1951.
#pragma once
#include <memory>

#include "tape/bytes.h"
#include "tape/io.h"

namespace tape {

class DeflateStream {
 public:
  DeflateStream() = default;
  DeflateStream(const DeflateStream&) = delete;
  DeflateStream& operator=(const DeflateStream&) = delete;
  virtual ~DeflateStream() = default;
  virtual void write(ByteView bytes) = 0;
  // Writes the last block; all of the stream is in the sink then. No write() after this.
  virtual void finish() = 0;
};

// `sink` must outlive it. `level` 1..9, checked by the caller.
std::unique_ptr<DeflateStream> make_deflate_stream(ByteSink& sink, int level);

}  // namespace tape
