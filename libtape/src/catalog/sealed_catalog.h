// Opening a catalog that is known to be there.
#pragma once
#include <memory>
#include <string>

#include "tape/catalog.h"

namespace tape {

std::unique_ptr<Catalog> open_sealed_catalog(const std::string& path);

}  // namespace tape
