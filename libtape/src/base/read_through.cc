#include <algorithm>
#include <memory>

#include "tape/io.h"

namespace tape {
namespace {

class Through {
 public:
  Through(const RangeSource& source, std::size_t piece) : source_(source), piece_(piece) {}

  std::size_t read(MutableBytes out) {
    if (at_ == buffer_.size()) refill();
    const std::size_t n = std::min(out.size(), buffer_.size() - at_);
    std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(at_), n, out.begin());
    at_ += n;
    return n;
  }

 private:
  void refill() {
    buffer_.resize(std::min<ByteCount>(piece_, source_.size() - next_));
    source_.read_at(GzOffset(next_), buffer_);
    next_ += buffer_.size();
    at_ = 0;
  }

  const RangeSource& source_;
  const std::size_t piece_;
  ByteCount next_ = 0;
  Bytes buffer_;
  std::size_t at_ = 0;
};

}  // namespace

ByteReader read_through(const RangeSource& source, std::size_t piece) {
  // Shared: a function can be copied.
  return [through = std::make_shared<Through>(source, piece)](MutableBytes out) {
    return through->read(out);
  };
}

}  // namespace tape
