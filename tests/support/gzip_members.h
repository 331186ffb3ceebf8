// gzip members of every shape, made by hand.
#pragma once
#include <optional>
#include <string>

#include "base/endian.h"
#include "codec/deflate.h"
#include "format/gzip_format.h"
#include "support/samples.h"

namespace test {

struct GzipShape {
  int level = 6;  // 0: stored blocks
  std::optional<tape::Bytes> extra;
  std::optional<std::string> name;
  std::optional<std::string> comment;
  bool header_crc = false;
};

inline tape::Bytes gzip_member(tape::ByteView content, const GzipShape& shape = {}) {
  tape::Bytes out(tape::kPageHeader.begin(), tape::kPageHeader.end());
  const auto append = [&](tape::ByteView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
  };
  if (shape.extra) {
    out[3] |= tape::kHasExtra;
    tape::append_le(out, shape.extra->size(), 2);
    append(*shape.extra);
  }
  if (shape.name) {
    out[3] |= tape::kHasName;
    append(tape::as_bytes(*shape.name));
    out.push_back(0);
  }
  if (shape.comment) {
    out[3] |= tape::kHasComment;
    append(tape::as_bytes(*shape.comment));
    out.push_back(0);
  }
  if (shape.header_crc) {
    out[3] |= tape::kHasCrc;
    tape::append_le(out, tape::crc32(out) & 0xFFFF, 2);
  }
  tape::make_zlib_deflater(shape.level)->deflate(content, out);
  tape::append_trailer(out, tape::crc32(content), content.size());
  return out;
}

inline tape::Bytes subfield(const std::string& ident, tape::ByteView payload) {
  const tape::ByteView letters = tape::as_bytes(ident);
  tape::Bytes out(letters.begin(), letters.end());
  tape::append_le(out, payload.size(), 2);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

inline GzipShape random_shape(tape::Random& random) {
  GzipShape shape;
  shape.level = static_cast<int>(tape::below(random, 3) * 3);
  if (tape::below(random, 4) == 0)
    shape.extra = subfield("XY", tape::random_bytes(random, tape::below(random, 300)));
  if (tape::below(random, 4) == 0) shape.name = tape::random_name(random, tape::below(random, 60));
  if (tape::below(random, 4) == 0)
    shape.comment = tape::random_name(random, tape::below(random, 500));
  shape.header_crc = tape::below(random, 4) == 0;
  return shape;
}

inline void append(tape::Bytes& to, tape::ByteView more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace test
