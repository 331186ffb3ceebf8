// MemberHead: the header of a gzip member, taken in pieces.
//
// In:      bytes from the magic on, any cutting.
// Out:     the first subfield of its EXTRA field; the CRC16 of the header is checked.
// Limits:  the EXTRA field (64 KiB) in memory; names and comments of any length are passed over.
// Threads: one caller at a time.
// Spec:    RFC 1952 §2.3.
#pragma once
#include <string>

#include "tape/bytes.h"

namespace tape {

class MemberHead {
 public:
  // Takes bytes and returns how many: all of them, or those up to the deflate stream.
  // Fails: Error{corrupt}: no gzip magic, another method, reserved flags, a wrong CRC16.
  std::size_t feed(ByteView in);

  // The header is whole.
  bool done() const { return part_ == Part::done; }
  // From now on another header.
  void reset();

  // Of the first subfield: two letters and what it holds. Both empty where there is none, or where
  // it does not fit the EXTRA field. Once done(); the payload is valid until the next reset().
  std::string ident() const;
  ByteView payload() const;

 private:
  enum class Part { fixed, extra_size, extra, name, comment, crc, done };
  bool has(Part part) const;
  void next_part();
  std::size_t feed_text(ByteView in);
  std::size_t feed_field(ByteView in);
  void end_field();

  Part part_ = Part::fixed;
  Bytes field_;              // of the part that is being taken; not of texts
  std::size_t wanted_ = 10;  // bytes of it
  std::uint8_t flags_ = 0;
  std::uint32_t crc_ = 0;
  Bytes extra_;
};

}  // namespace tape
