// Byte positions, one type per address space.
//
// Units:   bytes.
// Threads: values; no state.
#pragma once
#include <compare>
#include <cstdint>

namespace tape {

using ByteCount = std::uint64_t;

// A position in one address space. Two spaces never mix: Tape + count is Tape, Tape - Tape is a
// count, Tape - Gz does not compile.
template <class Space>
class Offset {
 public:
  constexpr Offset() = default;
  constexpr explicit Offset(std::uint64_t value) : value_(value) {}
  constexpr std::uint64_t value() const { return value_; }

  friend constexpr auto operator<=>(Offset, Offset) = default;
  friend constexpr Offset operator+(Offset at, ByteCount n) { return Offset(at.value_ + n); }
  friend constexpr ByteCount operator-(Offset end, Offset begin) {
    return end.value_ - begin.value_;
  }

 private:
  std::uint64_t value_ = 0;
};

template <class Space>
struct Range {
  Offset<Space> begin;
  ByteCount size = 0;
  constexpr Offset<Space> end() const { return begin + size; }
  constexpr bool contains(Offset<Space> at) const { return begin <= at && at < end(); }
};

using FileOffset = Offset<struct FileSpace>;  // in one source file
using TapeOffset = Offset<struct TapeSpace>;  // in the tar stream; ragzip calls it "logical"
using GzOffset = Offset<struct GzSpace>;      // in one volume's object

using TapeRange = Range<struct TapeSpace>;
using GzRange = Range<struct GzSpace>;

// A position in a volume's slice of the tape, counted from the slice's first byte: what the
// ragzip specification calls a logical offset. Below 2^62 (docs/format.md §3).
using LogicalOffset = Offset<struct LogicalSpace>;

}  // namespace tape
