#include "net/md5.h"

#include <openssl/evp.h>

#include "tape/error.h"

namespace agent {

Md5 md5(tape::ByteView bytes) {
  Md5 out{};
  unsigned size = 0;
  if (::EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, EVP_md5(), nullptr) != 1 ||
      size != out.size())
    throw tape::Error(tape::ErrorKind::unsupported, "OpenSSL refuses MD5 on this machine");
  return out;
}

std::string md5_base64(const Md5& digest) {
  return tape::base64(tape::as_text(digest));
}

}  // namespace agent
