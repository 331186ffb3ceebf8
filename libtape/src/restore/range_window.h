// A read-ahead buffer over a RangeSource: few, large requests for readers that take small bites.
//
// Threads: one caller at a time.
#pragma once
#include <optional>

#include "tape/io.h"

namespace tape {

class RangeWindow {
 public:
  // `source` must outlive the window.
  explicit RangeWindow(const RangeSource& source) : source_(source) {}

  // The bytes of [at, at + size), which must lie inside the source. Valid until the next view().
  ByteView view(GzOffset at, ByteCount size);

  // From now on a miss inside `range` reads on up to its end, at most `most` bytes at once.
  void expect(GzRange range, ByteCount most);

  // What is asked for next is read from the source.
  void forget() {
    bytes_.clear();
    source_.distrust();
  }

  bool holds(GzOffset at, ByteCount size) const;
  // How many bytes from `at` on it holds.
  ByteCount held(GzOffset at) const {
    return at >= begin_ && at < begin_ + bytes_.size() ? begin_ + bytes_.size() - at : 0;
  }
  // Of what it holds.
  void copy(GzOffset at, MutableBytes out) const;
  const RangeSource& source() const { return source_; }

 private:
  const RangeSource& source_;
  GzOffset begin_;
  Bytes bytes_;
  GzRange expected_;
  ByteCount most_ = 0;
};

}  // namespace tape
