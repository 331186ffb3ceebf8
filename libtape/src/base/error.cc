#include "tape/error.h"

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "base/utf8.h"

namespace tape {
namespace {

// Control and direction characters: they move the cursor or turn a name around.
bool is_hidden(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x200E || code == 0x200F ||
         code == 0x2028 || code == 0x2029 || (code >= 0x202A && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

void append_escaped(std::string& out, std::string_view bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  for (const char c : bytes) {
    const auto value = static_cast<std::uint8_t>(c);
    out += "\\x";
    out += kDigits[value >> 4];
    out += kDigits[value & 15];
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

ErrorKind kind_of_errno(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorKind::denied;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EFBIG:
      return ErrorKind::exhausted;
    default:
      return ErrorKind::io;
  }
}

Error errno_error(const std::string& what, int error) {
  return {kind_of_errno(error), what + ": " + std::generic_category().message(error)};
}

std::string shown(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const Utf8Point next = decode_utf8(name);
    const std::string_view bytes = name.substr(0, next.length == 0 ? 1 : next.length);
    if (next.length == 0 || is_hidden(next.code)) {
      append_escaped(out, bytes);
    } else if (next.code == '\\') {
      out += "\\\\";
    } else {
      out += bytes;
    }
    name.remove_prefix(bytes.size());
  }
  return out;
}

std::string unshown(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '\\') {
      out += '\\';
      ++i;
    } else if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x' &&
               hex_digit(text[i + 2]) >= 0 && hex_digit(text[i + 3]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 2]) << 4 | hex_digit(text[i + 3]));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace tape
