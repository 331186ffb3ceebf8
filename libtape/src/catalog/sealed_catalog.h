// Opening a catalog that is known to be there.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "tape/catalog.h"

namespace tape {

inline constexpr std::uint32_t kCatalogApplicationId =
    0x54415045;  // "TAPE", as in schemas/catalog.sql

std::unique_ptr<Catalog> open_sealed_catalog(const std::string& path);

}  // namespace tape
