// RagzipAssembler: pages that are gzip members already become a ragzip file. Push.
//
// It decides where everything stands and what the metadata says; who deflates pages is not its
// business: RagzipWriter's workers, another program, an older file.
//
// In:      the gzip members of each page, in order.
// Out:     the pages as they are, index members, extensions, one 64-byte footer, to a ByteSink.
// Units:   GzOffset, bytes.
// Limits:  memory: one open index a level, the extensions; 2^62 - 1 logical bytes; 50 extensions of
//          32768 bytes (16367 with `compat`).
// Threads: one caller at a time.
// Spec:    docs/format.md §3; ragzip 1.0.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tape/bytes.h"
#include "tape/io.h"
#include "tape/offset.h"

namespace tape {

// The logarithms of page and index size.
struct RagzipShape {
  int page_bits = 18;   // 9..30
  int index_bits = 10;  // 1..10; 11 and 12 without `compat`
  bool compat = true;   // no EXTRA field above 16384 bytes (BusyBox gunzip)
};

// The most bytes of an extension with `compat`: an EXTRA field of 16384, less what frames them.
inline constexpr std::size_t kExtensionMaxCompatible = 16384 - 4 - 13;

// Fails: Error{usage} that names the option and its range.
void check_shape(const RagzipShape& shape);

// Everything that what follows the last page depends on: with it, and the bytes in front of
// `position`, a file goes on in another process.
struct PageBoundary {
  GzOffset position;                                // end of the last page
  std::uint64_t page_count = 0;                     // all of them full
  GzOffset last_page;                               // in no index yet
  std::vector<std::vector<GzOffset>> open_indexes;  // L1 first
};

// As opaque bytes for another process. decode_boundary fails: Error{corrupt} when the numbers do
// not fit each other.
Bytes encode_boundary(const PageBoundary& boundary);
PageBoundary decode_boundary(ByteView bytes, const RagzipShape& shape);

class RagzipAssembler {
 public:
  // `sink` must outlive the assembler. Fails: Error{usage} as check_shape.
  RagzipAssembler(ByteSink& sink, const RagzipShape& shape);

  // Of an assembler without pages: the sink gets what follows.
  void resume(const PageBoundary& boundary);
  // Not behind a page that is not full.
  PageBoundary boundary() const;

  // `members` hold `length` bytes: 2^page_bits, of the last page fewer. Returns where they begin.
  // Fails: Error{unsupported} beyond 2^62 - 1 bytes in all.
  GzOffset add_page(ByteView members, ByteCount length);

  // The same for `size` bytes that are not given to the sink: to know where everything will stand.
  GzOffset skip_page(ByteCount size, ByteCount length);

  // Writes the last indexes. No add_page() after this.
  void finish_pages();

  // Between finish_pages() and finish(): an empty gzip member made elsewhere, as it is.
  GzOffset append_member(ByteView member);

  // Stands in front of the footer. Fails: Error{usage} at the 51st, when `payload` is too long, or
  // for flags of the specification (0x80): now, not at the end.
  void add_extension(std::uint32_t id, ByteView payload, std::uint8_t flags = 0);

  // Writes extensions and footer. Does not finish the sink.
  void finish();

  // The footer alone, whose last extension is at `extension_tail`. After finish_pages().
  Bytes footer_member(std::optional<GzOffset> extension_tail) const;

  const RagzipShape& shape() const { return shape_; }
  ByteCount logical_size() const { return logical_; }
  std::uint64_t page_count() const { return page_count_; }
  int levels() const { return static_cast<int>(indexes_.size()); }
  // Where the next byte of the object goes.
  GzOffset position() const { return position_; }
  // Offset of the top index; 0 without indexes. After finish_pages().
  GzOffset top_index() const { return top_index_; }

 private:
  struct Extension {
    std::uint32_t id = 0;
    std::uint8_t flags = 0;
    Bytes payload;
  };
  GzOffset append(ByteView bytes);
  void begin_page(ByteCount length);
  void note(GzOffset offset, std::size_t level);
  GzOffset write_index(std::size_t level);

  ByteSink& sink_;
  RagzipShape shape_;
  std::vector<std::vector<GzOffset>> indexes_;  // open index of each level, L1 first
  std::vector<Extension> extensions_;
  GzOffset position_;
  GzOffset last_page_;
  GzOffset top_index_;
  std::uint64_t page_count_ = 0;
  ByteCount logical_ = 0;
  bool pages_finished_ = false;
};

}  // namespace tape
