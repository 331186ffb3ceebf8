// RagzipWriter: bytes become ragzip pages, indexes and a footer. Push.
//
// In:      logical bytes in order, any cutting.
// Out:     one gzip member a page, index members, extensions, one 64-byte footer, to a ByteSink.
// Units:   LogicalOffset in, GzOffset out, bytes.
// Limits:  one page, its deflated form and one index a level in memory; 2^62 - 1 logical bytes;
//          50 extensions of 16367 bytes (an EXTRA field of 16384 bytes is what BusyBox takes).
// Threads: one caller at a time.
// Spec:    docs/format.md §3; ragzip 1.0; RFC 1952 §2.3.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "tape/bytes.h"
#include "tape/io.h"
#include "tape/offset.h"

namespace tape {

class Deflater;

enum class Engine { libdeflate, zlib };

struct RagzipOptions {
  Engine engine = Engine::libdeflate;
  int level = 6;        // libdeflate 1..12, zlib 1..9
  int page_bits = 18;   // 9..30
  int index_bits = 10;  // 1..10; 11 and 12 without `compat`
  bool compat = true;   // no EXTRA field above 16384 bytes (BusyBox gunzip)
};

// Fails: Error{usage} that names the option and its range.
void check_options(const RagzipOptions& options);

// Hears where pages lie: page `number` (from 0) is the gzip member in `place`.
class PageObserver {
 public:
  PageObserver() = default;
  PageObserver(const PageObserver&) = delete;
  PageObserver& operator=(const PageObserver&) = delete;
  virtual ~PageObserver() = default;
  virtual void page_written(std::uint64_t number, GzRange place) = 0;
};

class RagzipWriter {
 public:
  // `sink` and `observer` (may be null) must outlive the writer. Fails: Error{usage}.
  RagzipWriter(ByteSink& sink, const RagzipOptions& options, PageObserver* observer);
  ~RagzipWriter();
  RagzipWriter(const RagzipWriter&) = delete;
  RagzipWriter& operator=(const RagzipWriter&) = delete;

  void write(ByteView bytes);

  // Writes the last page and the last indexes. No write() after this.
  void finish_pages();

  // Between finish_pages() and finish(): an empty gzip member made elsewhere, as it is.
  GzOffset append_member(ByteView member);

  // Fails: Error{usage} at the 51st or when `payload` is too long: now, not at the end.
  void add_extension(std::uint32_t id, ByteView payload);

  // Writes the footer. Does not finish the sink.
  void finish();

  ByteCount logical_size() const { return logical_; }
  std::uint64_t page_count() const { return page_count_; }
  int levels() const { return static_cast<int>(indexes_.size()); }
  // Where the next byte of the object goes.
  GzOffset position() const { return position_; }
  // Offset of the top index; 0 without indexes. After finish_pages().
  GzOffset top_index() const { return top_index_; }

 private:
  GzOffset append(ByteView bytes);
  void write_page();
  void note(GzOffset offset, std::size_t level);
  GzOffset write_index(std::size_t level);

  ByteSink& sink_;
  RagzipOptions options_;
  PageObserver* observer_;
  std::unique_ptr<Deflater> deflater_;
  Bytes page_;                                  // being filled
  Bytes member_;                                // the deflated page with header and trailer
  Bytes zero_member_;                           // of a whole page of zeros, once one came
  std::vector<std::vector<GzOffset>> indexes_;  // open index of each level, L1 first
  GzOffset position_;
  GzOffset last_page_;
  GzOffset top_index_;
  std::uint64_t page_count_ = 0;
  ByteCount logical_ = 0;
  std::int64_t last_extension_ = -1;
  int extension_count_ = 0;
  bool pages_finished_ = false;
};

}  // namespace tape
