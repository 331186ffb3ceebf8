#include "tape/volume_plan.h"

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

}  // namespace tape
