#include "restore/member_head.h"

#include <algorithm>

#include "base/endian.h"
#include "codec/deflate.h"
#include "format/gzip_format.h"
#include "tape/error.h"

namespace tape {

bool MemberHead::has(Part part) const {
  switch (part) {
    case Part::extra_size:
      return (flags_ & kHasExtra) != 0;
    case Part::extra:
      return wanted_ != 0;
    case Part::name:
      return (flags_ & kHasName) != 0;
    case Part::comment:
      return (flags_ & kHasComment) != 0;
    case Part::crc:
      return (flags_ & kHasCrc) != 0;
    case Part::fixed:
    case Part::done:
      break;
  }
  return true;
}

void MemberHead::next_part() {
  do
    part_ = static_cast<Part>(static_cast<int>(part_) + 1);
  while (!has(part_));
  if (part_ == Part::extra_size || part_ == Part::crc) wanted_ = 2;
}

void MemberHead::end_field() {
  const std::uint32_t crc_before = crc_;
  crc_ = crc32(crc_, field_);
  switch (part_) {
    case Part::fixed:
      // It refuses what is wrong in the first ten bytes; the rest is not there yet.
      decode_gzip_header(field_);
      flags_ = field_[3];
      wanted_ = 0;
      break;
    case Part::extra_size:
      wanted_ = load_le16(field_.data());
      break;
    case Part::extra:
      extra_.swap(field_);
      break;
    case Part::crc:
      if (load_le16(field_.data()) != (crc_before & 0xFFFF))
        throw Error(ErrorKind::corrupt, "gzip member: the CRC16 of its header is wrong");
      break;
    default:
      break;
  }
  field_.clear();
  next_part();
}

std::size_t MemberHead::feed_field(ByteView in) {
  const std::size_t n = std::min(in.size(), wanted_ - field_.size());
  field_.insert(field_.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(n));
  if (field_.size() == wanted_) end_field();
  return n;
}

std::size_t MemberHead::feed_text(ByteView in) {
  const auto end = std::find(in.begin(), in.end(), 0);
  const bool whole = end != in.end();
  const std::size_t n = static_cast<std::size_t>(end - in.begin()) + (whole ? 1 : 0);
  crc_ = crc32(crc_, in.first(n));
  if (whole) next_part();
  return n;
}

std::size_t MemberHead::feed(ByteView in) {
  std::size_t at = 0;
  while (!done() && at < in.size()) {
    const bool text = part_ == Part::name || part_ == Part::comment;
    at += text ? feed_text(in.subspan(at)) : feed_field(in.subspan(at));
  }
  return at;
}

void MemberHead::reset() {
  part_ = Part::fixed;
  wanted_ = kPageHeader.size();
  flags_ = 0;
  crc_ = 0;
  field_.clear();
  extra_.clear();
}

std::string MemberHead::ident() const {
  return payload().data() == nullptr ? std::string() : as_text(ByteView(extra_).first(2));
}

ByteView MemberHead::payload() const {
  if (extra_.size() < kSubfieldHead) return {};
  const std::size_t size = load_le16(&extra_[2]);
  if (size > extra_.size() - kSubfieldHead) return {};
  return ByteView(extra_).subspan(kSubfieldHead, size);
}

}  // namespace tape
