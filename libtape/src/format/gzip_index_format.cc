#include "format/gzip_index_format.h"

#include <string>
#include <string_view>

#include "base/endian.h"
#include "tape/error.h"

namespace tape {
namespace {

constexpr std::string_view kMagic = "GZIDX";

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, "GZIDX: " + what);
}

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

void check_point(const GzipIndexHeader& header, std::uint64_t index, const GzipPoint& point) {
  const std::string name = "point " + number(index);
  if (point.bits > 7) corrupt(name + " has " + number(point.bits) + " bits, 0 to 7 expected");
  if (point.compressed.value() > header.compressed_size)
    corrupt(name + " lies at " + number(point.compressed.value()) + " of " +
            number(header.compressed_size) + " bytes");
  if (header.content_size != 0 && point.content > header.content_size)
    corrupt(name + " lies at " + number(point.content) + " of " + number(header.content_size) +
            " bytes of content");
  if (point.bits != 0 && point.compressed.value() == 0)
    corrupt(name + " has bits in front of the first byte");
  if (index == 0 && (point.has_window || point.content != 0 || point.bits != 0))
    corrupt("the first point is not the begin of the content");
}

}  // namespace

GzipIndexHeader decode_gzip_index_header(ByteView bytes) {
  if (bytes.size() < kGzipIndexHeaderSize)
    corrupt(number(bytes.size()) + " bytes, at least 35 expected");
  if (as_view(bytes.first(kMagic.size())) != kMagic) corrupt("it does not begin with `GZIDX`");
  GzipIndexHeader out;
  out.version = bytes[5];
  if (out.version > 1)
    throw Error(ErrorKind::unsupported,
                "GZIDX: version " + number(out.version) + ", 0 or 1 expected");
  out.compressed_size = load_le<std::uint64_t>(&bytes[7]);
  out.content_size = load_le<std::uint64_t>(&bytes[15]);
  out.spacing = load_le32(&bytes[23]);
  out.window_size = load_le32(&bytes[27]);
  out.points = load_le32(&bytes[31]);
  constexpr std::uint64_t kSizeMax = std::uint64_t{1} << 62;
  if (out.compressed_size >= kSizeMax || out.content_size >= kSizeMax)
    corrupt("a size of 2^62 bytes or more");
  if (out.window_size < kGzipWindowSize)
    corrupt("windows of " + number(out.window_size) + " bytes, at least 32768 expected");
  if (out.spacing < out.window_size)
    corrupt("a spacing of " + number(out.spacing) + ", at least the window's " +
            number(out.window_size) + " expected");
  if (out.points == 0) corrupt("no points");
  if (out.points > kGzipPointsMax)
    throw Error(ErrorKind::unsupported, "GZIDX: " + number(out.points) + " points, at most " +
                                            number(kGzipPointsMax) + " are read");
  return out;
}

Bytes encode_gzip_index_header(const GzipIndexHeader& header) {
  const ByteView magic = as_bytes(kMagic);
  Bytes out(magic.begin(), magic.end());
  out.push_back(header.version);
  out.push_back(0);
  append_le(out, header.compressed_size, 8);
  append_le(out, header.content_size, 8);
  append_le(out, header.spacing, 4);
  append_le(out, header.window_size, 4);
  append_le(out, header.points, 4);
  return out;
}

std::vector<GzipPoint> decode_gzip_points(const GzipIndexHeader& header, ByteView bytes) {
  std::vector<GzipPoint> out;
  out.reserve(header.points);
  for (std::uint64_t i = 0; i < header.points; ++i) {
    const ByteView from = bytes.subspan(i * header.point_size());
    GzipPoint point;
    point.compressed = GzOffset(load_le<std::uint64_t>(&from[0]));
    point.content = load_le<std::uint64_t>(&from[8]);
    point.bits = from[16];
    point.has_window = header.version == 0 ? i != 0 : from[17] != 0;
    check_point(header, i, point);
    if (!out.empty() &&
        (point.compressed <= out.back().compressed || point.content < out.back().content))
      corrupt("point " + number(i) + " does not lie behind the one before");
    if (point.compressed.value() == header.compressed_size) break;
    out.push_back(point);
  }
  return out;
}

void append_gzip_point(Bytes& out, const GzipPoint& point) {
  append_le(out, point.compressed.value(), 8);
  append_le(out, point.content, 8);
  out.push_back(point.bits);
  out.push_back(point.has_window ? 1 : 0);
}

}  // namespace tape
