#include "format/gzip_index_format.h"

#include "base/endian.h"
#include "support/expect.h"
#include "support/samples.h"
#include "tape/digest.h"

using namespace tape;

namespace {

GzipIndexHeader sample_header() {
  GzipIndexHeader header;
  header.compressed_size = 0x0102030405;
  header.content_size = 0x0607080900;
  header.spacing = 1 << 22;
  header.points = 2;
  return header;
}

void put_le(Bytes& bytes, std::size_t at, std::uint64_t value, int width) {
  Bytes field;
  append_le(field, value, width);
  std::copy(field.begin(), field.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

Bytes points_of(std::initializer_list<GzipPoint> points) {
  Bytes out;
  for (const GzipPoint& point : points)
    append_gzip_point(out, point);
  return out;
}

}  // namespace

TEST_CASE("gzip_index_format: a header is the bytes of docs/format.md §7.1") {
  const Bytes bytes = encode_gzip_index_header(sample_header());
  CHECK(hex(bytes) ==
        "475a494458"
        "0100"
        "0504030201000000"
        "0009080706000000"
        "00004000"
        "00800000"
        "02000000");
  const GzipIndexHeader read = decode_gzip_index_header(bytes);
  CHECK(read.version == 1);
  CHECK(read.compressed_size == 0x0102030405);
  CHECK(read.content_size == 0x0607080900);
  CHECK(read.spacing == 1 << 22);
  CHECK(read.window_size == 32768);
  CHECK(read.points == 2);
}

TEST_CASE("gzip_index_format: a header that is cut or out of range is refused, and says where") {
  const Bytes good = encode_gzip_index_header(sample_header());
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK(failed([&] { decode_gzip_index_header(ByteView(good).first(size)); }).kind() ==
          ErrorKind::corrupt);
  struct Row {
    std::size_t at;
    std::uint64_t value;
    int width;
    ErrorKind kind;
    const char* says;
  };
  const Row rows[] = {
      {0, 'g', 1, ErrorKind::corrupt, "GZIDX"},
      {5, 2, 1, ErrorKind::unsupported, "version 2"},
      {7, std::uint64_t{1} << 62, 8, ErrorKind::corrupt, "2^62"},
      {15, std::uint64_t{1} << 63, 8, ErrorKind::corrupt, "2^62"},
      {23, 32767, 4, ErrorKind::corrupt, "spacing of 32767"},
      {27, 32767, 4, ErrorKind::corrupt, "windows of 32767"},
      {31, 0, 4, ErrorKind::corrupt, "no points"},
      {31, kGzipPointsMax + 1, 4, ErrorKind::unsupported, "4194305 points"},
  };
  for (const Row& row : rows) {
    INFO(row.says);
    Bytes bad = good;
    put_le(bad, row.at, row.value, row.width);
    const Error error = failed([&] { decode_gzip_index_header(bad); });
    CHECK(error.kind() == row.kind);
    CHECK(says(error, row.says));
  }
}

TEST_CASE("gzip_index_format: points come back, the end of the stream is none of them") {
  GzipIndexHeader header = sample_header();
  header.points = 3;
  const Bytes bytes = points_of({{GzOffset(10), 0, 0, false},
                                 {GzOffset(5000), 70'000, 7, true},
                                 {GzOffset(0x0102030405), 0x0607080900, 0, true}});
  CHECK(bytes.size() == 3 * header.point_size());
  const auto points = decode_gzip_points(header, bytes);
  REQUIRE(points.size() == 2);
  CHECK(points[1].compressed == GzOffset(5000));
  CHECK(points[1].content == 70'000);
  CHECK(points[1].bits == 7);
  CHECK(points[1].has_window);
}

TEST_CASE("gzip_index_format: in version 0 all points but the first have windows") {
  GzipIndexHeader header = sample_header();
  header.version = 0;
  Bytes bytes;
  for (const GzipPoint& point :
       {GzipPoint{GzOffset(10), 0, 0, false}, GzipPoint{GzOffset(5000), 70'000, 3, true}}) {
    append_gzip_point(bytes, point);
    bytes.pop_back();
  }
  CHECK(bytes.size() == 2 * header.point_size());
  const auto points = decode_gzip_points(header, bytes);
  REQUIRE(points.size() == 2);
  CHECK_FALSE(points[0].has_window);
  CHECK(points[1].has_window);
  CHECK(points[1].bits == 3);
}

TEST_CASE("gzip_index_format: points that cannot be are refused, each by its number") {
  struct Row {
    GzipPoint first;
    GzipPoint second;
    const char* says;
  };
  const GzipPoint begin{GzOffset(10), 0, 0, false};
  const Row rows[] = {
      {{GzOffset(10), 1, 0, false}, {GzOffset(20), 2, 0, true}, "first point"},
      {{GzOffset(10), 0, 1, false}, {GzOffset(20), 2, 0, true}, "first point"},
      {{GzOffset(10), 0, 0, true}, {GzOffset(20), 2, 0, true}, "first point"},
      {begin, {GzOffset(20), 2, 8, true}, "point 1 has 8 bits"},
      {begin, {GzOffset(10), 2, 0, true}, "point 1 does not lie behind"},
      {begin, {GzOffset(0x0102030406), 2, 0, true}, "point 1 lies at 4328719366 of"},
      {begin, {GzOffset(20), 0x0607080901, 0, true}, "point 1 lies at"},
      {{GzOffset(0), 0, 0, false}, {GzOffset(0), 0, 3, true}, "front of the first byte"},
  };
  GzipIndexHeader header = sample_header();
  for (const Row& row : rows) {
    INFO(row.says);
    const Error error = failed([&] {
      decode_gzip_points(header, points_of({row.first, row.second}));
    });
    CHECK(error.kind() == ErrorKind::corrupt);
    CHECK(says(error, row.says));
  }
  header.points = 3;
  const Error error = failed([&] {
    decode_gzip_points(header,
                       points_of({begin, {GzOffset(20), 9, 0, true}, {GzOffset(30), 8, 0, true}}));
  });
  CHECK(says(error, "point 2 does not lie behind"));
}
