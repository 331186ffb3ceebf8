#include <algorithm>
#include <climits>

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

  std::size_t bound(std::size_t size) override {
    return deflateBound(&stream_, static_cast<uLong>(size));
  }

 private:
  z_stream stream_{};
};

class ZlibInflater final : public Inflater {
 public:
  ZlibInflater() {
    if (inflateInit2(&stream_, -15) != Z_OK) {
      throw Error(ErrorKind::exhausted, "zlib: no memory for a decompressor");
    }
  }
  ZlibInflater(const ZlibInflater&) = delete;
  ZlibInflater& operator=(const ZlibInflater&) = delete;
  ~ZlibInflater() override { inflateEnd(&stream_); }

  Result inflate(ByteView in, MutableBytes out) override {
    inflateReset(&stream_);
    // Both are bounded by a page and its deflated form, far below 4 GiB.
    stream_.next_in = const_cast<Bytef*>(in.data());
    stream_.avail_in = static_cast<uInt>(std::min<std::size_t>(in.size(), UINT_MAX));
    // zlib wants a pointer even where nothing may be written.
    Bytef nothing = 0;
    stream_.next_out = out.empty() ? &nothing : out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    const int outcome = ::inflate(&stream_, Z_FINISH);
    Result result{InflateOutcome::done, stream_.total_in, stream_.total_out};
    if (outcome == Z_STREAM_END) return result;
    const bool full = outcome == Z_BUF_ERROR && stream_.avail_out == 0 && stream_.avail_in != 0;
    result.outcome = full ? InflateOutcome::too_long : InflateOutcome::bad_or_cut;
    return result;
  }

 private:
  z_stream stream_{};
};

}  // namespace

std::unique_ptr<Deflater> make_zlib_deflater(int level) {
  return std::make_unique<ZlibDeflater>(level);
}

std::unique_ptr<Inflater> make_zlib_inflater() {
  return std::make_unique<ZlibInflater>();
}

std::string version_of_zlib() {
  return zlibVersion();
}

}  // namespace tape
