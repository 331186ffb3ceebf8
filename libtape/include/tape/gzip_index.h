// Random access to any gzip stream, by an index of places where inflating can begin.
//
// In:      RangeSources of the stream, and of its index in the GZIDX format of indexed_gzip.
// Out:     ranges of the content; an index in one pass.
// Units:   bytes; places in the stream are GzOffsets, places in the content plain numbers.
// Limits:  kGzipPointsMax points; memory: 24 bytes a point, a window of 32 KiB, a read-ahead
//          window.
// Threads: one caller at a time for each object; many may share a RangeSource.
// Spec:    docs/format.md §7; RFC 1951, RFC 1952.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "tape/bytes.h"
#include "tape/io.h"
#include "tape/offset.h"

namespace tape {

// A place where inflating can begin.
struct GzipPoint {
  GzOffset compressed;        // the first byte all of whose bits are still to come
  std::uint64_t content = 0;  // where in the content
  std::uint8_t bits = 0;      // 0 to 7: so many bits of the byte in front are to come, too
  bool has_window = false;    // false where a gzip member begins
};

inline constexpr std::uint32_t kGzipPointsMax = std::uint32_t{1} << 22;  // 16 TiB of content
inline constexpr std::uint32_t kGzipWindowSize = 32768;                  // what deflate looks back
inline constexpr ByteCount kGzipSpacing = ByteCount{4} << 20;

class GzipIndex {
 public:
  // Reads the header and the points, not the windows. `source` must outlive this.
  // Fails: Error{corrupt}; Error{unsupported} for a later version, or too many points.
  explicit GzipIndex(const RangeSource& source);

  const RangeSource& source() const { return source_; }
  ByteCount compressed_size() const { return compressed_size_; }
  // None: the index does not say.
  std::optional<std::uint64_t> content_size() const { return content_size_; }
  ByteCount spacing() const { return spacing_; }
  // Increasing; the one at the end of the stream, from which nothing can be inflated, left out.
  const std::vector<GzipPoint>& points() const { return points_; }
  // The last one at or in front of a place in the content.
  std::size_t point_at(std::uint64_t content) const;
  // Where in the index the window of a point lies that has one.
  GzRange window_place(std::size_t point) const;
  // The kGzipWindowSize bytes of content in front of a point that has a window. Reads only these.
  Bytes window(std::size_t point) const;

 private:
  const RangeSource& source_;
  ByteCount compressed_size_ = 0;
  std::optional<std::uint64_t> content_size_;
  ByteCount spacing_ = 0;
  std::uint32_t window_size_ = 0;
  ByteCount windows_at_ = 0;
  std::vector<GzipPoint> points_;
  std::vector<std::uint32_t> windows_before_;  // of each point
};

// Where an index goes. The points stand in front of the windows, so these wait until all points are
// known: `waiting` reads what was written to `windows`.
struct GzipIndexSinks {
  ByteSink& index;
  ByteSink& windows;
  const RangeSource& waiting;
};

struct GzipIndexOptions {
  ByteCount spacing = kGzipSpacing;  // of content, more than kGzipWindowSize and below 2^32
};

struct GzipIndexSummary {
  ByteCount compressed_size = 0;
  std::uint64_t content_size = 0;
  std::uint64_t members = 0;  // gzip's
  std::uint64_t points = 0;
  ByteCount trailing_zeros = 0;  // behind the last member
};

// Reads a gzip stream once, checks the CRC32 and ISIZE of each member, gives the content to
// `content` and an index, version 1, to `sinks.index`. No sink is finished. Zero bytes between and
// behind members are padding.
// Fails: Error{usage} for the spacing; Error{corrupt} that names an offset: no gzip member, a
// damaged or cut one, other bytes behind one; Error{unsupported}: more points than may be; whatever
// the seams throw.
GzipIndexSummary build_gzip_index(const ByteReader& in,
                                  const std::function<void(ByteView content)>& content,
                                  const GzipIndexSinks& sinks,
                                  const GzipIndexOptions& options = {});

// The content of a gzip stream, from any place.
class GzipContentReader {
 public:
  // Both must outlive the reader. Fails: Error{corrupt} when the index is of another stream, as far
  // as sizes tell.
  GzipContentReader(const RangeSource& stream, const GzipIndex& index);
  ~GzipContentReader();
  GzipContentReader(const GzipContentReader&) = delete;
  GzipContentReader& operator=(const GzipContentReader&) = delete;

  // Fills `out` from `at`; fewer bytes only at the end. Who reads on where the last read ended, or
  // a little further, begins nowhere anew. The CRC32 and ISIZE of a gzip member are checked when
  // all of it came by. Fails: Error{corrupt} with the place in the stream.
  std::size_t read_at(std::uint64_t at, MutableBytes out);

  // What comes next lies in [at, at + size): the stream's part of it is read at once, or in large
  // pieces.
  void expect(std::uint64_t at, ByteCount size);

  // From now on `most` bytes of content stay, for who reads here and there.
  void keep(ByteCount most);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace tape
