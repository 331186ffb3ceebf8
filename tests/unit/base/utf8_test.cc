#include "base/utf8.h"

#include <array>

#include "support/catch.h"
#include "tape/error.h"

using namespace tape;

namespace {

std::string encoded(std::uint32_t code) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xC0 | code >> 6), tail(0)};
  if (code < 0x10000) return {static_cast<char>(0xE0 | code >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | code >> 18), tail(12), tail(6), tail(0)};
}

bool in(std::uint8_t byte, int low, int high) {
  return byte >= low && byte <= high;
}

// The grammar of RFC 3629 §4, alternative by alternative.
std::size_t by_grammar(const std::array<std::uint8_t, 4>& b, std::size_t size) {
  const auto tail = [&](std::size_t i) { return in(b[i], 0x80, 0xBF); };
  if (size >= 1 && in(b[0], 0x00, 0x7F)) return 1;
  if (size >= 2 && in(b[0], 0xC2, 0xDF) && tail(1)) return 2;
  if (size >= 3 && tail(2) &&
      ((b[0] == 0xE0 && in(b[1], 0xA0, 0xBF)) || (in(b[0], 0xE1, 0xEC) && tail(1)) ||
       (b[0] == 0xED && in(b[1], 0x80, 0x9F)) || (in(b[0], 0xEE, 0xEF) && tail(1))))
    return 3;
  if (size >= 4 && tail(2) && tail(3) &&
      ((b[0] == 0xF0 && in(b[1], 0x90, 0xBF)) || (in(b[0], 0xF1, 0xF3) && tail(1)) ||
       (b[0] == 0xF4 && in(b[1], 0x80, 0x8F))))
    return 4;
  return 0;
}

}  // namespace

TEST_CASE("utf8: every code point but the surrogates decodes to itself", "[utf8]") {
  for (std::uint32_t code = 0; code <= 0x10FFFF; ++code) {
    const std::string text = encoded(code);
    const Utf8Point point = decode_utf8(text);
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    const bool right =
        surrogate ? point.length == 0 : point.length == text.size() && point.code == code;
    if (!right) FAIL("U+" << std::hex << code);
  }
}

TEST_CASE("utf8: what decodes is what RFC 3629 generates, at all the edges", "[utf8]") {
  constexpr std::uint8_t kEdges[] = {0x00, 0x2F, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                     0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
                                     0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF8, 0xFF};
  std::array<std::uint8_t, 4> b{};
  for (b[0] = 0;; ++b[0]) {
    for (const std::uint8_t second : kEdges) {
      for (const std::uint8_t third : kEdges) {
        for (const std::uint8_t fourth : kEdges) {
          b[1] = second, b[2] = third, b[3] = fourth;
          const std::string text(b.begin(), b.end());
          for (std::size_t size = 1; size <= 4; ++size) {
            const std::string_view cut = std::string_view(text).substr(0, size);
            if (decode_utf8(cut).length != by_grammar(b, size)) FAIL(shown(cut));
          }
        }
      }
    }
    if (b[0] == 0xFF) break;
  }
}

TEST_CASE("utf8: a text is valid when all of it is", "[utf8]") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("a\xc3\xa4\xf0\x9f\x93\xbc"));
  CHECK_FALSE(is_utf8("a\xc3\xa4\xf0\x9f\x93"));
  CHECK_FALSE(is_utf8("a\xff"));
  CHECK_FALSE(
      is_utf8("\xff"
              "a"));
}
