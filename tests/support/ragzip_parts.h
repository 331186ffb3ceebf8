// A ragzip file taken apart member by member, without its reader.
#pragma once
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/endian.h"
#include "codec/deflate.h"
#include "format/gzip_format.h"
#include "tape/offset.h"

namespace tape {

struct GzipPart {
  GzOffset offset;
  ByteCount size = 0;
  std::string ident;  // of the first subfield; empty without an EXTRA field
  Bytes payload;      // of the first subfield
  Bytes content;
};

// All gzip members of a file, one behind the other.
inline std::vector<GzipPart> parts_of(ByteView file) {
  std::vector<GzipPart> out;
  const auto inflater = make_libdeflate_inflater();
  Bytes room(std::size_t{1} << 20);
  for (std::size_t at = 0; at < file.size();) {
    const auto header = decode_gzip_header(file.subspan(at));
    if (!header) throw std::runtime_error("no gzip member at " + std::to_string(at));
    GzipPart part;
    part.offset = GzOffset(at);
    if (header->extra) {
      part.ident = as_text(header->extra->first(2));
      const ByteView payload = header->extra->subspan(4, load_le16(header->extra->data() + 2));
      part.payload.assign(payload.begin(), payload.end());
    }
    const auto result = inflater->inflate(file.subspan(at + header->size), room);
    if (result.outcome != InflateOutcome::done)
      throw std::runtime_error("no deflate stream at " + std::to_string(at));
    part.content.assign(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(result.produced));
    part.size = header->size + result.consumed + kTrailerSize;
    at += part.size;
    out.push_back(std::move(part));
  }
  return out;
}

inline std::vector<GzOffset> slots_of(const GzipPart& index) {
  std::vector<GzOffset> out;
  for (std::size_t at = 0; at < index.payload.size(); at += 8)
    out.emplace_back(load_be64(&index.payload[at]));
  return out;
}

// Pages and indexes in the order of the file, without what stands behind the last index: `P` a
// page, `1:2` a level 1 index with 2 slots.
inline std::string layout_of(ByteView file) {
  std::string out;
  std::map<std::uint64_t, int> levels;  // by offset; a page is level 0
  for (const GzipPart& part : parts_of(file)) {
    const bool page = part.ident.empty();
    if (!page && (part.ident != "RA" || part.payload.size() % 8 != 0)) break;
    std::string word = "P";
    if (!page) {
      const int level = levels.at(slots_of(part).front().value()) + 1;
      levels[part.offset.value()] = level;
      word = std::to_string(level) + ":" + std::to_string(part.payload.size() / 8);
    } else {
      levels[part.offset.value()] = 0;
    }
    out += (out.empty() ? "" : " ") + word;
  }
  return out;
}

}  // namespace tape
