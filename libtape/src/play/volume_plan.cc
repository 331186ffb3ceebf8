#include "tape/volume_plan.h"

#include <algorithm>
#include <string>

#include "tape/error.h"

namespace tape {

VolumePlan VolumePlan::fixed(ByteCount tape_size, ByteCount volume_size, int page_bits) {
  const ByteCount page = ByteCount{1} << page_bits;
  if (volume_size % page != 0)
    throw Error(ErrorKind::usage, "--volume-size " + std::to_string(volume_size) +
                                      ": a multiple of the page size " + std::to_string(page) +
                                      " expected");
  VolumePlan plan;
  plan.cuts_.emplace_back();
  if (volume_size != 0) {
    if ((tape_size - 1) / volume_size >= kVolumeCountMax) {
      const ByteCount fits = (tape_size / kVolumeCountMax / page + 1) * page;
      throw Error(ErrorKind::usage,
                  "--volume-size " + std::to_string(volume_size) + ": " +
                      std::to_string((tape_size - 1) / volume_size + 1) + " volumes, at most " +
                      std::to_string(kVolumeCountMax) + " are possible",
                  "--volume-size " + std::to_string(fits) + " fits");
    }
    for (ByteCount at = volume_size; at < tape_size; at += volume_size)
      plan.cuts_.emplace_back(at);
  }
  plan.cuts_.emplace_back(tape_size);
  return plan;
}

VolumeSpan VolumePlan::volumes_of(const TapeRange& range) const {
  if (count() == 0 || range.size == 0 || range.begin >= cuts_.back()) return {};
  // The last cut that is not behind the first byte, the first that is not before the end.
  const auto first = std::upper_bound(cuts_.begin(), cuts_.end(), range.begin) - 1;
  const auto end = std::lower_bound(first, cuts_.end() - 1, range.end());
  return {static_cast<std::uint64_t>(first - cuts_.begin()),
          static_cast<std::uint64_t>(end - cuts_.begin())};
}

}  // namespace tape
