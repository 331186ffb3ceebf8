// VolumePlan: where a tape is cut into volumes. Nobody else computes a cut.
//
// Units:   TapeOffset in bytes.
// Limits:  kVolumeCountMax volumes; 8 bytes for each in memory.
// Threads: values; no state.
// Spec:    docs/format.md §3.
#pragma once
#include <cstdint>
#include <vector>

#include "tape/offset.h"

namespace tape {

inline constexpr std::uint64_t kVolumeCountMax = 100'000;

// Volumes `first` to `end`, which is not one of them.
struct VolumeSpan {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  friend constexpr bool operator==(const VolumeSpan&, const VolumeSpan&) = default;
};

class VolumePlan {
 public:
  // Slices of `volume_size`, the last one shorter; 0: one volume holds the whole tape.
  // Fails: Error{usage} when that is no multiple of the page, or gives too many volumes (the text
  // names the size that fits).
  static VolumePlan fixed(ByteCount tape_size, ByteCount volume_size, int page_bits);

  // Made without fixed(), a plan has no volumes.
  std::uint64_t count() const { return cuts_.empty() ? 0 : cuts_.size() - 1; }
  TapeRange slice(std::uint64_t volume) const {
    return {cuts_[volume], cuts_[volume + 1] - cuts_[volume]};
  }
  // Those that hold a byte of `range`, found in O(log count); of what is behind the tape there is
  // none.
  VolumeSpan volumes_of(const TapeRange& range) const;

 private:
  std::vector<TapeOffset> cuts_;  // the first is 0, the last the tape's end
};

}  // namespace tape
