// A RangeSource that counts what is asked of another one: the figures `requests` and
// `bytes_read` of every summary.
//
// Threads: any number of readers.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "tape/io.h"

namespace tape {

struct ReadCounts {
  std::atomic<std::uint64_t> requests = 0;
  std::atomic<ByteCount> bytes = 0;
};

class CountingSource final : public RangeSource {
 public:
  // `counts`, which several sources may share, must outlive this.
  CountingSource(std::unique_ptr<RangeSource> source, ReadCounts& counts)
      : source_(std::move(source)), counts_(counts) {}

  ByteCount size() const override { return source_->size(); }
  std::string name() const override { return source_->name(); }
  void distrust() const override { source_->distrust(); }
  void read_at(GzOffset at, MutableBytes out) const override {
    ++counts_.requests;
    counts_.bytes += out.size();
    source_->read_at(at, out);
  }

 private:
  std::unique_ptr<RangeSource> source_;
  ReadCounts& counts_;
};

}  // namespace tape
