// The tail of a volume that closes: what of it is not in the store, in a file beside the journal.
//
// Its hash is XXH3-64 over the XXH3-64s, eight bytes big-endian each, of its pieces of 1 MiB.
// Limits:  memory: one piece, and what next() is asked for.
// Fails:   exhausted, io, denied; as said.
// Threads: one caller at a time.
// Spec:    docs/format.md §6.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "tape/files.h"
#include "tape/io.h"

namespace agent {

class TailHash {
 public:
  void add(tape::ByteView bytes);
  std::uint64_t digest() const;

 private:
  tape::Bytes piece_;   // not full yet
  tape::Bytes pieces_;  // hashes of those in front
};

class TailWriter final : public tape::ByteSink {
 public:
  // In place of what an interrupted run left there.
  explicit TailWriter(const std::string& path);
  void write(tape::ByteView bytes) override;
  // It is on disk, under its name.
  void finish() override;
  std::uint64_t digest() const { return hash_.digest(); }

 private:
  const std::string path_;
  std::unique_ptr<tape::WorkingFile> file_;
  std::uint64_t size_ = 0;
  TailHash hash_;
};

// Read once, from front to end.
class TailReader {
 public:
  // Fails: object_changed when the file is not there, or of another size.
  TailReader(const std::string& path, tape::ByteCount size);
  tape::ByteCount left() const { return size_ - at_; }
  // At most left().
  tape::Bytes next(tape::ByteCount size);
  void skip(tape::ByteCount size);
  // Nothing is left. Fails: object_changed when what was read was not what was written.
  void must_have(std::uint64_t digest) const;

 private:
  [[noreturn]] void damaged(const std::string& what) const;

  const std::string name_;
  const tape::ByteCount size_;
  std::unique_ptr<tape::RangeSource> source_;
  std::uint64_t at_ = 0;
  TailHash hash_;
};

}  // namespace agent
