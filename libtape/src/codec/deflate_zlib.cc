#include <zlib.h>

#include "base/assert.h"
#include "codec/deflate.h"
#include "tape/error.h"

namespace tape {
namespace {

class ZlibDeflater final : public Deflater {
 public:
  explicit ZlibDeflater(int level) {
    // docs/format.md §3: -15 raw with a 32 KiB window, memLevel 8.
    if (deflateInit2(&stream_, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw Error(ErrorKind::exhausted, "zlib: no memory for a compressor");
    }
  }
  ZlibDeflater(const ZlibDeflater&) = delete;
  ZlibDeflater& operator=(const ZlibDeflater&) = delete;
  ~ZlibDeflater() override { deflateEnd(&stream_); }

  void deflate(ByteView in, Bytes& out) override {
    const std::size_t at = out.size();
    // deflateBound is for zlib wrapping too and holds for raw streams.
    out.resize(at + deflateBound(&stream_, static_cast<uLong>(in.size())));
    stream_.next_in = const_cast<Bytef*>(in.data());
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = out.data() + at;
    stream_.avail_out = static_cast<uInt>(out.size() - at);
    const int outcome = ::deflate(&stream_, Z_FINISH);
    TAPE_ASSERT(outcome == Z_STREAM_END);  // the bound is always enough
    out.resize(out.size() - stream_.avail_out);
    deflateReset(&stream_);
  }

 private:
  z_stream stream_{};
};

}  // namespace

std::unique_ptr<Deflater> make_zlib_deflater(int level) {
  return std::make_unique<ZlibDeflater>(level);
}

}  // namespace tape
