// A RangeSource that counts what is asked of another one: the figures `requests` and
// `bytes_read` of every summary.
//
// Threads: any number of readers.
#pragma once
#include <atomic>
#include <string>

#include "tape/io.h"

namespace tape {

class CountingSource final : public RangeSource {
 public:
  // `source` must outlive this.
  explicit CountingSource(const RangeSource& source) : source_(source) {}

  ByteCount size() const override { return source_.size(); }
  std::string name() const override { return source_.name(); }
  void read_at(GzOffset at, MutableBytes out) const override {
    ++requests_;
    bytes_read_ += out.size();
    source_.read_at(at, out);
  }

  std::uint64_t requests() const { return requests_; }
  ByteCount bytes_read() const { return bytes_read_; }

 private:
  const RangeSource& source_;
  mutable std::atomic<std::uint64_t> requests_ = 0;
  mutable std::atomic<ByteCount> bytes_read_ = 0;
};

}  // namespace tape
