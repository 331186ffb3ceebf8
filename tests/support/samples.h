// Bytes, paths and members for tests: made, random, from a seed.
#pragma once
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "tape/bytes.h"
#include "tape/member.h"

namespace tape {

using Random = std::mt19937_64;

inline std::uint64_t below(Random& random, std::uint64_t limit) {
  return std::uniform_int_distribution<std::uint64_t>(0, limit - 1)(random);
}

inline Bytes random_bytes(Random& random, std::size_t size) {
  Bytes out(size);
  std::generate(out.begin(), out.end(), [&] { return static_cast<std::uint8_t>(random()); });
  return out;
}

// Words and noise by turns, so that neighbouring pages deflate to different sizes.
inline Bytes mixed_bytes(std::size_t size, std::uint64_t seed = 1) {
  constexpr std::string_view kWords[] = {"member ", "page ", "volume ", "header\n", "tape "};
  Random random(seed);
  Bytes out;
  while (out.size() < size) {
    if (below(random, 4) == 0) {
      const Bytes noise = random_bytes(random, 1 + below(random, 200));
      out.insert(out.end(), noise.begin(), noise.end());
    }
    for (std::uint64_t words = below(random, 60); words > 0; --words) {
      const ByteView word = as_bytes(kWords[below(random, std::size(kWords))]);
      out.insert(out.end(), word.begin(), word.end());
    }
  }
  out.resize(size);
  return out;
}

// `size` bytes from all but NUL and `/`.
inline std::string random_name(Random& random, std::size_t size) {
  std::string out;
  while (out.size() < size) {
    const char c = static_cast<char>(below(random, 256));
    if (c != '\0' && c != '/') out += c;
  }
  return out;
}

inline std::string text(std::size_t size, char letter = 'x') {
  return std::string(size, letter);
}

}  // namespace tape
