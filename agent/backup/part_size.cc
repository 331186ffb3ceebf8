#include "backup/part_size.h"

#include <algorithm>
#include <string>

#include "tape/error.h"

namespace agent {
namespace {

using tape::ByteCount;

constexpr ByteCount kAutoMin = ByteCount{8} << 20;
constexpr ByteCount kMebi = ByteCount{1} << 20;
constexpr ByteCount kIndexShare = 68;    // of a page in the page indexes, their members included
constexpr ByteCount kRecordFixed = 256;  // of a record in the member index
constexpr ByteCount kRecordMax = 4 * tape::kMemberNameMax + kRecordFixed;  // a link names another
constexpr ByteCount kVolumeFixed = ByteCount{64} << 10;

// The most bytes that any volume's records can take: names count thrice, in leaf, inner node and
// front of both.
ByteCount records_bound(tape::Catalog& catalog, const tape::VolumePlan& plan) {
  ByteCount most = 0;
  ByteCount sum = 0;
  std::uint64_t volume = 0;
  const auto cursor = catalog.entries_from(tape::TapeOffset(0));
  while (const auto entry = cursor->next()) {
    const ByteCount record =
        3 * entry->member.name.size() + entry->member.target.size() + kRecordFixed;
    sum += record;
    while (entry->end() > plan.slice(volume).end() && volume + 1 < plan.count()) {
      most = std::max(most, sum);
      sum = record;  // it goes on in the next volume
      ++volume;
    }
  }
  return std::max(most, sum);
}

}  // namespace

void check_part_size(ByteCount typed) {
  if (typed % kPartSizeMin != 0 || typed > tape::kPartSizeMax)
    throw tape::Error(tape::ErrorKind::usage, "--part-size " + std::to_string(typed) +
                                                  ": a multiple of 64KiB, at most 64MiB, expected");
}

ByteCount part_size_for(tape::Catalog& catalog,
                        const tape::VolumePlan& plan,
                        const tape::RagzipOptions& ragzip,
                        const PartChoice& choice) {
  const auto [typed, part_count_max, part_size_min] = choice;
  check_part_size(typed);
  if (typed != 0 && typed < part_size_min)
    throw tape::Error(tape::ErrorKind::usage, "--part-size " + std::to_string(typed) +
                                                  ": at least " + std::to_string(part_size_min) +
                                                  " bytes in this store");
  const ByteCount page = ByteCount{1} << ragzip.page_bits;
  const ByteCount pages = (plan.slice(0).size + page - 1) / page;
  const ByteCount fixed = pages * (tape::page_bound(ragzip) + kIndexShare) + kVolumeFixed;
  // Where the longest names would still fit, nobody need look at them.
  const ByteCount least = typed == 0 ? kAutoMin : typed;
  if (fixed + catalog.summary().entries * kRecordMax <= least * part_count_max) return least;
  const ByteCount bound = fixed + records_bound(catalog, plan);
  const ByteCount needed = (bound + part_count_max - 1) / part_count_max;
  const ByteCount size =
      typed != 0 ? typed : std::max(kAutoMin, (needed + kMebi - 1) / kMebi * kMebi);
  if (size >= needed && size <= tape::kPartSizeMax) return size;
  throw tape::Error(tape::ErrorKind::usage,
                    "a volume of " + std::to_string(plan.slice(0).size) +
                        " tape bytes needs parts of " + std::to_string(needed) +
                        " bytes: " + std::to_string(part_count_max) +
                        " parts are the most, and a part has at most 64MiB",
                    typed != 0 && needed <= tape::kPartSizeMax
                        ? "a larger --part-size, or a smaller --volume-size"
                        : "choose a smaller --volume-size");
}

}  // namespace agent
