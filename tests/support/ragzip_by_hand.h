// Ragzip files made by hand, in parts that a test replaces.
#pragma once
#include <initializer_list>
#include <utility>
#include <vector>

#include "codec/deflate.h"
#include "format/gzip_format.h"
#include "format/ragzip_format.h"
#include "support/memory_io.h"
#include "support/samples.h"
#include "tape/ragzip_writer.h"

namespace tape {

inline constexpr std::size_t kPage = 512;

// A gzip member with content: header of any kind, body, trailer.
struct ByHand {
  Bytes header = {kPageHeader.begin(), kPageHeader.end()};
  std::uint32_t crc_flip = 0;
  int size_flip = 0;

  Bytes member(ByteView content) const {
    Bytes out = header;
    make_zlib_deflater(6)->deflate(content, out);
    append_trailer(out, crc32(content) ^ crc_flip,
                   content.size() + static_cast<std::size_t>(size_flip));
    return out;
  }
};

inline Bytes page_member(ByteView content) {
  return ByHand().member(content);
}

inline Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts)
    out.insert(out.end(), part.begin(), part.end());
  return out;
}

inline Bytes header_with(std::uint8_t flags, std::initializer_list<std::uint8_t> fields) {
  Bytes out = {kPageHeader.begin(), kPageHeader.end()};
  out[3] = flags;
  out.insert(out.end(), fields);
  return out;
}

// A file of three pages (the last of 100 bytes) and one index, in parts that a test replaces.
struct ThreePages {
  Bytes content = mixed_bytes(2 * kPage + 100);
  Bytes page0 = page_member(ByteView(content).first(kPage));
  Bytes page1 = page_member(ByteView(content).subspan(kPage, kPage));
  Bytes page2 = page_member(ByteView(content).subspan(2 * kPage));
  std::vector<GzOffset> slots;  // empty: where the pages are
  Bytes index;                  // empty: of the slots
  Bytes extensions;
  RagzipFooter footer{1, 2, 9, 2 * kPage + 100, -1, -1};  // top_index -1: where the index is
  Bytes footer_member;                                    // empty: of the footer

  std::size_t page0_at() const { return 0; }
  std::size_t page1_at() const { return page0.size(); }
  std::size_t page2_at() const { return page0.size() + page1.size(); }
  std::size_t index_at() const { return page0.size() + page1.size() + page2.size(); }
  // Inside of a page.
  std::size_t nothing_at() const { return 3; }

  Bytes file() const {
    std::vector<GzOffset> places = slots;
    if (places.empty())
      places = {GzOffset(0), GzOffset(page0.size()), GzOffset(page0.size() + page1.size())};
    const Bytes own = index.empty() ? encode_metadata_member("RA", encode_index(places)) : index;
    RagzipFooter end = footer;
    if (end.top_index == -1) end.top_index = static_cast<std::int64_t>(index_at());
    const Bytes last = footer_member.empty() ? encode_footer(end) : footer_member;
    return joined({page0, page1, page2, own, extensions, last});
  }
  // With the usual footer.
  std::size_t footer_at() const { return file().size() - kFooterSize; }
  // Of the first one.
  std::size_t extension_at() const { return footer_at() - extensions.size(); }
};

inline Bytes extension(std::int64_t previous,
                       std::uint8_t flags,
                       std::uint32_t id,
                       const Bytes& content) {
  return encode_metadata_member("RA", encode_extension({previous, flags, id}, content));
}

inline void set_slot(ThreePages& f, std::size_t slot, std::size_t value) {
  f.slots = {GzOffset(0), GzOffset(f.page0.size()), GzOffset(f.page0.size() + f.page1.size())};
  f.slots[slot] = GzOffset(value);
}

// An index with its EXTRA field, flags or body other than the writer's.
inline Bytes odd_index(const ThreePages& f, void (*change)(Bytes& member)) {
  Bytes member =
      encode_metadata_member("RA", encode_index({GzOffset(0), GzOffset(f.page0.size()),
                                                 GzOffset(f.page0.size() + f.page1.size())}));
  change(member);
  return member;
}

// What our writer makes.
inline Bytes ragzip_of(const Bytes& content, int index_bits, int page_bits = 9) {
  MemorySink sink;
  RagzipOptions options;
  options.page_bits = page_bits;
  options.index_bits = index_bits;
  options.compat = index_bits <= kIndexBitsMaxCompatible;
  RagzipWriter writer(sink, options, nullptr);
  writer.write(content);
  writer.finish_pages();
  writer.finish();
  return std::move(sink.bytes);
}

}  // namespace tape
