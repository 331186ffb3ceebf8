// How large the parts of a volume are.
//
// Spec:    docs/format.md §6.
#pragma once
#include "tape/catalog.h"
#include "tape/manifest.h"
#include "tape/ragzip_writer.h"
#include "tape/volume_plan.h"

namespace agent {

inline constexpr tape::ByteCount kPartSizeMin = tape::ByteCount{64} << 10;  // in a directory

// Fails: Error{usage} unless it is 0 (auto) or a size that a part can have.
void check_part_size(tape::ByteCount typed);

struct PartChoice {
  tape::ByteCount typed = 0;          // 0: auto, from 8 MiB up
  std::uint64_t part_count_max = 0;   // of the store
  tape::ByteCount part_size_min = 1;  // the same
};
// Fails: Error{usage} that names --part-size or --volume-size.
tape::ByteCount part_size_for(tape::Catalog& catalog,
                              const tape::VolumePlan& plan,
                              const tape::RagzipOptions& ragzip,
                              const PartChoice& choice);

}  // namespace agent
