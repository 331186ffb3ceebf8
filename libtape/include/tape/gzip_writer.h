// GzipWriter: bytes become a plain gzip file of one member, such as any program writes. Push.
//
// In:      bytes in order, any cutting; the file is the same for all cuttings.
// Out:     header without name and time, raw deflate by zlib, CRC32, ISIZE, to a ByteSink.
// Limits:  memory: 0.5 MiB; 2^64 - 1 bytes, of which ISIZE says the size modulo 2^32.
// Threads: one caller at a time.
// Spec:    RFC 1952 §2.3.
#pragma once
#include <cstdint>
#include <memory>

#include "tape/bytes.h"
#include "tape/io.h"
#include "tape/offset.h"

namespace tape {

class DeflateStream;

class GzipWriter {
 public:
  // `sink` must outlive the writer. `level` 1..9. Fails: Error{usage}.
  GzipWriter(ByteSink& sink, int level);
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;

  void write(ByteView bytes);
  // Writes what is left and the trailer. Does not finish the sink. No write() after this.
  void finish();

  ByteCount size() const { return size_; }  // what came in

 private:
  ByteSink& sink_;
  std::unique_ptr<DeflateStream> stream_;
  std::uint32_t crc32_ = 0;
  ByteCount size_ = 0;
};

}  // namespace tape
