#include <algorithm>
#include <limits>
#include <vector>

#include <isa-l.h>

#include "base/assert.h"
#include "codec/deflate.h"

namespace tape {
namespace {

// docs/format.md §3: bytes of working room a level.
constexpr std::uint32_t kLevelRoom[] = {ISAL_DEF_LVL0_LARGE, ISAL_DEF_LVL1_LARGE,
                                        ISAL_DEF_LVL2_LARGE, ISAL_DEF_LVL3_LARGE};

class IsalDeflater final : public Deflater {
 public:
  explicit IsalDeflater(int level)
      : level_(static_cast<std::uint32_t>(level)), room_(kLevelRoom[level_]) {}

  void deflate(ByteView in, Bytes& out) override {
    TAPE_ASSERT(in.size() <= std::numeric_limits<std::uint32_t>::max() / 2);  // a page is 1 GiB
    const std::size_t at = out.size();
    out.resize(at + bound(in.size()));
    isal_deflate_stateless_init(&stream_);
    stream_.level = level_;
    stream_.level_buf = room_.data();
    stream_.level_buf_size = static_cast<std::uint32_t>(room_.size());
    stream_.gzip_flag = IGZIP_DEFLATE;
    stream_.end_of_stream = 1;
    stream_.flush = NO_FLUSH;
    stream_.next_in = const_cast<std::uint8_t*>(in.data());
    stream_.avail_in = static_cast<std::uint32_t>(in.size());
    stream_.next_out = out.data() + at;
    stream_.avail_out = static_cast<std::uint32_t>(out.size() - at);
    const int outcome = isal_deflate_stateless(&stream_);
    TAPE_ASSERT(outcome == COMP_OK && stream_.avail_in == 0);  // the bound is always enough
    out.resize(out.size() - stream_.avail_out);
  }

  // It falls back on stored blocks (RFC 1951 §3.2.4) where nothing shrinks.
  std::size_t bound(std::size_t size) override {
    constexpr std::size_t kStoredMax = 65535;
    constexpr std::size_t kStoredHeader = 5;
    return size + kStoredHeader * std::max<std::size_t>(1, (size + kStoredMax - 1) / kStoredMax);
  }

 private:
  std::uint32_t level_;
  std::vector<std::uint8_t> room_;
  isal_zstream stream_{};
};

}  // namespace

std::unique_ptr<Deflater> make_isal_deflater(int level) {
  return std::make_unique<IsalDeflater>(level);
}

std::string version_of_isal() {
  return std::to_string(ISAL_MAJOR_VERSION) + "." + std::to_string(ISAL_MINOR_VERSION) + "." +
         std::to_string(ISAL_PATCH_VERSION);
}

}  // namespace tape
