// RagzipReader: random access to the logical bytes of one ragzip object. Strict.
//
// In:      a RangeSource.
// Out:     logical bytes; every page is decoded whole, its CRC32, ISIZE and length checked.
// Units:   LogicalOffset and GzOffset in bytes.
// Limits:  one index a level and one page in memory; pages of at most 2^30 bytes.
// Threads: one caller at a time; several readers may share a RangeSource.
// Spec:    docs/format.md §3 "strict reader"; ragzip 1.0.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tape/bytes.h"
#include "tape/io.h"
#include "tape/offset.h"

namespace tape {

class RangeWindow;
class PageDecoder;
class Inflater;

// The largest root node, TMIX and footer: what one tail read of an archive without a manifest
// covers (16406 + 119 + 64 bytes, rounded up to KiB).
inline constexpr ByteCount kTailReadSize = 17408;

struct RagzipGeometry {
  int page_bits = 0;
  int index_bits = 0;
  int levels = 0;
  ByteCount logical_size = 0;
  std::uint64_t page_count = 0;
  GzOffset top_index;
  GzOffset footer;
};

struct RagzipExtension {
  GzOffset offset;
  std::uint8_t flags = 0;
  std::uint32_t id = 0;
  Bytes payload;
};

class RagzipReader {
 public:
  // Reads the tail: footer and extensions. `source` must outlive the reader. Errors here and below
  // name places in the object; within(source.name(), ...) adds which one. Fails: corrupt,
  // unsupported (another version, an unknown specification extension).
  explicit RagzipReader(const RangeSource& source);
  ~RagzipReader();
  RagzipReader(const RagzipReader&) = delete;
  RagzipReader& operator=(const RagzipReader&) = delete;

  const RangeSource& source() const { return source_; }
  const RagzipGeometry& geometry() const { return geometry_; }
  // In the order they were written.
  const std::vector<RagzipExtension>& extensions() const { return extensions_; }

  // Fills `out` from `at`; fewer bytes only at the end.
  std::size_t read_at(LogicalOffset at, MutableBytes out);

  // Where page `number` begins, and an offset at or behind its end, by the index tree.
  GzRange page_place(std::uint64_t number);
  ByteCount page_length(std::uint64_t number) const;

  // An empty member that carries one subfield first, for metadata_member.
  struct MetadataRequest {
    const char* ident;        // two letters
    const char* what;         // for messages
    ByteCount expected_size;  // of the whole member, where it is known: one request instead of two
  };
  struct MetadataMember {
    Bytes payload;
    GzOffset end;
  };
  // The metadata member at `at`, which must end at or before `limit`. Fails: corrupt.
  MetadataMember metadata_member(GzOffset at, GzOffset limit, const MetadataRequest& request);

  // Decodes page `number`, the first content at or behind `place.begin`, all of it in front of
  // `place.end()`, into `out`, which gets the page's length. Returns where its content begins and
  // ends.
  GzRange decode_page(std::uint64_t number, GzRange place, Bytes& out);

  // From now on pages are inflated by zlib, which refuses codes that libdeflate makes sense of:
  // what passes then, gzip reads too. Slower; for verifying.
  void inflate_as_gzip_does();

  // From now on a page read that misses inside `range` reads on up to its end, at most `most`
  // bytes.
  void read_ahead(GzRange range, ByteCount most);
  // The same for metadata.
  void read_metadata_ahead(GzRange range, ByteCount most);

 private:
  struct Index {
    GzOffset offset;
    std::uint64_t pages = 0;  // that it covers
    std::vector<GzOffset> slots;
  };
  const Index& load_index(int level, GzOffset at, GzOffset limit, std::uint64_t pages);
  ByteView page(std::uint64_t number);
  ByteView metadata_bytes(GzOffset at, ByteCount size);
  void read_footer();
  void read_extensions();

  const RangeSource& source_;
  std::unique_ptr<RangeWindow> window_;    // for pages
  std::unique_ptr<RangeWindow> tail_;      // the tail read, kept
  std::unique_ptr<RangeWindow> metadata_;  // for metadata in front of it
  std::unique_ptr<Inflater> inflater_;     // for metadata
  std::unique_ptr<PageDecoder> decoder_;
  RagzipGeometry geometry_;
  std::int64_t extension_tail_ = -1;
  std::vector<RagzipExtension> extensions_;
  std::vector<std::optional<Index>> cached_;  // the last index of each level
  Bytes page_;
  std::optional<std::uint64_t> page_number_;  // of page_
};

}  // namespace tape
