#include "codec/deflate_stream.h"

#include <algorithm>

#include <zlib.h>

#include "base/assert.h"
#include "tape/error.h"

namespace tape {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10;
// zlib counts in 32 bits.
constexpr std::size_t kInputMax = std::size_t{1} << 30;

class ZlibDeflateStream final : public DeflateStream {
 public:
  ZlibDeflateStream(ByteSink& sink, int level) : sink_(sink), out_(kPiece) {
    // The parameters of pages (docs/format.md §3): -15 raw with a 32 KiB window, memLevel 8.
    if (deflateInit2(&stream_, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      throw Error(ErrorKind::exhausted, "zlib: no memory for a compressor");
    stream_.next_out = out_.data();
    stream_.avail_out = static_cast<uInt>(out_.size());
  }
  ZlibDeflateStream(const ZlibDeflateStream&) = delete;
  ZlibDeflateStream& operator=(const ZlibDeflateStream&) = delete;
  ~ZlibDeflateStream() override { deflateEnd(&stream_); }

  void write(ByteView bytes) override {
    while (!bytes.empty()) {
      const ByteView piece = bytes.first(std::min(bytes.size(), kInputMax));
      stream_.next_in = const_cast<Bytef*>(piece.data());
      stream_.avail_in = static_cast<uInt>(piece.size());
      while (stream_.avail_in > 0) {
        const int outcome = ::deflate(&stream_, Z_NO_FLUSH);
        TAPE_ASSERT(outcome == Z_OK);  // there is input, and room for output
        if (stream_.avail_out == 0) pass_on();
      }
      bytes = bytes.subspan(piece.size());
    }
  }

  void finish() override {
    int outcome = Z_OK;
    while (outcome != Z_STREAM_END) {
      outcome = ::deflate(&stream_, Z_FINISH);
      TAPE_ASSERT(outcome == Z_OK || outcome == Z_STREAM_END);
      pass_on();
    }
  }

 private:
  void pass_on() {
    const std::size_t size = out_.size() - stream_.avail_out;
    if (size > 0) sink_.write(ByteView(out_).first(size));
    stream_.next_out = out_.data();
    stream_.avail_out = static_cast<uInt>(out_.size());
  }

  ByteSink& sink_;
  Bytes out_;
  z_stream stream_{};
};

}  // namespace

std::unique_ptr<DeflateStream> make_deflate_stream(ByteSink& sink, int level) {
  return std::make_unique<ZlibDeflateStream>(sink, level);
}

}  // namespace tape
