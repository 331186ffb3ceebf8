#include <new>

#include <openssl/evp.h>

#include "tape/digest.h"

namespace tape {

Sha256 sha256(ByteView bytes) {
  Sha256 out{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, EVP_sha256(), nullptr) != 1 ||
      size != out.size())
    throw std::bad_alloc();  // the only way in which it can fail
  return out;
}

std::string hex(ByteView bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) {
    constexpr const char* kDigits = "0123456789abcdef";
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace tape
