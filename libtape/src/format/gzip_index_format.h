// GZIDX: the header and the points of an index of indexed_gzip.
//
// In, out: bytes and values; pure. Little endian.
// Spec:    docs/format.md §7.1.
#pragma once
#include <vector>

#include "tape/bytes.h"
#include "tape/gzip_index.h"

namespace tape {

inline constexpr std::size_t kGzipIndexHeaderSize = 35;

struct GzipIndexHeader {
  std::uint8_t version = 1;  // 0 and 1 are read, 1 is written
  ByteCount compressed_size = 0;
  std::uint64_t content_size = 0;  // 0: not known
  std::uint32_t spacing = 0;
  std::uint32_t window_size = kGzipWindowSize;
  std::uint32_t points = 0;

  std::size_t point_size() const { return version == 0 ? 17 : 18; }
};

// Fails: Error{corrupt}: no GZIDX, or a field out of range; Error{unsupported}.
GzipIndexHeader decode_gzip_index_header(ByteView bytes);
Bytes encode_gzip_index_header(const GzipIndexHeader& header);

// `bytes`: header.points times header.point_size(). The one at the end of the stream is left out.
// Fails: Error{corrupt} when the points are not increasing, lie outside of the stream or its
// content, or the first has a window.
std::vector<GzipPoint> decode_gzip_points(const GzipIndexHeader& header, ByteView bytes);
void append_gzip_point(Bytes& out, const GzipPoint& point);

}  // namespace tape
