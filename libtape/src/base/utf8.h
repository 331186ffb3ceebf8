// UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tape {

struct Utf8Point {
  std::uint32_t code = 0;
  std::size_t length = 0;  // 0: not valid UTF-8 here
};

// The code point at the beginning of `text`, which must not be empty.
Utf8Point decode_utf8(std::string_view text);

}  // namespace tape
