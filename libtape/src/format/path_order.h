// Tape order of paths: depth first, siblings by unsigned bytes of the name. Equivalent: whole paths
// compared with `/` as 0x00 (docs/format.md §1).
#pragma once
#include <algorithm>
#include <cstdint>
#include <string_view>

namespace tape {

// Below zero, zero or above: a before, equal to, behind b.
inline int compare_paths(std::string_view a, std::string_view b) {
  const std::size_t common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (a[i] == b[i]) continue;
    const int left = a[i] == '/' ? 0 : static_cast<std::uint8_t>(a[i]);
    const int right = b[i] == '/' ? 0 : static_cast<std::uint8_t>(b[i]);
    return left - right;
  }
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

}  // namespace tape
