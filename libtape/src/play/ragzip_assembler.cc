#include "tape/ragzip_assembler.h"

#include "base/assert.h"
#include "format/gzip_format.h"
#include "format/ragzip_format.h"
#include "tape/error.h"
#include "tape/fields.h"

namespace tape {
namespace {

[[noreturn]] void usage(const std::string& what) {
  throw Error(ErrorKind::usage, what);
}

// How many offsets each open index holds behind `page_count` pages: the last page's is in none, and
// an index that is full stays open until the next offset arrives.
std::vector<std::uint64_t> open_slots(std::uint64_t page_count, int index_bits) {
  std::vector<std::uint64_t> out;
  std::uint64_t noted = page_count == 0 ? 0 : page_count - 1;
  while (noted > 0) {
    const std::uint64_t written = (noted - 1) >> index_bits;
    out.push_back(noted - (written << index_bits));
    noted = written;
  }
  return out;
}

}  // namespace

void check_shape(const RagzipShape& shape) {
  if (shape.page_bits < kPageBitsMin || shape.page_bits > kPageBitsMax)
    usage("--page-size 2^" + std::to_string(shape.page_bits) + ": 2^9 to 2^30 expected");
  const int index_max = shape.compat ? kIndexBitsMaxCompatible : kIndexBitsMax;
  if (shape.index_bits < kIndexBitsMin || shape.index_bits > index_max) {
    usage("--index-exponent " + std::to_string(shape.index_bits) + ": 1 to " +
          std::to_string(index_max) + " expected" +
          (shape.compat ? " (11 and 12 with --compat off: BusyBox gunzip cannot read those)" : ""));
  }
}

Bytes encode_boundary(const PageBoundary& boundary) {
  Bytes out;
  FieldWriter fields(out);
  fields.number(boundary.position.value());
  fields.number(boundary.page_count);
  fields.number(boundary.last_page.value());
  fields.number(boundary.open_indexes.size());
  for (const auto& index : boundary.open_indexes) {
    fields.number(index.size());
    for (const GzOffset offset : index)
      fields.number(offset.value());
  }
  return out;
}

PageBoundary decode_boundary(ByteView bytes, const RagzipShape& shape) {
  FieldReader fields(bytes);
  PageBoundary boundary;
  boundary.position = GzOffset(fields.number_to(kLogicalSizeMax));
  boundary.page_count = fields.number_to(kLogicalSizeMax >> shape.page_bits);
  boundary.last_page = GzOffset(fields.number_to(boundary.position.value()));
  const auto slots = open_slots(boundary.page_count, shape.index_bits);
  if (fields.number() != slots.size())
    throw Error(ErrorKind::corrupt, "saved state: its indexes are not those of " +
                                        std::to_string(boundary.page_count) + " pages");
  for (const std::uint64_t count : slots) {
    if (fields.number() != count)
      throw Error(ErrorKind::corrupt, "saved state: an index has not the slots that " +
                                          std::to_string(boundary.page_count) + " pages need");
    auto& index = boundary.open_indexes.emplace_back(count);
    for (GzOffset& offset : index)
      offset = GzOffset(fields.number_to(boundary.position.value()));
  }
  fields.expect_end();
  return boundary;
}

RagzipAssembler::RagzipAssembler(ByteSink& sink, const RagzipShape& shape)
    : sink_(sink), shape_(shape) {
  check_shape(shape);
}

PageBoundary RagzipAssembler::boundary() const {
  TAPE_ASSERT(!pages_finished_ && logical_ == page_count_ << shape_.page_bits);
  return {position_, page_count_, last_page_, indexes_};
}

void RagzipAssembler::resume(const PageBoundary& boundary) {
  TAPE_ASSERT(page_count_ == 0);
  position_ = boundary.position;
  page_count_ = boundary.page_count;
  last_page_ = boundary.last_page;
  indexes_ = boundary.open_indexes;
  logical_ = page_count_ << shape_.page_bits;
}

GzOffset RagzipAssembler::append(ByteView bytes) {
  sink_.write(bytes);
  const GzOffset at = position_;
  position_ = position_ + bytes.size();
  return at;
}

void RagzipAssembler::begin_page(ByteCount length) {
  const ByteCount page_size = ByteCount{1} << shape_.page_bits;
  TAPE_ASSERT(!pages_finished_ && length > 0 && length <= page_size);
  TAPE_ASSERT(logical_ == page_count_ << shape_.page_bits);  // the page before is full
  if (length > kLogicalSizeMax - logical_)
    throw Error(ErrorKind::unsupported, "ragzip: more than 2^62 - 1 bytes");
  if (page_count_ > 0) note(last_page_, 0);
  last_page_ = position_;
  ++page_count_;
  logical_ += length;
}

GzOffset RagzipAssembler::add_page(ByteView members, ByteCount length) {
  begin_page(length);
  return append(members);
}

GzOffset RagzipAssembler::skip_page(ByteCount size, ByteCount length) {
  begin_page(length);
  position_ = position_ + size;
  return last_page_;
}

// A full index is written when the next offset for it arrives, its own offset one level up first.
void RagzipAssembler::note(GzOffset offset, std::size_t level) {
  if (level == indexes_.size()) indexes_.emplace_back();
  if (indexes_[level].size() == std::size_t{1} << shape_.index_bits) {
    const GzOffset full = write_index(level);
    indexes_[level].clear();
    note(full, level + 1);
  }
  indexes_[level].push_back(offset);
}

GzOffset RagzipAssembler::write_index(std::size_t level) {
  return append(encode_metadata_member("RA", encode_index(indexes_[level])));
}

void RagzipAssembler::finish_pages() {
  TAPE_ASSERT(!pages_finished_);
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

GzOffset RagzipAssembler::append_member(ByteView member) {
  TAPE_ASSERT(pages_finished_);
  return append(member);
}

void RagzipAssembler::add_extension(std::uint32_t id, ByteView payload, std::uint8_t flags) {
  static_assert(kExtensionMaxCompatible == kExtraMaxCompatible - kSubfieldHead - kExtensionHead);
  const std::size_t limit = shape_.compat ? kExtensionMaxCompatible : kExtensionPayloadMax;
  if ((flags & kSpecificationFlag) != 0)
    usage("ragzip: extension " + std::to_string(id) + ": flag 0x80 belongs to the specification");
  if (extensions_.size() == kExtensionCountMax) usage("ragzip: a 51st extension, 50 at the most");
  if (payload.size() > limit)
    usage("ragzip: extension " + std::to_string(id) + " has " + std::to_string(payload.size()) +
          " bytes, " + std::to_string(limit) + " at the most");
  extensions_.push_back({id, flags, Bytes(payload.begin(), payload.end())});
}

void RagzipAssembler::finish() {
  TAPE_ASSERT(pages_finished_);
  std::optional<GzOffset> tail;
  for (const Extension& extension : extensions_) {
    const std::int64_t previous = tail ? static_cast<std::int64_t>(tail->value()) : -1;
    const Bytes body =
        encode_extension({previous, extension.flags, extension.id}, extension.payload);
    tail = append(encode_metadata_member("RA", body));
  }
  append(footer_member(tail));
}

Bytes RagzipAssembler::footer_member(std::optional<GzOffset> extension_tail) const {
  TAPE_ASSERT(pages_finished_);
  RagzipFooter footer;
  footer.levels = levels();
  footer.index_bits = shape_.index_bits;
  footer.page_bits = shape_.page_bits;
  footer.logical_size = logical_;
  footer.top_index = static_cast<std::int64_t>(top_index_.value());
  if (extension_tail) footer.extension_tail = static_cast<std::int64_t>(extension_tail->value());
  return encode_footer(footer);
}

}  // namespace tape
