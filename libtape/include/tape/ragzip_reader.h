// RagzipReader: the pages and metadata members of one ragzip object, for one caller. Strict.
//
// In:      a RangeSource.
// Out:     logical bytes; every page is decoded whole, its CRC32, ISIZE and length checked.
// Units:   LogicalOffset and GzOffset in bytes.
// Limits:  indexes as IndexOptions says and one page in memory; pages of at most 2^30 bytes.
// Threads: one caller at a time; several readers may share a RangeSource. RagzipFile is for many.
// Spec:    docs/format.md §3 "strict reader"; ragzip 1.0.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tape/bytes.h"
#include "tape/io.h"
#include "tape/offset.h"
#include "tape/ragzip_assembler.h"

namespace tape {

class RangeWindow;
class PageDecoder;
struct RagzipObject;

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

// How much of the index tree is kept in memory.
enum class IndexMode {
  cached,  // the indexes used last, some of each level
  loaded,  // all offsets of pages, read and checked at the opening: 8 bytes a page
  direct,  // none ("cacheless"): a look-up reads a slot of 8 bytes and its neighbours a level
};

struct IndexOptions {
  IndexMode mode = IndexMode::cached;
  std::size_t indexes_a_level = 8;  // of mode cached; at least 1
};

class RagzipReader {
 public:
  // Reads the tail: footer and extensions. `source` must outlive the reader. Errors here and below
  // name places in the object; within(source.name(), ...) adds which one. Fails: corrupt,
  // unsupported (another version, an unknown specification extension).
  explicit RagzipReader(const RangeSource& source, const IndexOptions& index = {});
  // A reader more of an object that is open already, which must outlive it. metadata_member() and
  // read_metadata_ahead() are for the caller of the first one only.
  explicit RagzipReader(RagzipObject& object);
  ~RagzipReader();
  RagzipReader(const RagzipReader&) = delete;
  RagzipReader& operator=(const RagzipReader&) = delete;

  const RangeSource& source() const;
  const RagzipGeometry& geometry() const;
  // In the order they were written.
  const std::vector<RagzipExtension>& extensions() const;

  // Fills `out` from `at`; fewer bytes only at the end, which is believed only when the last page
  // was checked.
  std::size_t read_at(LogicalOffset at, MutableBytes out);

  // Where page `number` begins, and an offset at or behind its end (in mode loaded: where the next
  // one begins), by the index tree.
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

  // The state of a writer that has written the first `pages` pages and nothing behind them, all of
  // them full. Of a reader in mode loaded. Decodes the last of them. Fails: corrupt; unsupported
  // when an index that it needs stands behind them.
  PageBoundary boundary_behind(std::uint64_t pages);

  // Decodes page `number`, the first content at or behind `place.begin`, all of it in front of
  // `place.end()`, into `out`, which gets the page's length. Returns where its content begins and
  // ends.
  GzRange decode_page(std::uint64_t number, GzRange place, Bytes& out);
  // The same, where the index tree says that the page begins.
  GzRange decode_indexed(std::uint64_t number, Bytes& out);
  // The same, where `place` ends where the next page begins: nothing but that page may be in it.
  void decode_only(std::uint64_t number, GzRange place, Bytes& out);
  // That `place` holds whole empty members and nothing else. Fails: corrupt.
  void expect_no_content(GzRange place);

  // From now on pages are inflated by zlib, which refuses codes that libdeflate makes sense of:
  // what passes then, gzip reads too. Slower; for verifying.
  void inflate_as_gzip_does();

  // From now on a page read that misses inside `range` reads on up to its end, at most `most`
  // bytes.
  void read_ahead(GzRange range, ByteCount most);
  // The same for metadata.
  void read_metadata_ahead(GzRange range, ByteCount most);
  // What was read of the metadata is read again. The same caller.
  void forget_metadata();

 private:
  ByteView page(std::uint64_t number);
  void make_room(std::uint64_t number, GzRange place, Bytes& out) const;

  std::unique_ptr<RagzipObject> owned_;
  RagzipObject& object_;
  std::unique_ptr<RangeWindow> window_;  // for pages
  std::unique_ptr<PageDecoder> decoder_;
  Bytes page_;
  std::optional<std::uint64_t> page_number_;  // of page_
  bool end_checked_ = false;
};

}  // namespace tape
