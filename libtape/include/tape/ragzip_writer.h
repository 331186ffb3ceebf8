// RagzipWriter: bytes become ragzip pages, indexes and a footer. Push.
//
// In:      logical bytes in order, any cutting.
// Out:     one gzip member a page, index members, extensions, one 64-byte footer, to a ByteSink.
// Units:   LogicalOffset in, GzOffset out, bytes.
// Limits:  memory: that of RagzipAssembler, and for each worker two pages with their deflated
// forms,
//          at most 64 MiB of pages (one at the least); 2^62 - 1 logical bytes.
// Threads: one caller at a time; the workers are its own.
// Spec:    docs/format.md §3; ragzip 1.0; RFC 1952 §2.3.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tape/bytes.h"
#include "tape/io.h"
#include "tape/offset.h"
#include "tape/ragzip_assembler.h"

namespace tape {

class Deflater;
class PagePipeline;

enum class Engine { libdeflate, zlib, isal };  // isal: ISA-L; not every build has it
inline constexpr Engine kEngines[] = {Engine::libdeflate, Engine::zlib, Engine::isal};

// As the command line and manifests name it.
const char* engine_name(Engine engine);
std::optional<Engine> engine_named(std::string_view name);
// Empty: this build has no such engine.
std::string engine_version(Engine engine);

struct LevelRange {
  int first = 0;
  int last = 0;
  int usual = 0;  // where nothing is said
};
LevelRange levels_of(Engine engine);

struct RagzipOptions : RagzipShape {
  Engine engine = Engine::libdeflate;
  int level = 6;    // in levels_of(engine); 6 is too high for isal
  int workers = 0;  // threads that deflate pages; the bytes are the same for any number
};

// Fails: Error{usage} that names the option and its range, or the engine that this build lacks.
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

  // A page that is gzip members already, instead of write(): `members` inflate to `bytes`.
  void add_page(ByteView members, ByteView bytes);

  // Behind the last page that went to the sink; pages still with the workers are not part of it.
  PageBoundary boundary() const { return assembler_.boundary(); }
  // Of a writer that has written nothing. The sink gets what follows.
  void resume(const PageBoundary& boundary);

  // Writes the last page and the last indexes. No write() after this.
  void finish_pages();

  // As of RagzipAssembler.
  GzOffset append_member(ByteView member) { return assembler_.append_member(member); }
  void add_extension(std::uint32_t id, ByteView payload, std::uint8_t flags = 0) {
    assembler_.add_extension(id, payload, flags);
  }
  void finish() { assembler_.finish(); }

  ByteCount logical_size() const { return logical_; }
  std::uint64_t page_count() const { return assembler_.page_count(); }  // in the sink
  int levels() const { return assembler_.levels(); }
  GzOffset position() const { return assembler_.position(); }
  GzOffset top_index() const { return assembler_.top_index(); }

 private:
  void submit_page();
  void write_page();
  void append_page(ByteView members, ByteView bytes);

  RagzipOptions options_;
  PageObserver* observer_;
  RagzipAssembler assembler_;
  std::unique_ptr<PagePipeline> pipeline_;
  Bytes page_;  // being filled
  ByteCount logical_ = 0;
  bool pages_finished_ = false;
};

}  // namespace tape
