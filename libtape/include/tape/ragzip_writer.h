// RagzipWriter: bytes become ragzip pages, indexes and a footer. Push.
//
// In:      logical bytes in order, any cutting.
// Out:     one gzip member a page, index members, extensions, one 64-byte footer, to a ByteSink.
// Units:   LogicalOffset in, GzOffset out, bytes.
// Limits:  memory: one index a level, and for each worker two pages with their deflated forms, at
//          most 64 MiB of pages (one at the least); 2^62 - 1 logical bytes; 50 extensions of 16367
//          bytes (an EXTRA field of 16384 bytes is what BusyBox takes).
// Threads: one caller at a time; the workers are its own.
// Spec:    docs/format.md §3; ragzip 1.0; RFC 1952 §2.3.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tape/bytes.h"
#include "tape/io.h"
#include "tape/offset.h"

namespace tape {

class Deflater;
class PagePipeline;

enum class Engine { libdeflate, zlib };
std::string engine_version(Engine engine);

struct RagzipOptions {
  Engine engine = Engine::libdeflate;
  int level = 6;        // libdeflate 1..12, zlib 1..9
  int page_bits = 18;   // 9..30
  int index_bits = 10;  // 1..10; 11 and 12 without `compat`
  bool compat = true;   // no EXTRA field above 16384 bytes (BusyBox gunzip)
  int workers = 0;      // threads that deflate pages; the bytes are the same for any number
};

// Fails: Error{usage} that names the option and its range.
void check_options(const RagzipOptions& options);

// The most bytes that one page, as a gzip member, can have.
ByteCount page_bound(const RagzipOptions& options);

// Hears where pages lie: page `number` (from 0), `bytes` before it was deflated, is the gzip member
// in `place`. In order, from the caller's thread.
class PageObserver {
 public:
  PageObserver() = default;
  PageObserver(const PageObserver&) = delete;
  PageObserver& operator=(const PageObserver&) = delete;
  virtual ~PageObserver() = default;
  virtual void page_written(std::uint64_t number, GzRange place, ByteView bytes) = 0;
};

class RagzipWriter {
 public:
  // `sink` and `observer` (may be null) must outlive the writer. Fails: Error{usage}.
  RagzipWriter(ByteSink& sink, const RagzipOptions& options, PageObserver* observer);
  // Tests bring deflaters of their own.
  using MakeDeflater = std::function<std::unique_ptr<Deflater>()>;
  RagzipWriter(ByteSink& sink,
               const RagzipOptions& options,
               PageObserver* observer,
               const MakeDeflater& make_deflater);
  ~RagzipWriter();
  RagzipWriter(const RagzipWriter&) = delete;
  RagzipWriter& operator=(const RagzipWriter&) = delete;

  // A full page goes to a worker; the ones that are done, oldest first, to the sink.
  void write(ByteView bytes);

  // Everything that the next page depends on, behind the last one that went to the sink, as opaque
  // bytes; pages still with the workers are not part of it.
  Bytes save() const;
  // Of a writer that has written nothing. The sink gets what follows. Fails: Error{corrupt}.
  void load(ByteView saved);

  // Writes the last page and the last indexes. No write() after this.
  void finish_pages();

  // Between finish_pages() and finish(): an empty gzip member made elsewhere, as it is.
  GzOffset append_member(ByteView member);

  // Fails: Error{usage} at the 51st or when `payload` is too long: now, not at the end.
  void add_extension(std::uint32_t id, ByteView payload);

  // Writes the footer. Does not finish the sink.
  void finish();

  ByteCount logical_size() const { return logical_; }
  std::uint64_t page_count() const { return page_count_; }  // in the sink
  int levels() const { return static_cast<int>(indexes_.size()); }
  // Where the next byte of the object goes.
  GzOffset position() const { return position_; }
  // Offset of the top index; 0 without indexes. After finish_pages().
  GzOffset top_index() const { return top_index_; }

 private:
  GzOffset append(ByteView bytes);
  void submit_page();
  void write_page();
  void note(GzOffset offset, std::size_t level);
  GzOffset write_index(std::size_t level);

  ByteSink& sink_;
  RagzipOptions options_;
  PageObserver* observer_;
  std::unique_ptr<PagePipeline> pipeline_;
  Bytes page_;                                  // being filled
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
