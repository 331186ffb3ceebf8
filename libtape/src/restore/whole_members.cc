#include "restore/whole_members.h"

#include <algorithm>
#include <string>

#include "base/endian.h"
#include "format/gzip_format.h"
#include "format/ragzip_format.h"
#include "tape/error.h"

namespace tape {

std::size_t zeros_at_begin(ByteView in) {
  const auto other =
      std::find_if(in.begin(), in.end(), [](std::uint8_t byte) { return byte != 0; });
  return static_cast<std::size_t>(other - in.begin());
}

void MembersSeen::add(ByteCount size,
                      ByteCount content_size,
                      const std::string& ident,
                      ByteView payload) {
  ++members;
  last_footer.clear();
  ragzip = ragzip || ident == "RA";
  if (ident == "RA" && size == kFooterSize && content_size == 0) {
    last_footer.assign(payload.begin(), payload.end());
    // An index or an extension of that size is none: not being a footer is an outcome here.
    const auto refused = failure_of([&] {
      footers.push_back({content, decode_footer(last_footer).logical_size});
    });
    static_cast<void>(refused);
  }
  content += content_size;
}

WholeMembers::Result WholeMembers::inflate(ByteView in, MutableBytes room) {
  Result result;
  while (result.consumed < in.size()) {
    const std::size_t n =
        inflate_member(in.subspan(result.consumed),
                       room.subspan(static_cast<std::size_t>(result.seen.content)), result.seen);
    if (n == 0) break;
    result.consumed += n;
    result.seen.zeros = zeros_at_begin(in.subspan(result.consumed));
    result.consumed += static_cast<std::size_t>(result.seen.zeros);
  }
  return result;
}

// The size of the member at the beginning of `in`; 0 when it is not whole and sound.
std::size_t WholeMembers::inflate_member(ByteView in, MutableBytes room, MembersSeen& seen) {
  head_.reset();
  std::size_t at = 0;
  // What is wrong with it, and whether at all, is said by who reads it as a stream.
  const auto failure = failure_of([&] { at = head_.feed(in); });
  if (failure || !head_.done()) return 0;
  const auto inflated = inflater_->inflate(in.subspan(at), room);
  if (inflated.outcome != InflateOutcome::done) return 0;
  at += inflated.consumed;
  if (in.size() - at < kTrailerSize) return 0;
  if (load_le32(&in[at]) != crc32(room.first(inflated.produced)) ||
      load_le32(&in[at + 4]) != (inflated.produced & 0xFFFFFFFF))
    return 0;
  at += kTrailerSize;
  seen.add(at, inflated.produced, head_.ident(), head_.payload());
  return at;
}

}  // namespace tape
