// RagzipFile: the logical bytes of one ragzip object, for any number of callers. Strict unless told
// otherwise.
//
// A page that was decoded is kept for all of them. A cursor reads on behind its last page without
// asking the index tree.
//
// In:      a RangeSource.
// Out:     logical bytes; every page is decoded whole, its CRC32, ISIZE and length checked.
// Units:   LogicalOffset and GzOffset in bytes.
// Limits:  memory: page_cache_bytes of pages, one page more and a read-ahead for each caller that
//          reads at the moment, indexes as IndexOptions says.
// Threads: RagzipFile: any. RagzipCursor: one caller at a time, as many cursors as wanted.
// Spec:    docs/format.md §3.6; ragzip 1.0.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tape/bytes.h"
#include "tape/error.h"
#include "tape/io.h"
#include "tape/offset.h"
#include "tape/page_scan.h"
#include "tape/ragzip_reader.h"

namespace tape {

struct RagzipFileOptions {
  IndexOptions index;
  // Where a strict reader would refuse the metadata, or the last page for its length: reads the
  // whole object once, and goes by its gzip members alone (scan_pages) when all of them are sound.
  // Then the index is loaded.
  bool lenient = false;
  ByteCount page_cache_bytes = ByteCount{64} << 20;  // 0: no page is kept
  // The least to ask the source for, by kind of member. An index is asked for by its exact size.
  ByteCount tail_bytes = kTailReadSize;          // footer, extensions, last indexes
  ByteCount page_bytes = 0;                      // a page somewhere
  ByteCount walk_bytes = ByteCount{1024} << 10;  // pages one behind the other, from the third on
};

enum class Whence { begin, current, end };

class RagzipCursor;
struct RagzipObject;
class PageCache;
struct DecodedPage;

class RagzipFile {
 public:
  // Reads the tail; lenient: the last page, too. `source` must outlive the file. Fails: as
  // RagzipReader; lenient: corrupt when a gzip member is damaged or they do not fall into pages of
  // one size.
  explicit RagzipFile(const RangeSource& source, const RagzipFileOptions& options = {});
  // By the gzip members that were found, whatever the metadata says.
  RagzipFile(const RangeSource& source, const PageScan& scan);
  ~RagzipFile();
  RagzipFile(const RagzipFile&) = delete;
  RagzipFile& operator=(const RagzipFile&) = delete;

  const RangeSource& source() const;
  const RagzipGeometry& geometry() const;
  // In the order they were written.
  const std::vector<RagzipExtension>& extensions() const;
  // Lenient: what a strict reader would have refused the metadata for.
  const std::optional<Error>& broken_rule() const { return broken_rule_; }

  // Fills `out` from `at`; fewer bytes only at the end, which is believed only when the last page
  // was checked. Fails: corrupt; as the source does.
  std::size_t read_at(LogicalOffset at, MutableBytes out) const;

 private:
  friend class RagzipCursor;
  class Cursors;

  const RagzipFileOptions options_;
  std::optional<Error> broken_rule_;
  std::unique_ptr<RagzipObject> object_;
  std::unique_ptr<PageCache> cache_;
  std::unique_ptr<Cursors> idle_;  // of read_at()
};

// A position in a RagzipFile.
class RagzipCursor {
 public:
  // At the begin. `file` must outlive the cursor.
  explicit RagzipCursor(const RagzipFile& file);
  ~RagzipCursor();
  RagzipCursor(const RagzipCursor&) = delete;
  RagzipCursor& operator=(const RagzipCursor&) = delete;

  // Fills `out` and moves behind it; fewer bytes only at the end.
  std::size_t read(MutableBytes out);

  // Where it stands then; behind the end nothing is read. Fails: usage for a place in front of the
  // begin or beyond 2^62 - 1.
  LogicalOffset seek(std::int64_t distance, Whence whence);
  LogicalOffset tell() const { return at_; }

  // Whether reading at `at` goes on behind the page that was read last.
  bool goes_on_at(LogicalOffset at) const;

 private:
  ByteView page(std::uint64_t number);
  DecodedPage decode(std::uint64_t number);
  void expect_indexed(std::uint64_t number, GzOffset content) const;
  void check_end();

  const RagzipFile& file_;
  RagzipReader reader_;
  LogicalOffset at_;
  // Shared with the cache, which may let it go while it is read.
  std::shared_ptr<const DecodedPage> page_;
  std::uint64_t number_ = 0;  // of page_
  std::uint64_t walked_ = 0;  // pages that followed the one before, without a jump
};

}  // namespace tape
