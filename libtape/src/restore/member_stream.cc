#include "restore/member_stream.h"

#include <algorithm>

#include "base/assert.h"
#include "base/endian.h"
#include "codec/deflate.h"
#include "format/gzip_format.h"
#include "tape/error.h"

namespace tape {

void MemberStream::corrupt(const std::string& what) const {
  throw Error(ErrorKind::corrupt,
              "offset " + std::to_string(member_.place.begin.value()) + ": gzip member: " + what);
}

void MemberStream::fail_cut(GzOffset end) const {
  corrupt("the input ends at " + std::to_string(end.value()) + ", inside of it");
}

void MemberStream::begin(GzOffset at) {
  part_ = Part::head;
  head_.reset();
  inflater_.reset();
  crc_ = 0;
  trailer_.clear();
  member_ = {{at, 0}, 0, {}, {}};
}

std::size_t MemberStream::feed(ByteView in, const Content& content) {
  std::size_t at = 0;
  while (open() && at < in.size()) {
    const std::size_t n = feed_part(in.subspan(at), content);
    at += n;
    member_.place.size += n;
  }
  return at;
}

std::size_t MemberStream::feed_part(ByteView in, const Content& content) {
  if (part_ == Part::body) return feed_body(in, content);
  if (part_ == Part::trailer) return feed_trailer(in);
  const std::size_t n = within("offset " + std::to_string(member_.place.begin.value()),
                               [&] { return head_.feed(in); });
  if (head_.done()) part_ = Part::body;
  return n;
}

std::size_t MemberStream::feed_body(ByteView in, const Content& content) {
  std::size_t at = 0;
  while (true) {
    const auto step = inflater_.step(in.subspan(at), room_);
    at += step.consumed;
    if (step.outcome == StreamInflater::Outcome::bad)
      corrupt("its deflate stream is wrong at or before " +
              std::to_string((member_.place.end() + at).value()));
    const ByteView made = ByteView(room_).first(step.produced);
    crc_ = crc32(crc_, made);
    member_.content_size += made.size();
    if (content && !made.empty()) content(made);
    if (step.outcome == StreamInflater::Outcome::done) {
      part_ = Part::trailer;
      return at;
    }
    if (step.outcome == StreamInflater::Outcome::more_in) return at;
  }
}

std::size_t MemberStream::feed_trailer(ByteView in) {
  const std::size_t n = std::min(in.size(), kTrailerSize - trailer_.size());
  trailer_.insert(trailer_.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(n));
  if (trailer_.size() == kTrailerSize) end();
  return n;
}

void MemberStream::end() {
  if (load_le32(trailer_.data()) != crc_) corrupt("its CRC32 is wrong");
  if (load_le32(&trailer_[4]) != (member_.content_size & 0xFFFFFFFF)) corrupt("its ISIZE is wrong");
  member_.ident = head_.ident();
  const ByteView payload = head_.payload();
  member_.payload.assign(payload.begin(), payload.end());
  part_ = Part::none;
}

}  // namespace tape
