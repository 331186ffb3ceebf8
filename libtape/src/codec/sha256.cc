#include <new>

#include <openssl/evp.h>

#include "codec/evp_stream.h"
#include "tape/digest.h"

namespace tape {

struct EvpStream::State {
  const EVP_MD* kind;
  EVP_MD_CTX* context;
};

EvpStream::EvpStream(Kind kind)
    : state_(std::make_unique<State>(
          State{kind == Kind::md5 ? EVP_md5() : EVP_sha256(), EVP_MD_CTX_new()})) {
  reset();
}

EvpStream::~EvpStream() {
  EVP_MD_CTX_free(state_->context);
}

void EvpStream::reset() {
  if (EVP_DigestInit_ex(state_->context, state_->kind, nullptr) != 1) throw std::bad_alloc();
}

void EvpStream::update(ByteView bytes) {
  if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1) throw std::bad_alloc();
}

Bytes EvpStream::digest() {
  Bytes out(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  if (EVP_DigestFinal_ex(state_->context, out.data(), &size) != 1) throw std::bad_alloc();
  out.resize(size);
  return out;
}

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
