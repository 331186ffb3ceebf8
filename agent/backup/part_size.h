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
inline constexpr std::uint64_t kPartCountMax = 9500;                        // stores take 10 000

// Fails: Error{usage} unless it is 0 (auto) or a size that a part can have.
void check_part_size(tape::ByteCount typed);

// `typed` 0: auto, from 8 MiB up. Fails: Error{usage} that names --part-size or --volume-size.
tape::ByteCount part_size_for(tape::Catalog& catalog,
                              const tape::VolumePlan& plan,
                              const tape::RagzipOptions& ragzip,
                              tape::ByteCount typed);

}  // namespace agent
