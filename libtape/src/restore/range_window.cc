#include "restore/range_window.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace tape {

bool RangeWindow::holds(GzOffset at, ByteCount size) const {
  return at >= begin_ && at + size <= begin_ + bytes_.size();
}

void RangeWindow::copy(GzOffset at, MutableBytes out) const {
  TAPE_ASSERT(holds(at, out.size()));
  std::memcpy(out.data(), bytes_.data() + (at - begin_), out.size());
}

void RangeWindow::expect(GzRange range, ByteCount most) {
  expected_ = range;
  most_ = most;
}

ByteView RangeWindow::view(GzOffset at, ByteCount size) {
  TAPE_ASSERT(at.value() <= source_.size() && size <= source_.size() - at.value());
  if (!holds(at, size)) {
    ByteCount wanted = size;
    if (expected_.contains(at)) wanted = std::max(size, std::min(most_, expected_.end() - at));
    wanted = std::min(wanted, source_.size() - at.value());
    // What is there already is not asked for again.
    const GzOffset end = begin_ + bytes_.size();
    const ByteCount kept = at >= begin_ && at < end ? end - at : 0;
    if (kept != 0) std::memmove(bytes_.data(), bytes_.data() + (at - begin_), kept);
    // Empty until the read has succeeded, so that a failure leaves nothing that looks read.
    Bytes bytes = std::exchange(bytes_, {});
    bytes.resize(wanted);
    source_.read_at(at + kept, MutableBytes(bytes).subspan(kept));
    bytes_ = std::move(bytes);
    begin_ = at;
  }
  return ByteView(bytes_).subspan(at - begin_, size);
}

}  // namespace tape
