#include "tape/gzip_index.h"

#include <algorithm>

#include "base/assert.h"
#include "format/gzip_index_format.h"
#include "tape/error.h"

namespace tape {
namespace {

// Header and points of a stream of some gigabytes, in one request.
constexpr ByteCount kHeadRead = ByteCount{64} << 10;

}  // namespace

GzipIndex::GzipIndex(const RangeSource& source) : source_(source) {
  Bytes head(std::min(kHeadRead, source.size()));
  source.read_at(GzOffset(0), head);
  const GzipIndexHeader header = decode_gzip_index_header(head);
  windows_at_ = kGzipIndexHeaderSize + header.points * header.point_size();
  if (windows_at_ > source.size())
    throw Error(ErrorKind::corrupt, "GZIDX: " + std::to_string(source.size()) + " bytes, " +
                                        std::to_string(windows_at_) + " are its points alone");
  if (const std::size_t there = head.size(); windows_at_ > there) {
    head.resize(windows_at_);
    source.read_at(GzOffset(there), MutableBytes(head).subspan(there));
  }
  compressed_size_ = header.compressed_size;
  if (header.content_size != 0) content_size_ = header.content_size;
  spacing_ = header.spacing;
  window_size_ = header.window_size;
  points_ = decode_gzip_points(header, ByteView(head).subspan(kGzipIndexHeaderSize));
  if (points_.empty()) throw Error(ErrorKind::corrupt, "GZIDX: no point that is not the end");
  std::uint32_t windows = 0;
  for (const GzipPoint& point : points_) {
    windows_before_.push_back(windows);
    if (point.has_window) ++windows;
  }
  if (windows * ByteCount{window_size_} > source.size() - windows_at_)
    throw Error(ErrorKind::corrupt, "GZIDX: it was cut: " + std::to_string(source.size()) +
                                        " bytes, and " + std::to_string(windows) +
                                        " windows behind its points");
}

std::size_t GzipIndex::point_at(std::uint64_t content) const {
  const auto behind =
      std::upper_bound(points_.begin(), points_.end(), content,
                       [](std::uint64_t at, const GzipPoint& point) { return at < point.content; });
  TAPE_ASSERT(behind != points_.begin());  // the first one is at 0
  return static_cast<std::size_t>(behind - points_.begin()) - 1;
}

GzRange GzipIndex::window_place(std::size_t point) const {
  TAPE_ASSERT(points_[point].has_window);
  const ByteCount end = windows_at_ + (windows_before_[point] + 1) * ByteCount{window_size_};
  return {GzOffset(end - kGzipWindowSize), kGzipWindowSize};
}

Bytes GzipIndex::window(std::size_t point) const {
  Bytes out(kGzipWindowSize);
  source_.read_at(window_place(point).begin, out);
  return out;
}

}  // namespace tape
