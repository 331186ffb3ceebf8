// What tartape 2.3.3 says of a tape of the profile tartape.
//
// Threads: as the catalog.
// Spec:    docs/format.md §1 "Profile tartape".
#pragma once
#include <cstdint>
#include <string>

#include "tape/catalog.h"

namespace tape {

// Hex digits of the SHA-256 over `path|size|mtime` of every entry, nothing between. Reads all rows.
std::string tartape_fingerprint(Catalog& catalog);

// NAME_FINGERPRINT.tar.001 of volume `number` (from 0) of `count`.
std::string tartape_volume_name(const std::string& name,
                                const std::string& fingerprint,
                                std::uint64_t number,
                                std::uint64_t count);

}  // namespace tape
