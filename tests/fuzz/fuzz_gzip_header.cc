// gzip member headers: decoded, too short, or refused; a metadata member gives its payload back.
#include <algorithm>
#include <iterator>

#include "format/gzip_format.h"
#include "fuzz/fuzz.h"

namespace {

void round_trip(tape::ByteView payload) {
  payload = payload.first(std::min<std::size_t>(payload.size(), 0xFFFF - tape::kSubfieldHead));
  const tape::Bytes member = tape::encode_metadata_member("TM", payload);
  const auto header = tape::decode_gzip_header(member);
  fuzz::must(header && header->extra, "a metadata member has an EXTRA field");
  const tape::ByteView extra = header->extra->subspan(tape::kSubfieldHead);
  fuzz::must(std::equal(extra.begin(), extra.end(), payload.begin(), payload.end()), "payload");
  fuzz::must(member.size() - header->size == tape::kEmptyBody.size(), "an empty body follows");
  // A header that is cut is too short, never another one.
  for (std::size_t size : {header->size - 1, std::size_t{11}, std::size_t{9}, std::size_t{0}})
    fuzz::must(!tape::decode_gzip_header(tape::ByteView(member).first(size)), "a cut header");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tape::ByteView input(data, size);
  fuzz::decodes_or_refuses([&] {
    const auto header = tape::decode_gzip_header(input);
    if (!header) return;
    fuzz::must(header->size >= tape::kPageHeader.size() && header->size <= size, "size in range");
    if (header->extra && !header->extra->empty())
      fuzz::must(header->extra->data() >= data &&
                     header->extra->data() + header->extra->size() <= data + header->size,
                 "EXTRA lies in the header");
  });
  round_trip(input);
  return 0;
}
