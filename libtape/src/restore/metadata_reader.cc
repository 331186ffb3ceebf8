#include "restore/metadata_reader.h"

#include <algorithm>

#include "base/endian.h"
#include "format/gzip_format.h"
#include "tape/error.h"

namespace tape {
namespace {

constexpr ByteCount kEmptyStreamRoom = 32;

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, what);
}

}  // namespace

MetadataReader::MetadataReader(const RangeSource& source, ByteCount tail)
    : tail_(source), window_(source), inflater_(make_libdeflate_inflater()) {
  const ByteCount kept = std::min(source.size(), tail);
  tail_.view(GzOffset(source.size() - kept), kept);
}

ByteView MetadataReader::bytes(GzOffset at, ByteCount size) {
  return (tail_.holds(at, size) ? tail_ : window_).view(at, size);
}

void MetadataReader::read_at(GzOffset at, MutableBytes out) const {
  if (tail_.holds(at, out.size())) return tail_.copy(at, out);
  source().read_at(at, out);
}

MetadataReader::Member MetadataReader::member(GzOffset at, GzOffset limit, const Request& request) {
  const std::string where = std::string(request.what) + " at " + std::to_string(at.value());
  if (limit.value() > source().size() || at >= limit || limit - at < kMetadataOverhead)
    corrupt(where + ": out of place");
  ByteView in = bytes(at, std::min<ByteCount>(limit - at, std::max<ByteCount>(request.expected_size,
                                                                              kMetadataOverhead)));
  // Strict: FLG is FEXTRA and nothing else; MTIME, XFL and OS are free.
  if (in[0] != 0x1F || in[1] != 0x8B || in[2] != 8 || in[3] != 4)
    corrupt(where + ": no gzip member with an EXTRA field alone");
  const std::size_t extra = load_le16(&in[10]);
  const ByteCount whole = 12 + extra + kEmptyBody.size();
  if (extra < kSubfieldHead || limit - at < whole - kEmptyBody.size())
    corrupt(where + ": an EXTRA field of " + std::to_string(extra) + " bytes");
  if (in.size() < whole) in = bytes(at, std::min<ByteCount>(limit - at, whole));
  const std::size_t length = load_le16(&in[14]);
  if (in[12] != static_cast<std::uint8_t>(request.ident[0]) ||
      in[13] != static_cast<std::uint8_t>(request.ident[1]) || length > extra - kSubfieldHead) {
    corrupt(where + ": its first subfield is not " + request.ident);
  }
  const ByteView payload = in.subspan(16, length);
  Member member{Bytes(payload.begin(), payload.end()), GzOffset()};
  const std::size_t body = 12 + extra;
  if (in.size() >= whole && std::equal(kEmptyBody.begin(), kEmptyBody.end(), &in[body])) {
    member.end = at + whole;
    return member;
  }
  // Others write nothing in more than two bytes, as a stored block: look a little further.
  in = bytes(at, std::min<ByteCount>(limit - at, whole + kEmptyStreamRoom)).subspan(body);
  const auto result = inflater_->inflate(in, {});
  if (result.outcome != InflateOutcome::done || in.size() < result.consumed + kTrailerSize ||
      load_be64(in.data() + result.consumed) != 0) {
    corrupt(where + ": not an empty gzip member");
  }
  member.end = at + body + result.consumed + kTrailerSize;
  return member;
}

}  // namespace tape
