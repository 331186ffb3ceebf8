#include "codec/deflate.h"

#include <libdeflate.h>

#include "base/assert.h"
#include "tape/error.h"

namespace tape {
namespace {

class LibdeflateDeflater final : public Deflater {
 public:
  explicit LibdeflateDeflater(int level) : engine_(libdeflate_alloc_compressor(level)) {
    if (!engine_) throw Error(ErrorKind::exhausted, "libdeflate: no memory for a compressor");
  }

  void deflate(ByteView in, Bytes& out) override {
    const std::size_t at = out.size();
    out.resize(at + libdeflate_deflate_compress_bound(engine_.get(), in.size()));
    const std::size_t size = libdeflate_deflate_compress(engine_.get(), in.data(), in.size(),
                                                         out.data() + at, out.size() - at);
    TAPE_ASSERT(size != 0);  // the bound is always enough
    out.resize(at + size);
  }

  std::size_t bound(std::size_t size) override {
    return libdeflate_deflate_compress_bound(engine_.get(), size);
  }

 private:
  struct Free {
    void operator()(libdeflate_compressor* engine) const { libdeflate_free_compressor(engine); }
  };
  std::unique_ptr<libdeflate_compressor, Free> engine_;
};

class LibdeflateInflater final : public Inflater {
 public:
  LibdeflateInflater() : engine_(libdeflate_alloc_decompressor()) {
    if (!engine_) throw Error(ErrorKind::exhausted, "libdeflate: no memory for a decompressor");
  }

  Result inflate(ByteView in, MutableBytes out) override {
    Result result;
    switch (libdeflate_deflate_decompress_ex(engine_.get(), in.data(), in.size(), out.data(),
                                             out.size(), &result.consumed, &result.produced)) {
      case LIBDEFLATE_SUCCESS:
        break;
      case LIBDEFLATE_INSUFFICIENT_SPACE:
        result.outcome = InflateOutcome::too_long;
        break;
      default:
        result.outcome = InflateOutcome::bad_or_cut;
    }
    return result;
  }

 private:
  struct Free {
    void operator()(libdeflate_decompressor* engine) const { libdeflate_free_decompressor(engine); }
  };
  std::unique_ptr<libdeflate_decompressor, Free> engine_;
};

}  // namespace

std::unique_ptr<Deflater> make_libdeflate_deflater(int level) {
  return std::make_unique<LibdeflateDeflater>(level);
}

std::unique_ptr<Inflater> make_libdeflate_inflater() {
  return std::make_unique<LibdeflateInflater>();
}

std::uint32_t crc32(ByteView bytes) {
  return crc32(0, bytes);
}

std::uint32_t crc32(std::uint32_t before, ByteView bytes) {
  // Without bytes a span may have no address, for which libdeflate gives the CRC32 of nothing.
  return bytes.empty() ? before : libdeflate_crc32(before, bytes.data(), bytes.size());
}

std::string version_of_libdeflate() {
  return LIBDEFLATE_VERSION_STRING;
}

}  // namespace tape
