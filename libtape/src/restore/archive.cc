#include "tape/archive.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "base/assert.h"
#include "codec/digest.h"
#include "format/tar_format.h"
#include "format/tar_layout.h"
#include "tape/error.h"

namespace tape {
namespace {

[[noreturn]] void corrupt(const MemberRecord& record, const std::string& what) {
  throw Error(ErrorKind::corrupt, shown(record.name()) + ": " + what);
}

// The record is what a look-up goes by, the header what every other tool goes by.
void compare(const MemberRecord& record, const Member& header) {
  if (header.name != record.name()) corrupt(record, "its header names " + shown(header.name));
  if (header.type != record.type) corrupt(record, "its header and its record differ in type");
  if (header.size != record.size)
    corrupt(record, "its header says " + std::to_string(header.size) + " bytes, its record " +
                        std::to_string(record.size));
  if (header.target != record.target)
    corrupt(record, "its header leads to " + shown(header.target) + ", its record to " +
                        shown(record.target));
  const bool owner_differs =
      record.has(kRecordOwner) && (header.uid != record.uid || header.gid != record.gid);
  if (header.mode != record.mode || header.mtime.seconds != record.mtime.seconds || owner_differs)
    corrupt(record, "its header and its record differ in mode, mtime or owner");
}

}  // namespace

class BodyHash {
 public:
  Xxh3Stream stream;
};

MemberReader::MemberReader(Archive& archive, const MemberRecord& record)
    : archive_(archive),
      record_(record),
      next_page_(record.pages.begin),
      position_(static_cast<std::uint64_t>(record.offset)),
      hash_(std::make_unique<BodyHash>()) {
  Bytes blocks(record.header_blocks * kBlockSize);
  take(blocks);
  header_ = within(shown(record.name()), [&] { return decode_header(blocks); });
  compare(record, header_);
  header_.mtime.nanoseconds = record.mtime.nanoseconds;
  left_ = record.size;
}

MemberReader::~MemberReader() = default;

void MemberReader::take(MutableBytes out) {
  const int page_bits = archive_.ragzip_.geometry().page_bits;
  while (!out.empty()) {
    const std::uint64_t number = position_.value() >> page_bits;
    if (number >= archive_.ragzip_.geometry().page_count)
      corrupt(record_, "it reaches behind the last page");
    GzOffset end;
    const ByteView page = archive_.page(
        number,
        {next_page_, record_.pages.end() > next_page_ ? record_.pages.end() - next_page_ : 0}, end);
    const std::size_t from = position_.value() - (number << page_bits);
    const std::size_t n = std::min(out.size(), page.size() - from);
    std::memcpy(out.data(), page.data() + from, n);
    out = out.subspan(n);
    position_ = position_ + n;
    if (from + n == page.size()) next_page_ = end;
  }
}

std::size_t MemberReader::read(MutableBytes out) {
  const std::size_t n = std::min<ByteCount>(out.size(), left_);
  take(out.first(n));
  hash_->stream.update(out.first(n));
  left_ -= n;
  return n;
}

HashResult MemberReader::finish() {
  TAPE_ASSERT(left_ == 0);
  if (!record_.has(kRecordHash)) return HashResult::none;
  return hash_->stream.digest() == record_.hash ? HashResult::right : HashResult::wrong;
}

void MemberReader::check_padding() {
  Bytes padding(padded(record_.size) - record_.size);
  take(padding);
  if (std::any_of(padding.begin(), padding.end(), [](std::uint8_t byte) { return byte != 0; }))
    corrupt(record_, "its padding is not zero");
}

Archive::Archive(const RangeSource& source)
    : ragzip_(source), index_(ragzip_), slice_hash_(std::make_unique<BodyHash>()) {}

Archive::~Archive() = default;

void Archive::expect_walk(ByteCount most) {
  const MemberIndexRoot& root = index_.root();
  walk_ = {GzOffset(0), (root.records == 0 ? root.extension : root.leaves.begin).value()};
  ragzip_.read_ahead(walk_, most);
}

std::unique_ptr<MemberReader> Archive::open(const MemberRecord& record) {
  if (record.has(kRecordOmitted))
    throw Error(ErrorKind::unsupported,
                shown(record.name()) +
                    ": was left out when the archive was made; it could not be read then");
  if (record.has(kRecordLater) || record.offset < 0)
    throw Error(ErrorKind::unsupported,
                shown(record.name()) + ": lies in several volumes, of which this is one");
  if (record.pages.end() > index_.root().extension)
    corrupt(record, "its pages reach behind the data");
  if (walk_.size == 0) ragzip_.read_ahead(record.pages, kReadAheadMax);
  return std::unique_ptr<MemberReader>(new MemberReader(*this, record));
}

ByteView Archive::page(std::uint64_t number, GzRange place, GzOffset& end) {
  if (page_number_ != number) {
    page_number_.reset();
    const GzRange found = ragzip_.decode_page(number, place, page_);
    page_end_ = found.end();
    page_number_ = number;
    if (checking_) check_page(number, found);
  }
  end = page_end_;
  return page_;
}

// Every page comes by once, in order, while the members are checked.
void Archive::check_page(std::uint64_t number, GzRange found) {
  if (number != pages_checked_)
    throw Error(ErrorKind::corrupt, "page " + std::to_string(number) + " where page " +
                                        std::to_string(pages_checked_) +
                                        " was expected: members are not contiguous");
  ++pages_checked_;
  const GzOffset indexed = ragzip_.page_place(number).begin;
  if (indexed != found.begin) {
    throw Error(ErrorKind::corrupt, "page " + std::to_string(number) + " at " +
                                        std::to_string(found.begin.value()) +
                                        ": the page index says " + std::to_string(indexed.value()));
  }
  slice_hash_->stream.update(page_);
}

void Archive::check_all(const std::function<void(ByteCount)>& progress) {
  index_.check();
  check_places();
  expect_walk(kWalkAhead);
  ragzip_.inflate_as_gzip_does();
  checking_ = true;
  page_number_.reset();
  pages_checked_ = 0;
  slice_hash_->stream.reset();
  ByteCount position = 0;
  std::uint64_t records = 0;
  Bytes buffer(kWalkBuffer);
  const auto cursor = index_.records_from({});
  while (const auto record = cursor->next()) {
    if (static_cast<ByteCount>(record->offset) != position)
      corrupt(*record, "begins at " + std::to_string(record->offset) + ", the one before ends at " +
                           std::to_string(position));
    const auto member = open(*record);
    for (std::size_t n = member->read(buffer); n != 0; n = member->read(buffer)) {
      if (progress) progress(position);
    }
    if (member->finish() == HashResult::wrong)
      corrupt(*record, "its content does not have the recorded XXH3-128");
    member->check_padding();
    if (page_end_ != record->pages.end()) {
      corrupt(*record, "its last page ends at " + std::to_string(page_end_.value()) +
                           ", its record says " + std::to_string(record->pages.end().value()));
    }
    position += record->header_blocks * kBlockSize + padded(record->size);
    ++records;
    if (progress) progress(position);
  }
  check_end(position);
}

void Archive::check_end(ByteCount position) {
  const RagzipGeometry& geometry = ragzip_.geometry();
  if (geometry.logical_size < position ||
      geometry.logical_size - position != kEndBlocks * kBlockSize)
    throw Error(ErrorKind::corrupt, "members end at " + std::to_string(position) + " of " +
                                        std::to_string(geometry.logical_size) +
                                        " bytes; two zero blocks expected behind them");
  // The end blocks may lie in pages of their own.
  for (std::uint64_t number = pages_checked_; number < geometry.page_count; ++number) {
    GzOffset end;
    page(number, ragzip_.page_place(number), end);
  }
  Bytes blocks(kEndBlocks * kBlockSize);
  ragzip_.read_at(LogicalOffset(position), blocks);
  if (std::any_of(blocks.begin(), blocks.end(), [](std::uint8_t byte) { return byte != 0; }))
    throw Error(ErrorKind::corrupt, "the end blocks are not zero");
  checking_ = false;
  if (slice_hash_->stream.digest() != index_.root().slice_hash)
    throw Error(ErrorKind::corrupt, "the content does not have the XXH3-128 that TMIX records");
}

// Both indexes say where the page of a member's first byte begins.
void Archive::check_places() {
  const auto cursor = index_.records_from({});
  while (const auto record = cursor->next()) {
    const auto number = static_cast<std::uint64_t>(std::max<std::int64_t>(record->offset, 0)) >>
                        ragzip_.geometry().page_bits;
    if (number >= ragzip_.geometry().page_count)
      corrupt(*record, "it reaches behind the last page");
    const GzOffset indexed = ragzip_.page_place(number).begin;
    if (indexed == record->pages.begin) continue;
    corrupt(*record, "its record says its first page is at " +
                         std::to_string(record->pages.begin.value()) + ", the page index says " +
                         std::to_string(indexed.value()));
  }
}

std::uint64_t Archive::check_sample(double share,
                                    std::uint64_t seed,
                                    const std::function<void(ByteCount)>& progress) {
  index_.check();
  check_places();
  if (share > 0.5) expect_walk(kWalkAhead);
  ragzip_.inflate_as_gzip_does();
  std::mt19937_64 random(seed);
  std::bernoulli_distribution chosen(share);
  std::uint64_t decoded = 0;
  GzOffset before;
  Bytes page;
  for (std::uint64_t number = 0; number < ragzip_.geometry().page_count; ++number) {
    const GzRange place = ragzip_.page_place(number);
    if (number != 0 && place.begin <= before)
      throw Error(ErrorKind::corrupt,
                  "page " + std::to_string(number) + " does not stand behind the one before");
    before = place.begin;
    if (progress) progress(number << ragzip_.geometry().page_bits);
    if (!chosen(random)) continue;
    ragzip_.decode_page(number, place, page);
    ++decoded;
  }
  return decoded;
}

}  // namespace tape
