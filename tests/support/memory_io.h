// ByteSink and RangeSource in memory.
//
// Threads: SharedSource: any; the others one caller at a time.
#pragma once
#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tape/io.h"

namespace tape {

// Keeps what was written in `bytes`.
class MemorySink final : public ByteSink {
 public:
  void write(ByteView more) override {
    if (finished) throw std::logic_error("write() after finish()");
    bytes.insert(bytes.end(), more.begin(), more.end());
    ++writes;
  }
  void finish() override {
    if (finished) throw std::logic_error("finish() twice");
    finished = true;
  }

  Bytes bytes;
  std::uint64_t writes = 0;
  bool finished = false;
};

// Reads `bytes`, which must outlive it and may change, and records each read.
class MemorySource final : public RangeSource {
 public:
  explicit MemorySource(const Bytes& bytes, std::string name = "memory")
      : bytes_(bytes), name_(std::move(name)) {}
  explicit MemorySource(Bytes&&, std::string = {}) = delete;

  ByteCount size() const override { return bytes_.size(); }
  std::string name() const override { return name_; }
  // A read outside of the object is a bug of the caller, not an Error.
  void read_at(GzOffset at, MutableBytes out) const override {
    if (at.value() > size() || out.size() > size() - at.value())
      throw std::logic_error("read of " + std::to_string(out.size()) + " bytes at " +
                             std::to_string(at.value()) + " of " + std::to_string(size()));
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at.value()), out.size(), out.begin());
    reads.push_back({at, out.size()});
  }

  ByteCount bytes_read() const {
    ByteCount sum = 0;
    for (const GzRange& read : reads)
      sum += read.size;
    return sum;
  }

  mutable std::vector<GzRange> reads;

 private:
  const Bytes& bytes_;
  std::string name_;
};

// Reads `bytes`, which must outlive it, for any number of threads at once.
class SharedSource final : public RangeSource {
 public:
  explicit SharedSource(const Bytes& bytes, std::string name = "memory")
      : bytes_(bytes), name_(std::move(name)) {}
  explicit SharedSource(Bytes&&, std::string = {}) = delete;

  ByteCount size() const override { return bytes_.size(); }
  std::string name() const override { return name_; }
  void read_at(GzOffset at, MutableBytes out) const override {
    if (at.value() > size() || out.size() > size() - at.value())
      throw std::logic_error("read of " + std::to_string(out.size()) + " bytes at " +
                             std::to_string(at.value()) + " of " + std::to_string(size()));
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at.value()), out.size(), out.begin());
  }

 private:
  const Bytes& bytes_;
  std::string name_;
};

// An append-only sink and reads of what was appended to it: what a LeafSpool takes.
struct MemorySpool {
  MemorySink out;
  MemorySource in{out.bytes, "spool"};
};

}  // namespace tape
