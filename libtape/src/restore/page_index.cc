#include "restore/page_index.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/endian.h"
#include "base/second_look.h"
#include "format/gzip_format.h"
#include "format/ragzip_format.h"
#include "tape/error.h"

namespace tape {
namespace {

constexpr std::size_t kPayloadAt = 16;  // of an index: the specification's fixed distance
constexpr std::size_t kHeadsMax = 4096;

[[noreturn]] void corrupt(GzOffset index, const std::string& what) {
  throw Error(ErrorKind::corrupt, "index at " + std::to_string(index.value()) + ": " + what);
}

}  // namespace

PageIndex::PageIndex(MetadataReader& metadata,
                     const RagzipStructure& structure,
                     const IndexOptions& options)
    : metadata_(metadata),
      geometry_(structure.geometry),
      options_(options),
      pages_end_(structure.extensions.empty() ? geometry_.footer
                                              : structure.extensions.front().offset),
      cache_(static_cast<std::size_t>(geometry_.levels)) {
  TAPE_ASSERT(options.indexes_a_level > 0);
  if (options.mode == IndexMode::loaded) load_all();
}

PageIndex::PageIndex(MetadataReader& metadata,
                     const RagzipStructure& structure,
                     const std::vector<GzRange>& pages)
    : metadata_(metadata),
      geometry_(structure.geometry),
      options_({IndexMode::loaded, 1}),
      pages_end_(pages.empty() ? GzOffset(0) : pages.back().end()) {
  auto& begins = items_.emplace_back();
  begins.reserve(pages.size());
  for (const GzRange& page : pages)
    begins.push_back(page.begin);
}

GzRange PageIndex::place(std::uint64_t number) {
  TAPE_ASSERT(number < geometry_.page_count);
  if (items_.empty() && geometry_.levels == 0) return {GzOffset(0), pages_end_ - GzOffset(0)};
  if (options_.mode == IndexMode::loaded) {
    const std::vector<GzOffset>& pages = items_.front();
    const GzOffset begin = pages[number];
    return {begin, (number + 1 < pages.size() ? pages[number + 1] : pages_end_) - begin};
  }
  if (options_.mode == IndexMode::direct) return descend(number);
  const std::lock_guard lock(mutex_);
  return second_look([&] { return descend(number); },
                     [&] {
                       metadata_.forget();
                       for (auto& level : cache_)
                         level.clear();
                     });
}

GzRange PageIndex::descend(std::uint64_t number) {
  Step step{geometry_.levels, geometry_.top_index, geometry_.footer, 0};
  std::uint64_t pages = geometry_.page_count;
  // The indexes in front of this one and behind it, on its level.
  std::optional<GzOffset> in_front;
  std::optional<GzOffset> behind;
  for (; step.level > 0; --step.level) {
    const int bits = span_bits(geometry_.index_bits, step.level);
    const std::uint64_t slot = number >> bits;
    step.count = ((pages - 1) >> bits) + 1;
    const Slots slots = slots_at(step, slot);
    if (slot > 0) {
      in_front = slots.before;
    } else if (in_front) {
      in_front = last_slot(*in_front);
    }
    // What a slot points at ends before the next slot's begin, or before the index itself.
    step.limit = slots.after;
    if (slot + 1 < step.count) {
      behind = slots.after;
    } else if (behind) {
      behind = first_slot(*behind);
      step.limit = std::min(step.limit, *behind);
    }
    if ((in_front && *in_front >= slots.here) || slots.here >= step.limit)
      corrupt(step.at, "slot " + std::to_string(slot) + " is " +
                           std::to_string(slots.here.value()) +
                           ", not between those in front of it and behind it");
    step.at = slots.here;
    number -= slot << bits;
    pages = std::min(std::uint64_t{1} << bits, pages - (slot << bits));
  }
  return {step.at, step.limit - step.at};
}

PageIndex::Slots PageIndex::slots_at(const Step& step, std::uint64_t slot) {
  if (options_.mode == IndexMode::direct) return read_slots(step, slot);
  const std::vector<GzOffset>& all = cached(step).slots;
  return {slot > 0 ? all[slot - 1] : GzOffset(), all[slot],
          slot + 1 < all.size() ? all[slot + 1] : step.at};
}

// The slot and its neighbours, from the object.
PageIndex::Slots PageIndex::read_slots(const Step& step, std::uint64_t slot) {
  check_head(step);
  const std::uint64_t first = slot > 0 ? slot - 1 : 0;
  const std::uint64_t end = std::min(slot + 2, step.count);
  std::array<std::uint8_t, 24> bytes{};
  metadata_.read_at(step.at + kPayloadAt + 8 * first, MutableBytes(bytes).first(8 * (end - first)));
  const auto value = [&](std::uint64_t number) {
    return GzOffset(load_be64(&bytes[8 * (number - first)]));
  };
  const Slots out{slot > 0 ? value(slot - 1) : GzOffset(), value(slot),
                  slot + 1 < end ? value(slot + 1) : step.at};
  if ((slot > 0 && out.before >= out.here) || out.here >= out.after || out.after > step.at)
    corrupt(step.at, "slot " + std::to_string(slot) + " is " + std::to_string(out.here.value()) +
                         ", not above the one before and below the index");
  return out;
}

// That there is an index with as many slots, once.
void PageIndex::check_head(const Step& step) {
  {
    const std::lock_guard lock(mutex_);
    if (heads_.contains({step.at, step.count})) return;
  }
  const ByteCount size = kMetadataOverhead + 8 * step.count;
  if (step.at >= step.limit || step.limit - step.at < size) corrupt(step.at, "out of place");
  std::array<std::uint8_t, kPayloadAt> head{};
  metadata_.read_at(step.at, head);
  if (head[0] != 0x1F || head[1] != 0x8B || head[2] != 8 || head[3] != 4)
    corrupt(step.at, "no gzip member with an EXTRA field alone");
  if (head[12] != 'R' || head[13] != 'A') corrupt(step.at, "its first subfield is not RA");
  const std::size_t length = load_le16(&head[14]);
  if (length != 8 * step.count || load_le16(&head[10]) < length + kSubfieldHead)
    corrupt(step.at, std::to_string(length) + " bytes, " + std::to_string(step.count) +
                         " slots of 8 expected");
  const std::lock_guard lock(mutex_);
  if (heads_.size() == kHeadsMax) heads_.clear();
  heads_.insert({step.at, step.count});
}

PageIndex::Index PageIndex::load(const Step& step) {
  const auto member =
      metadata_.member(step.at, step.limit, {"RA", "index", kMetadataOverhead + 8 * step.count});
  return {step.at, decode_index(member.payload, step.count, step.at)};
}

const PageIndex::Index& PageIndex::cached(const Step& step) {
  auto& kept = cache_[static_cast<std::size_t>(step.level - 1)];
  const auto found = std::find_if(kept.begin(), kept.end(), [&](const Index& index) {
    return index.offset == step.at && index.slots.size() == step.count;
  });
  Index index = found != kept.end() ? std::move(*found) : load(step);
  if (found != kept.end()) {
    kept.erase(found);
  } else if (kept.size() == options_.indexes_a_level) {
    kept.pop_back();
  }
  kept.push_front(std::move(index));
  return kept.front();
}

// Of an index that is not the last of its level, so full.
GzOffset PageIndex::last_slot(GzOffset index) const {
  return lone_slot(index, (std::uint64_t{1} << geometry_.index_bits) - 1);
}

GzOffset PageIndex::first_slot(GzOffset index) const {
  return lone_slot(index, 0);
}

GzOffset PageIndex::lone_slot(GzOffset index, std::uint64_t slot) const {
  const ByteCount size = metadata_.source().size();
  const ByteCount end = kPayloadAt + 8 * (slot + 1);
  if (index.value() > size || size - index.value() < end) corrupt(index, "out of place");
  std::array<std::uint8_t, 8> bytes{};
  metadata_.read_at(index + (end - bytes.size()), bytes);
  return GzOffset(load_be64(bytes.data()));
}

// Level by level from the top. Memory is bounded by the object's size: no slot counts twice.
void PageIndex::load_all() {
  items_.resize(static_cast<std::size_t>(geometry_.levels));
  const std::vector<GzOffset> top = {geometry_.top_index};
  if (geometry_.levels > 0) pages_end_ = geometry_.footer;
  for (int number = geometry_.levels; number > 0; --number) {
    const auto at = static_cast<std::size_t>(number);
    const std::vector<GzOffset>& indexes = at == items_.size() ? top : items_[at];
    std::vector<GzOffset>& below = items_[at - 1];
    const std::uint64_t slots =
        ((geometry_.page_count - 1) >> span_bits(geometry_.index_bits, number)) + 1;
    for (std::size_t i = 0; i < indexes.size(); ++i) {
      const GzOffset limit = i + 1 < indexes.size() ? indexes[i + 1] : pages_end_;
      const std::uint64_t count =
          std::min(slots - below.size(), std::uint64_t{1} << geometry_.index_bits);
      const Index index = load({number, indexes[i], limit, count});
      if (!below.empty() && below.back() >= index.slots.front())
        corrupt(indexes[i], "slot 0 is " + std::to_string(index.slots.front().value()) +
                                ", not above the last one of the index in front, " +
                                std::to_string(below.back().value()));
      below.insert(below.end(), index.slots.begin(), index.slots.end());
    }
    pages_end_ = indexes.back();
  }
}

std::vector<std::vector<GzOffset>> PageIndex::open_indexes(std::uint64_t pages) const {
  std::vector<std::vector<GzOffset>> out;
  std::uint64_t noted = pages == 0 ? 0 : pages - 1;
  for (const std::vector<GzOffset>& items : items_) {
    if (noted == 0) break;
    // An index that is full is written when the next offset arrives.
    const std::uint64_t written = (noted - 1) >> geometry_.index_bits;
    const auto begin = items.begin();
    out.emplace_back(begin + static_cast<std::ptrdiff_t>(written << geometry_.index_bits),
                     begin + static_cast<std::ptrdiff_t>(noted));
    noted = written;
  }
  return out;
}

}  // namespace tape
