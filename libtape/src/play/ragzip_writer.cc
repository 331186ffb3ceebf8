#include "tape/ragzip_writer.h"

#include <algorithm>

#include "base/assert.h"
#include "codec/deflate.h"
#include "format/gzip_format.h"
#include "format/ragzip_format.h"
#include "play/page_pipeline.h"
#include "tape/error.h"

namespace tape {
void check_options(const RagzipOptions& options) {
  check_engine(options.engine);
  check_level(options.engine, options.level);
  check_shape(options);
}

ByteCount page_bound(const RagzipOptions& options) {
  return kPageHeader.size() + kTrailerSize +
         make_deflater(options.engine, options.level)->bound(std::size_t{1} << options.page_bits);
}

RagzipWriter::RagzipWriter(ByteSink& sink, const RagzipOptions& options, PageObserver* observer)
    : RagzipWriter(sink, options, observer, [&options] {
        return make_deflater(options.engine, options.level);
      }) {}

RagzipWriter::RagzipWriter(ByteSink& sink,
                           const RagzipOptions& options,
                           PageObserver* observer,
                           const MakeDeflater& make_deflater)
    : options_(options), observer_(observer), assembler_(sink, options) {
  check_options(options);
  pipeline_ = std::make_unique<PagePipeline>(make_deflater, std::size_t{1} << options.page_bits,
                                             static_cast<std::size_t>(options.workers));
}

RagzipWriter::~RagzipWriter() = default;

void RagzipWriter::write(ByteView bytes) {
  TAPE_ASSERT(!pages_finished_);
  const std::size_t page_size = std::size_t{1} << options_.page_bits;
  if (bytes.size() > kLogicalSizeMax - logical_)
    throw Error(ErrorKind::unsupported, "ragzip: more than 2^62 - 1 bytes");
  logical_ += bytes.size();
  while (!bytes.empty()) {
    const std::size_t n = std::min(bytes.size(), page_size - page_.size());
    page_.insert(page_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    bytes = bytes.subspan(n);
    if (page_.size() == page_size) submit_page();
  }
}

void RagzipWriter::submit_page() {
  while (pipeline_->full())
    write_page();
  pipeline_->submit(std::move(page_));
  page_ = pipeline_->buffer();
  while (pipeline_->ready())
    write_page();
}

void RagzipWriter::write_page() {
  Page page = pipeline_->take();
  append_page(page.member, page.bytes);
  pipeline_->give_back(std::move(page));
}

void RagzipWriter::append_page(ByteView members, ByteView bytes) {
  const std::uint64_t number = assembler_.page_count();
  const GzOffset at = assembler_.add_page(members, bytes.size());
  if (observer_ != nullptr) observer_->page_written(number, {at, members.size()}, bytes);
}

void RagzipWriter::add_page(ByteView members, ByteView bytes) {
  TAPE_ASSERT(page_.empty() && pipeline_->empty());
  append_page(members, bytes);
  logical_ += bytes.size();
}

void RagzipWriter::finish_pages() {
  TAPE_ASSERT(!pages_finished_);
  if (!page_.empty()) submit_page();
  while (!pipeline_->empty())
    write_page();
  assembler_.finish_pages();
  pages_finished_ = true;
}

void RagzipWriter::resume(const PageBoundary& boundary) {
  TAPE_ASSERT(logical_ == 0);
  assembler_.resume(boundary);
  logical_ = assembler_.logical_size();
}

}  // namespace tape
