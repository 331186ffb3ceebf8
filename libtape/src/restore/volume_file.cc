#include "restore/volume_file.h"

#include <algorithm>
#include <random>

#include "tape/error.h"

namespace tape {
namespace {

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, what);
}

// Before anything is read of it: a volume that was cut or exchanged has no footer where it belongs.
const RangeSource& of_size(const RangeSource& source, ByteCount expected) {
  if (source.size() != expected)
    corrupt("it has " + std::to_string(source.size()) + " bytes, the manifest says " +
            std::to_string(expected));
  return source;
}

}  // namespace

VolumeFile::VolumeFile(const RangeSource& source)
    : object_(source, {}, kTailReadSize), ragzip_(object_), index_(ragzip_) {}

VolumeFile::VolumeFile(std::unique_ptr<RangeSource> source, const ArchiveVolume& volume)
    : owned_(std::move(source)),
      name_(owned_->name()),
      object_(of_size(*owned_, volume.size), {}, kTailReadSize),
      ragzip_(object_),
      index_(ragzip_) {
  if (ragzip_.geometry().logical_size != volume.tape_size)
    corrupt("it holds " + std::to_string(ragzip_.geometry().logical_size) +
            " bytes of the tape, the manifest says " + std::to_string(volume.tape_size));
  if (index_.root().slice_hash != volume.slice_hash)
    corrupt("it is sound, but not the volume that the manifest names: another XXH3-128");
}

void VolumeFile::expect_walk(const WalkOptions& walk) {
  const MemberIndexRoot& root = index_.root();
  const GzOffset end = root.records == 0 ? root.extension : root.leaves.begin;
  walk_ = walk;
  // What workers read is not to be read here, too.
  ragzip_.read_ahead({GzOffset(0), end.value()}, walk.workers == 0 ? walk.ahead : 0);
  ahead_.reset();
  if (walk.workers != 0) ahead_ = std::make_unique<PagesAhead>(object_, walk.workers, checking_);
}

void VolumeFile::expect(GzRange pages) {
  if (!walk_) ragzip_.read_ahead(pages, kReadAheadMax);
}

ByteView VolumeFile::page(std::uint64_t number, GzRange place, GzOffset& end) {
  if (page_number_ != number) {
    page_number_.reset();
    auto found = page_ahead(number);
    if (!found) {
      found = ragzip_.decode_page(number, place, page_);
      shown_ = page_;
    }
    if (checking_) check_page(number, *found);
    page_end_ = found->end();
    page_number_ = number;
  }
  end = page_end_;
  return shown_;
}

std::optional<GzRange> VolumeFile::page_ahead(std::uint64_t number) {
  const auto page = ahead_ ? ahead_->page(number) : std::nullopt;
  if (!page) return std::nullopt;
  shown_ = page->bytes;
  return page->place;
}

void VolumeFile::begin_check() {
  ragzip_.inflate_as_gzip_does();
  checking_ = true;
  if (walk_) expect_walk(*walk_);
  page_number_.reset();
  page_end_ = GzOffset(0);
  pages_checked_ = 0;
  slice_hash_.reset();
}

// Every page comes by once, in order, while the members are checked.
void VolumeFile::check_page(std::uint64_t number, GzRange found) {
  if (number != pages_checked_)
    corrupt("page " + std::to_string(number) + " where page " + std::to_string(pages_checked_) +
            " was expected: members are not contiguous");
  ++pages_checked_;
  if (found.begin < page_end_)
    corrupt("page " + std::to_string(number) + " at " + std::to_string(found.begin.value()) +
            " begins in front of the end of the one before");
  // What was decoded where the index says tells nothing of what lies in front.
  ragzip_.expect_no_content({page_end_, found.begin - page_end_});
  const GzOffset indexed = ragzip_.page_place(number).begin;
  if (indexed != found.begin)
    corrupt("page " + std::to_string(number) + " at " + std::to_string(found.begin.value()) +
            ": the page index says " + std::to_string(indexed.value()));
  slice_hash_.update(shown_);
  if (pages_checked_ != ragzip_.geometry().page_count) return;
  if (slice_hash_.digest() != index_.root().slice_hash)
    corrupt("the content does not have the XXH3-128 that TMIX records");
}

void VolumeFile::check_rest() {
  for (std::uint64_t number = pages_checked_; number < ragzip_.geometry().page_count; ++number) {
    GzOffset end;
    page(number, ragzip_.page_place(number), end);
  }
}

// Both indexes say where the page of a member's first byte begins.
void VolumeFile::check_indexes() {
  index_.check();
  const auto cursor = index_.records_from({});
  while (const auto record = cursor->next()) {
    const auto number = static_cast<std::uint64_t>(std::max<std::int64_t>(record->offset, 0)) >>
                        ragzip_.geometry().page_bits;
    if (number >= ragzip_.geometry().page_count)
      corrupt(shown(record->name()) + ": it reaches behind the last page");
    const GzOffset indexed = ragzip_.page_place(number).begin;
    if (indexed == record->pages.begin) continue;
    corrupt(shown(record->name()) + ": its record says its first page is at " +
            std::to_string(record->pages.begin.value()) + ", the page index says " +
            std::to_string(indexed.value()));
  }
}

std::uint64_t VolumeFile::check_sample(double share,
                                       std::uint64_t seed,
                                       const std::function<void(ByteCount)>& progress) {
  if (share > 0.5) expect_walk({});
  ragzip_.inflate_as_gzip_does();
  std::mt19937_64 random(seed);
  std::bernoulli_distribution chosen(share);
  std::uint64_t decoded = 0;
  GzOffset before;
  Bytes page;
  for (std::uint64_t number = 0; number < ragzip_.geometry().page_count; ++number) {
    const GzRange place = ragzip_.page_place(number);
    if (number != 0 && place.begin <= before)
      corrupt("page " + std::to_string(number) + " does not stand behind the one before");
    before = place.begin;
    if (progress) progress(number << ragzip_.geometry().page_bits);
    if (!chosen(random)) continue;
    ragzip_.decode_page(number, place, page);
    ++decoded;
  }
  return decoded;
}

}  // namespace tape
