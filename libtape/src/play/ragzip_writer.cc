#include "tape/ragzip_writer.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "codec/deflate.h"
#include "format/gzip_format.h"
#include "format/ragzip_format.h"
#include "tape/error.h"

namespace tape {
namespace {

[[noreturn]] void usage(const std::string& what) {
  throw Error(ErrorKind::usage, what);
}

bool all_zero(ByteView bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
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

RagzipWriter::RagzipWriter(ByteSink& sink, const RagzipOptions& options, PageObserver* observer)
    : sink_(sink), options_(options), observer_(observer) {
  check_options(options);
  deflater_ = make_deflater(options.engine, options.level);
  page_.reserve(std::size_t{1} << options.page_bits);
}

RagzipWriter::~RagzipWriter() = default;

void RagzipWriter::write(ByteView bytes) {
  TAPE_ASSERT(!pages_finished_);
  const std::size_t page_size = std::size_t{1} << options_.page_bits;
  if (bytes.size() > kLogicalSizeMax - logical_)
    throw Error(ErrorKind::unsupported, "ragzip: more than 2^62 - 1 bytes");
  logical_ += bytes.size();
  while (!bytes.empty()) {
    // A full page waits for the next byte: a size that is a multiple of the page adds no empty
    // page.
    if (page_.size() == page_size) write_page();
    const std::size_t n = std::min(bytes.size(), page_size - page_.size());
    page_.insert(page_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    bytes = bytes.subspan(n);
  }
}

GzOffset RagzipWriter::append(ByteView bytes) {
  sink_.write(bytes);
  const GzOffset at = position_;
  position_ = position_ + bytes.size();
  return at;
}

void RagzipWriter::write_page() {
  if (page_count_ > 0) note(last_page_, 0);
  const bool zero_page = page_.size() == std::size_t{1} << options_.page_bits && all_zero(page_);
  if (!zero_page || zero_member_.empty()) {
    member_.assign(kPageHeader.begin(), kPageHeader.end());
    deflater_->deflate(page_, member_);
    append_trailer(member_, crc32(page_), page_.size());
    if (zero_page) zero_member_ = member_;
  }
  const Bytes& member = zero_page ? zero_member_ : member_;
  last_page_ = append(member);
  if (observer_ != nullptr) observer_->page_written(page_count_, {last_page_, member.size()});
  ++page_count_;
  page_.clear();
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
  if (!page_.empty()) write_page();
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
