// The arithmetic of pages that its readers share.
#pragma once
#include <algorithm>
#include <cstring>
#include <string>

#include "base/assert.h"
#include "tape/error.h"
#include "tape/ragzip_reader.h"

namespace tape {

inline ByteCount page_length(const RagzipGeometry& geometry, std::uint64_t number) {
  TAPE_ASSERT(number < geometry.page_count);
  const ByteCount page_size = ByteCount{1} << geometry.page_bits;
  return std::min(page_size, geometry.logical_size - (number << geometry.page_bits));
}

// RFC 1951: at best two bits for a match of 258 bytes. A small file that claims large pages must
// not cost large memory. Fails: corrupt.
inline void expect_room_for(ByteCount length, GzRange place) {
  constexpr ByteCount kInflationMax = 1032;
  if (length / kInflationMax <= place.size) return;
  throw Error(ErrorKind::corrupt, "page at " + std::to_string(place.begin.value()) + ": " +
                                      std::to_string(length) + " bytes cannot come out of " +
                                      std::to_string(place.size));
}

// Fills `out` from `at`; `page(number)` gives the bytes of a page. Returns fewer bytes only at the
// end.
template <class PageOf>
std::size_t copy_from_pages(const RagzipGeometry& geometry,
                            LogicalOffset at,
                            MutableBytes out,
                            PageOf&& page) {
  std::size_t done = 0;
  while (done < out.size() && at.value() < geometry.logical_size) {
    const std::uint64_t number = at.value() >> geometry.page_bits;
    const auto& whole = page(number);
    const ByteView bytes = ByteView(whole).subspan(at.value() - (number << geometry.page_bits));
    const std::size_t n = std::min(bytes.size(), out.size() - done);
    std::memcpy(out.data() + done, bytes.data(), n);
    done += n;
    at = at + n;
  }
  return done;
}

}  // namespace tape
