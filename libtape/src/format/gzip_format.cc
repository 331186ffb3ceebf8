#include "format/gzip_format.h"

#include <algorithm>
#include <string>

#include "base/assert.h"
#include "base/endian.h"
#include "tape/error.h"

namespace tape {
namespace {

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, "gzip member: " + what);
}

}  // namespace

std::optional<GzipMemberHeader> decode_gzip_header(ByteView bytes) {
  if (bytes.size() < kPageHeader.size()) return {};
  if (bytes[0] != 0x1F || bytes[1] != 0x8B) corrupt("no gzip magic");
  if (bytes[2] != 8) corrupt("compression method " + std::to_string(bytes[2]) + ", not deflate");
  GzipMemberHeader header;
  header.flags = bytes[3];
  if ((header.flags & kReservedFlags) != 0) corrupt("reserved flags are set");
  std::size_t at = kPageHeader.size();
  if ((header.flags & kHasExtra) != 0) {
    if (bytes.size() < at + 2) return {};
    const std::size_t length = load_le16(&bytes[at]);
    if (bytes.size() < at + 2 + length) return {};
    header.extra = bytes.subspan(at + 2, length);
    at += 2 + length;
  }
  for (const std::uint8_t text : {kHasName, kHasComment}) {
    if ((header.flags & text) == 0) continue;
    const auto end = std::find(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(), 0);
    if (end == bytes.end()) return {};
    at = static_cast<std::size_t>(end - bytes.begin()) + 1;
  }
  if ((header.flags & kHasCrc) != 0) at += 2;
  if (at > bytes.size()) return {};
  header.size = at;
  return header;
}

Bytes encode_metadata_member(const char* ident, ByteView payload) {
  TAPE_ASSERT(payload.size() + kSubfieldHead <= 0xFFFF);
  Bytes out(kMetadataHeader.begin(), kMetadataHeader.end());
  append_le(out, payload.size() + kSubfieldHead, 2);
  out.push_back(static_cast<std::uint8_t>(ident[0]));
  out.push_back(static_cast<std::uint8_t>(ident[1]));
  append_le(out, payload.size(), 2);
  out.insert(out.end(), payload.begin(), payload.end());
  out.insert(out.end(), kEmptyBody.begin(), kEmptyBody.end());
  return out;
}

void append_trailer(Bytes& out, std::uint32_t crc32, std::uint64_t size) {
  append_le(out, crc32, 4);
  append_le(out, size & 0xFFFFFFFF, 4);
}

}  // namespace tape
