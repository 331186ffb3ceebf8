// MD5: no protection against anybody, but what object stores check and call their objects by.
//
// Spec:    RFC 1321; RFC 1864 (Content-MD5).
#pragma once
#include <array>
#include <string>

#include "tape/bytes.h"

namespace agent {

using Md5 = std::array<std::uint8_t, 16>;

Md5 md5(tape::ByteView bytes);
// As Content-MD5 has it.
std::string md5_base64(const Md5& digest);

}  // namespace agent
