#include "tape/ragzip_reader.h"

#include "base/assert.h"
#include "restore/page_decoder.h"
#include "restore/page_walk.h"
#include "restore/ragzip_object.h"
#include "restore/range_window.h"
#include "tape/error.h"

namespace tape {
RagzipReader::RagzipReader(const RangeSource& source, const IndexOptions& index)
    : owned_(std::make_unique<RagzipObject>(source, index, kTailReadSize)),
      object_(*owned_),
      window_(std::make_unique<RangeWindow>(source)),
      decoder_(std::make_unique<PageDecoder>(*window_)) {}

RagzipReader::RagzipReader(RagzipObject& object)
    : object_(object),
      window_(std::make_unique<RangeWindow>(object.metadata.source())),
      decoder_(std::make_unique<PageDecoder>(*window_)) {}

RagzipReader::~RagzipReader() = default;

const RangeSource& RagzipReader::source() const {
  return object_.metadata.source();
}

const RagzipGeometry& RagzipReader::geometry() const {
  return object_.structure.geometry;
}

const std::vector<RagzipExtension>& RagzipReader::extensions() const {
  return object_.structure.extensions;
}

RagzipReader::MetadataMember RagzipReader::metadata_member(GzOffset at,
                                                           GzOffset limit,
                                                           const MetadataRequest& request) {
  return object_.metadata.member(at, limit, request);
}

void RagzipReader::forget_metadata() {
  object_.metadata.forget();
}

ByteCount RagzipReader::page_length(std::uint64_t number) const {
  return tape::page_length(geometry(), number);
}

GzRange RagzipReader::page_place(std::uint64_t number) {
  return object_.index.place(number);
}

PageBoundary RagzipReader::boundary_behind(std::uint64_t pages) {
  PageBoundary out;
  out.page_count = pages;
  if (pages == 0) return out;
  const GzRange last = decode_indexed(pages - 1, page_);
  page_number_.reset();
  TAPE_ASSERT(page_.size() == std::size_t{1} << geometry().page_bits);
  out.last_page = page_place(pages - 1).begin;
  out.position = last.end();
  out.open_indexes = object_.index.open_indexes(pages);
  for (const auto& index : out.open_indexes) {
    if (!index.empty() && index.back() >= out.position)
      throw Error(ErrorKind::unsupported,
                  "the index at " + std::to_string(index.back().value()) +
                      " stands later than a writer would have it, so nothing can follow page " +
                      std::to_string(pages - 1));
  }
  return out;
}

void RagzipReader::make_room(std::uint64_t number, GzRange place, Bytes& out) const {
  const ByteCount length = page_length(number);
  expect_room_for(length, place);
  out.resize(length);
}

GzRange RagzipReader::decode_page(std::uint64_t number, GzRange place, Bytes& out) {
  make_room(number, place, out);
  return decoder_->decode(place, out);
}

GzRange RagzipReader::decode_indexed(std::uint64_t number, Bytes& out) {
  const GzRange place = page_place(number);
  make_room(number, place, out);
  return decoder_->decode(place, out, PageDecoder::Begin::page);
}

void RagzipReader::decode_only(std::uint64_t number, GzRange place, Bytes& out) {
  make_room(number, place, out);
  const GzOffset end = decoder_->decode(place, out, PageDecoder::Begin::page).end();
  expect_no_content({end, place.end() - end});
}

void RagzipReader::expect_no_content(GzRange place) {
  decoder_->expect_empty(place);
}

void RagzipReader::inflate_as_gzip_does() {
  decoder_->use(make_zlib_inflater());
}

void RagzipReader::read_ahead(GzRange range, ByteCount most) {
  window_->expect(range, most);
}

void RagzipReader::read_metadata_ahead(GzRange range, ByteCount most) {
  object_.metadata.read_ahead(range, most);
}

ByteView RagzipReader::page(std::uint64_t number) {
  if (page_number_ != number) {
    page_number_.reset();
    decode_indexed(number, page_);
    page_number_ = number;
    end_checked_ = end_checked_ || number + 1 == geometry().page_count;
  }
  return page_;
}

std::size_t RagzipReader::read_at(LogicalOffset at, MutableBytes out) {
  const std::size_t done =
      copy_from_pages(geometry(), at, out, [&](std::uint64_t number) { return page(number); });
  if (done < out.size() && !end_checked_ && geometry().page_count > 0)
    page(geometry().page_count - 1);
  return done;
}

}  // namespace tape
