#include "codec/json_text.h"

#include "tape/error.h"

namespace tape {

nlohmann::json text_value(const std::string& text) {
  if (is_utf8(text)) return text;
  return {{"base64", base64(text)}};
}

std::optional<std::string> unbase64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text.substr(0, text.find('='))) {
    const std::size_t digit = kBase64Digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8) out += static_cast<char>(bits >> (count -= 8) & 0xFF);
  }
  if (base64(out) != text) return std::nullopt;
  return out;
}

}  // namespace tape
