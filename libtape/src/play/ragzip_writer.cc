#include "tape/ragzip_writer.h"

#include <algorithm>

#include "base/assert.h"
#include "codec/deflate.h"
#include "format/gzip_format.h"
#include "format/ragzip_format.h"
#include "play/page_pipeline.h"
#include "tape/error.h"
#include "tape/fields.h"

namespace tape {
namespace {

[[noreturn]] void usage(const std::string& what) {
  throw Error(ErrorKind::usage, what);
}

}  // namespace

void check_options(const RagzipOptions& options) {
  const int level_max = options.engine == Engine::zlib ? 9 : 12;
  if (options.level < 1 || options.level > level_max)
    usage("--level " + std::to_string(options.level) + ": 1 to " + std::to_string(level_max) +
          " expected for this engine");
  if (options.page_bits < kPageBitsMin || options.page_bits > kPageBitsMax)
    usage("--page-size 2^" + std::to_string(options.page_bits) + ": 2^9 to 2^30 expected");
  const int index_max = options.compat ? kIndexBitsMaxCompatible : kIndexBitsMax;
  if (options.index_bits < kIndexBitsMin || options.index_bits > index_max) {
    usage(
        "--index-exponent " + std::to_string(options.index_bits) + ": 1 to " +
        std::to_string(index_max) + " expected" +
        (options.compat ? " (11 and 12 with --compat off: BusyBox gunzip cannot read those)" : ""));
  }
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
    : sink_(sink), options_(options), observer_(observer) {
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

GzOffset RagzipWriter::append(ByteView bytes) {
  sink_.write(bytes);
  const GzOffset at = position_;
  position_ = position_ + bytes.size();
  return at;
}

void RagzipWriter::write_page() {
  if (page_count_ > 0) note(last_page_, 0);
  Page page = pipeline_->take();
  last_page_ = append(page.member);
  if (observer_ != nullptr)
    observer_->page_written(page_count_, {last_page_, page.member.size()}, page.bytes);
  ++page_count_;
  pipeline_->give_back(std::move(page));
}

// A full index is written when the next offset for it arrives, its own offset one level up first.
void RagzipWriter::note(GzOffset offset, std::size_t level) {
  if (level == indexes_.size()) indexes_.emplace_back();
  if (indexes_[level].size() == std::size_t{1} << options_.index_bits) {
    const GzOffset full = write_index(level);
    indexes_[level].clear();
    note(full, level + 1);
  }
  indexes_[level].push_back(offset);
}

GzOffset RagzipWriter::write_index(std::size_t level) {
  return append(encode_metadata_member("RA", encode_index(indexes_[level])));
}

void RagzipWriter::finish_pages() {
  TAPE_ASSERT(!pages_finished_);
  if (!page_.empty()) submit_page();
  while (!pipeline_->empty())
    write_page();
  if (page_count_ == 0) {
    // The empty input is one empty member in front of the footer: 84 bytes in all.
    Bytes empty(kPageHeader.begin(), kPageHeader.end());
    empty.insert(empty.end(), kEmptyBody.begin(), kEmptyBody.end());
    append(empty);
  }
  if (!indexes_.empty()) note(last_page_, 0);
  // note() may add a level while this goes up.
  for (std::size_t level = 0; level < indexes_.size(); ++level) {
    top_index_ = write_index(level);
    if (level + 1 < indexes_.size()) note(top_index_, level + 1);
  }
  pages_finished_ = true;
}

Bytes RagzipWriter::save() const {
  TAPE_ASSERT(!pages_finished_);
  Bytes out;
  FieldWriter fields(out);
  fields.number(position_.value());
  fields.number(page_count_);
  fields.number(last_page_.value());
  fields.number(indexes_.size());
  for (const auto& index : indexes_) {
    fields.number(index.size());
    for (const GzOffset offset : index)
      fields.number(offset.value());
  }
  return out;
}

void RagzipWriter::load(ByteView saved) {
  TAPE_ASSERT(logical_ == 0);
  FieldReader fields(saved);
  position_ = GzOffset(fields.number_to(kLogicalSizeMax));
  page_count_ = fields.number_to(kLogicalSizeMax >> options_.page_bits);
  last_page_ = GzOffset(fields.number_to(position_.value()));
  indexes_.resize(fields.number_to(kLevelsMax));
  for (auto& index : indexes_) {
    index.resize(fields.number_to(std::uint64_t{1} << options_.index_bits));
    for (GzOffset& offset : index)
      offset = GzOffset(fields.number_to(position_.value()));
  }
  fields.expect_end();
  logical_ = page_count_ << options_.page_bits;
}

GzOffset RagzipWriter::append_member(ByteView member) {
  TAPE_ASSERT(pages_finished_);
  return append(member);
}

void RagzipWriter::add_extension(std::uint32_t id, ByteView payload) {
  TAPE_ASSERT(pages_finished_);
  const std::size_t limit =
      options_.compat ? kExtraMaxCompatible - kSubfieldHead - kExtensionHead : kExtensionPayloadMax;
  if (extension_count_ == static_cast<int>(kExtensionCountMax))
    usage("ragzip: a 51st extension, 50 at the most");
  if (payload.size() > limit)
    usage("ragzip: an extension of " + std::to_string(payload.size()) + " bytes, " +
          std::to_string(limit) + " at the most");
  const Bytes body = encode_extension({last_extension_, 0, id}, payload);
  last_extension_ = static_cast<std::int64_t>(append(encode_metadata_member("RA", body)).value());
  ++extension_count_;
}

void RagzipWriter::finish() {
  TAPE_ASSERT(pages_finished_);
  RagzipFooter footer;
  footer.levels = levels();
  footer.index_bits = options_.index_bits;
  footer.page_bits = options_.page_bits;
  footer.logical_size = logical_;
  footer.top_index = static_cast<std::int64_t>(top_index_.value());
  footer.extension_tail = last_extension_;
  append(encode_footer(footer));
}

}  // namespace tape
