#include "tape/ragzip_reader.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/endian.h"
#include "format/gzip_format.h"
#include "format/ragzip_format.h"
#include "restore/page_decoder.h"
#include "restore/range_window.h"
#include "tape/error.h"

namespace tape {
namespace {

// RFC 1951: at best two bits for a match of 258 bytes.
constexpr ByteCount kInflationMax = 1032;
constexpr ByteCount kEmptyStreamRoom = 32;

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, what);
}

std::string at_text(const char* what, GzOffset at) {
  return std::string(what) + " at " + std::to_string(at.value());
}

}  // namespace

RagzipReader::RagzipReader(const RangeSource& source)
    : source_(source),
      window_(std::make_unique<RangeWindow>(source)),
      tail_(std::make_unique<RangeWindow>(source)),
      metadata_(std::make_unique<RangeWindow>(source)),
      inflater_(make_libdeflate_inflater()),
      decoder_(std::make_unique<PageDecoder>(*window_)) {
  read_footer();
  read_extensions();
  cached_.resize(static_cast<std::size_t>(geometry_.levels));
}

RagzipReader::~RagzipReader() = default;

ByteView RagzipReader::metadata_bytes(GzOffset at, ByteCount size) {
  return (tail_->holds(at, size) ? *tail_ : *metadata_).view(at, size);
}

RagzipReader::MetadataMember RagzipReader::metadata_member(GzOffset at,
                                                           GzOffset limit,
                                                           const MetadataRequest& request) {
  const std::string where = at_text(request.what, at);
  if (limit.value() > source_.size() || at >= limit || limit - at < kMetadataOverhead)
    corrupt(where + ": out of place");
  ByteView in = metadata_bytes(
      at, std::min<ByteCount>(limit - at,
                              std::max<ByteCount>(request.expected_size, kMetadataOverhead)));
  // Strict: FLG is FEXTRA and nothing else; MTIME, XFL and OS are free.
  if (in[0] != 0x1F || in[1] != 0x8B || in[2] != 8 || in[3] != 4)
    corrupt(where + ": no gzip member with an EXTRA field alone");
  const std::size_t extra = load_le16(&in[10]);
  const ByteCount whole = 12 + extra + kEmptyBody.size();
  if (extra < kSubfieldHead || limit - at < whole - kEmptyBody.size())
    corrupt(where + ": an EXTRA field of " + std::to_string(extra) + " bytes");
  if (in.size() < whole) in = metadata_bytes(at, std::min<ByteCount>(limit - at, whole));
  const std::size_t length = load_le16(&in[14]);
  if (in[12] != static_cast<std::uint8_t>(request.ident[0]) ||
      in[13] != static_cast<std::uint8_t>(request.ident[1]) || length > extra - kSubfieldHead) {
    corrupt(where + ": its first subfield is not " + request.ident);
  }
  const ByteView payload = in.subspan(16, length);
  MetadataMember member{Bytes(payload.begin(), payload.end()), GzOffset()};
  const std::size_t body = 12 + extra;
  if (in.size() >= whole && std::equal(kEmptyBody.begin(), kEmptyBody.end(), &in[body])) {
    member.end = at + whole;
    return member;
  }
  // Others write nothing in more than two bytes, as a stored block: look a little further.
  in = metadata_bytes(at, std::min<ByteCount>(limit - at, whole + kEmptyStreamRoom)).subspan(body);
  const auto result = inflater_->inflate(in, {});
  if (result.outcome != InflateOutcome::done || in.size() < result.consumed + kTrailerSize ||
      load_be64(in.data() + result.consumed) != 0) {
    corrupt(where + ": not an empty gzip member");
  }
  member.end = at + body + result.consumed + kTrailerSize;
  return member;
}

void RagzipReader::read_footer() {
  const ByteCount size = source_.size();
  if (size < kFooterSize)
    corrupt("not a ragzip file: " + std::to_string(size) + " bytes, a footer alone has 64");
  const ByteCount tail = std::min(size, kTailReadSize);
  tail_->view(GzOffset(size - tail), tail);
  geometry_.footer = GzOffset(size - kFooterSize);
  const ByteView head = metadata_bytes(geometry_.footer, 16);
  if (head[0] != 0x1F || head[1] != 0x8B || head[12] != 'R' || head[13] != 'A') {
    corrupt(
        "no ragzip footer in its last 64 bytes: it was cut or overwritten, or it is no ragzip "
        "file");
  }
  const auto member =
      metadata_member(geometry_.footer, GzOffset(size), {"RA", "footer", kFooterSize});
  if (member.end.value() != size)
    corrupt("footer: ends at " + std::to_string(member.end.value()) + ", the file at " +
            std::to_string(size));
  const RagzipFooter footer = decode_footer(member.payload);
  geometry_.page_bits = footer.page_bits;
  geometry_.index_bits = footer.index_bits;
  geometry_.levels = footer.levels;
  geometry_.logical_size = footer.logical_size;
  geometry_.page_count = pages_for(footer.logical_size, footer.page_bits);
  geometry_.top_index = GzOffset(static_cast<std::uint64_t>(footer.top_index));
  if (footer.levels > 0 && geometry_.top_index >= geometry_.footer)
    corrupt("footer: top index offset " + std::to_string(footer.top_index) + " is behind it");
  extension_tail_ = footer.extension_tail;
}

void RagzipReader::read_extensions() {
  GzOffset limit = geometry_.footer;
  for (std::int64_t tail = extension_tail_; tail != -1;) {
    if (extensions_.size() == kExtensionCountMax) corrupt("more than 50 extensions");
    const GzOffset at(static_cast<std::uint64_t>(tail));
    if (at >= limit)
      corrupt("extension at " + std::to_string(tail) + ": not before " +
              std::to_string(limit.value()));
    auto member = metadata_member(at, limit, {"RA", "extension", 0});
    const ExtensionHead head =
        within(at_text("extension", at), [&] { return decode_extension(member.payload); });
    if ((head.flags & 0x80) != 0) {
      throw Error(ErrorKind::unsupported, at_text("extension", at) + ": id " +
                                              std::to_string(head.id) +
                                              " is of a later ragzip specification");
    }
    member.payload.erase(member.payload.begin(),
                         member.payload.begin() + static_cast<std::ptrdiff_t>(kExtensionHead));
    extensions_.insert(extensions_.begin(), {at, head.flags, head.id, std::move(member.payload)});
    limit = at;
    tail = head.previous;
  }
}

const RagzipReader::Index& RagzipReader::load_index(int level,
                                                    GzOffset at,
                                                    GzOffset limit,
                                                    std::uint64_t pages) {
  auto& cached = cached_[static_cast<std::size_t>(level - 1)];
  if (cached && cached->offset == at && cached->pages == pages) return *cached;
  // Spans are powers of two; above 2^63 pages one slot covers everything.
  const int span_bits = std::min(63, geometry_.index_bits * (level - 1));
  const std::uint64_t count = (pages - 1) / (std::uint64_t{1} << span_bits) + 1;
  const auto member = metadata_member(at, limit, {"RA", "index", kMetadataOverhead + 8 * count});
  cached = Index{at, pages, decode_index(member.payload, count, at)};
  return *cached;
}

ByteCount RagzipReader::page_length(std::uint64_t number) const {
  TAPE_ASSERT(number < geometry_.page_count);
  const ByteCount page_size = ByteCount{1} << geometry_.page_bits;
  return std::min(page_size, geometry_.logical_size - (number << geometry_.page_bits));
}

GzRange RagzipReader::page_place(std::uint64_t number) {
  TAPE_ASSERT(number < geometry_.page_count);
  GzOffset at = geometry_.top_index;
  GzOffset limit = geometry_.footer;
  std::uint64_t first = 0;
  std::uint64_t pages = geometry_.page_count;
  for (int level = geometry_.levels; level > 0; --level) {
    const Index& index = load_index(level, at, limit, pages);
    const int span_bits = std::min(63, geometry_.index_bits * (level - 1));
    const std::uint64_t slot = (number - first) >> span_bits;
    // What a slot points at ends before the next slot's begin, or before the index itself.
    limit = slot + 1 < index.slots.size() ? index.slots[slot + 1] : at;
    at = index.slots[slot];
    first += slot << span_bits;
    pages = std::min(std::uint64_t{1} << span_bits, geometry_.page_count - first);
  }
  if (geometry_.levels == 0 && !extensions_.empty()) limit = extensions_.front().offset;
  return {at, limit - at};
}

GzRange RagzipReader::decode_page(std::uint64_t number, GzRange place, Bytes& out) {
  const ByteCount length = page_length(number);
  // A small file that claims large pages must not cost large memory.
  if (place.size > source_.size() || length / kInflationMax > place.size) {
    corrupt(at_text("page", place.begin) + ": " + std::to_string(length) +
            " bytes cannot come out of " + std::to_string(place.size));
  }
  out.resize(length);
  return decoder_->decode(place, out);
}

void RagzipReader::inflate_as_gzip_does() {
  decoder_->use(make_zlib_inflater());
}

void RagzipReader::read_ahead(GzRange range, ByteCount most) {
  window_->expect(range, most);
}

void RagzipReader::read_metadata_ahead(GzRange range, ByteCount most) {
  metadata_->expect(range, most);
}

ByteView RagzipReader::page(std::uint64_t number) {
  if (page_number_ != number) {
    page_number_.reset();
    decode_page(number, page_place(number), page_);
    page_number_ = number;
  }
  return page_;
}

std::size_t RagzipReader::read_at(LogicalOffset at, MutableBytes out) {
  std::size_t done = 0;
  while (done < out.size() && at.value() < geometry_.logical_size) {
    const std::uint64_t number = at.value() >> geometry_.page_bits;
    const ByteView bytes = page(number).subspan(at.value() - (number << geometry_.page_bits));
    const std::size_t n = std::min(bytes.size(), out.size() - done);
    std::memcpy(out.data() + done, bytes.data(), n);
    done += n;
    at = at + n;
  }
  return done;
}

}  // namespace tape
