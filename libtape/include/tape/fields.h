// Fields of a saved state: fixed-width big endian numbers and length-framed bytes, in order.
//
// Fails:   Error{corrupt} when what is read ends early, is too long or has bytes left over.
// Threads: values; no state.
#pragma once
#include <string>
#include <string_view>

#include "tape/bytes.h"
#include "tape/error.h"

namespace tape {

class FieldWriter {
 public:
  explicit FieldWriter(Bytes& out) : out_(out) {}
  void number(std::uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8)
      out_.push_back(static_cast<std::uint8_t>(value >> shift));
  }
  void blob(ByteView bytes) {
    number(bytes.size());
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  void text(std::string_view value) { blob(as_bytes(value)); }

 private:
  Bytes& out_;
};

class FieldReader {
 public:
  // `bytes` must outlive the reader.
  explicit FieldReader(ByteView bytes) : bytes_(bytes) {}
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : take(8))
      value = value << 8 | byte;
    return value;
  }
  // A number that must not be above `limit`: a count, an enum value.
  std::uint64_t number_to(std::uint64_t limit) {
    const std::uint64_t value = number();
    if (value > limit)
      throw Error(ErrorKind::corrupt, "saved state: " + std::to_string(value) + " where at most " +
                                          std::to_string(limit) + " was expected");
    return value;
  }
  ByteView blob() { return take(number()); }
  std::string text() { return as_text(blob()); }
  std::size_t left() const { return bytes_.size(); }
  void expect_end() const {
    if (!bytes_.empty()) throw Error(ErrorKind::corrupt, "saved state: bytes left over");
  }

 private:
  ByteView take(std::uint64_t size) {
    if (size > bytes_.size()) throw Error(ErrorKind::corrupt, "saved state: it ends early");
    const ByteView out = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return out;
  }
  ByteView bytes_;
};

}  // namespace tape
