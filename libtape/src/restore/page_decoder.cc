#include "restore/page_decoder.h"

#include <algorithm>
#include <string>

#include "base/endian.h"
#include "base/second_look.h"
#include "format/gzip_format.h"
#include "tape/error.h"

namespace tape {
namespace {

// Stored blocks cost 5 bytes in 65535; the rest is room for a gzip header with a full EXTRA field,
// and for writers that flush often.
ByteCount likely_size(std::size_t inflated) {
  return inflated + inflated / 8 + ByteCount{128} * 1024;
}

// What no sane writer needs for a page: refuse to hold more of a file in memory for it.
ByteCount largest_size(std::size_t inflated) {
  return 4 * likely_size(inflated) + (ByteCount{16} << 20);
}

[[noreturn]] void corrupt(GzOffset at, const std::string& what) {
  throw Error(ErrorKind::corrupt, "page at " + std::to_string(at.value()) + ": " + what);
}

}  // namespace

GzRange PageDecoder::decode(GzRange place, MutableBytes out, Begin begin) {
  return second_look([&] { return decode_once(place, out, begin); }, [&] { window_.forget(); });
}

GzRange PageDecoder::decode_once(GzRange place, MutableBytes out, Begin begin) {
  const std::size_t length = out.size();
  GzOffset at = place.begin;
  GzOffset content = at;
  while (!out.empty()) {
    const Step step = decode_member(at, place.end(), out);
    if (begin == Begin::page && at == place.begin && step.metadata)
      corrupt(at, "holds ragzip metadata where a page should begin");
    if (out.size() == length && step.produced != 0) content = at;
    at = at + step.consumed;
    out = out.subspan(step.produced);
  }
  return {content, at - content};
}

void PageDecoder::expect_empty(GzRange place) {
  for (GzOffset at = place.begin; at < place.end();)
    at = at + decode_member(at, place.end(), {}).consumed;
}

PageDecoder::Step PageDecoder::decode_member(GzOffset at, GzOffset limit, MutableBytes out) {
  const ByteCount room = limit > at ? limit - at : 0;
  // Of small members in a row each would ask for as much as a large one: what is there comes first.
  const ByteCount held = window_.held(at);
  const ByteCount first = held / 4 >= last_size_ ? std::min(room, held) : 0;
  // Most members fit the first guess; only a cut view is worth a second, larger one.
  for (const ByteCount size :
       {first, std::min(room, likely_size(out.size())), std::min(room, largest_size(out.size()))}) {
    if (size == 0) continue;
    const ByteView in = window_.view(at, size);
    const auto header =
        within("page at " + std::to_string(at.value()), [&] { return decode_gzip_header(in); });
    if (!header) continue;
    const auto result = inflater_->inflate(in.subspan(header->size), out);
    if (result.outcome == InflateOutcome::too_long)
      corrupt(at, out.empty()
                      ? "holds content that belongs to no page"
                      : "holds more than the " + std::to_string(out.size()) + " bytes expected");
    if (result.outcome == InflateOutcome::bad_or_cut) continue;
    const std::size_t end = header->size + result.consumed;
    if (in.size() < end + kTrailerSize) continue;
    if (load_le32(&in[end]) != crc32(out.first(result.produced))) corrupt(at, "its CRC32 is wrong");
    if (load_le32(&in[end + 4]) != (result.produced & 0xFFFFFFFF))
      corrupt(at, "its ISIZE is wrong");
    last_size_ = end + kTrailerSize;
    const bool metadata = header->extra && header->extra->size() >= 2 &&
                          (*header->extra)[0] == 'R' && (*header->extra)[1] == 'A';
    return {last_size_, result.produced, metadata};
  }
  corrupt(at, "no whole gzip member with " + std::to_string(out.size()) + " bytes in the " +
                  std::to_string(room) + " bytes up to the next one");
}

}  // namespace tape
