#include <algorithm>
#include <cstring>

#include "base/endian.h"
#include "codec/deflate.h"
#include "codec/inflate_stream.h"
#include "format/gzip_format.h"
#include "format/gzip_index_format.h"
#include "tape/error.h"
#include "tape/gzip_index.h"

namespace tape {
namespace {

constexpr std::size_t kPiece = std::size_t{256} * 1024;
constexpr std::size_t kHeaderMax = std::size_t{1} << 20;  // of a gzip member

[[noreturn]] void corrupt(GzOffset at, const std::string& what) {
  throw Error(ErrorKind::corrupt, "gzip member at " + std::to_string(at.value()) + ": " + what);
}

// What a ByteReader gives, with as much of what comes next in view as is wanted.
class Feed {
 public:
  explicit Feed(const ByteReader& in) : in_(in) {}

  GzOffset position() const { return position_; }
  ByteView view() const { return ByteView(buffer_).subspan(begin_, end_ - begin_); }
  void take(std::size_t n) {
    begin_ += n;
    position_ = position_ + n;
  }
  // Whether there is more: then the view has grown.
  bool more() {
    if (begin_ != 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (buffer_.size() - end_ < kPiece) buffer_.resize(end_ + kPiece);
    const std::size_t n = in_(MutableBytes(buffer_).subspan(end_));
    end_ += n;
    return n != 0;
  }
  // False at the end.
  bool has_any() { return begin_ != end_ || more(); }

 private:
  const ByteReader& in_;
  Bytes buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  GzOffset position_;
};

class Builder {
 public:
  Builder(const ByteReader& in,
          const std::function<void(ByteView content)>& content,
          const GzipIndexSinks& sinks,
          const GzipIndexOptions& options)
      : feed_(in),
        content_(content),
        sinks_(sinks),
        spacing_(options.spacing),
        window_(kGzipWindowSize + kPiece),
        window_end_(kGzipWindowSize) {
    inflater_.stop_at_blocks();
  }

  GzipIndexSummary run() {
    if (!feed_.has_any()) corrupt(GzOffset(0), "nothing there");
    do {
      member();
      pass_zeros();
    } while (feed_.has_any());
    summary_.compressed_size = feed_.position().value();
    // Its end, from which nothing can be read, is in indexes of indexed_gzip, too.
    add_point({feed_.position(), summary_.content_size, 0, true});
    summary_.points = points_.size();
    write();
    return summary_;
  }

 private:
  void member() {
    const GzOffset begin = feed_.position();
    pass_header(begin);
    inflater_.reset();
    add_point({feed_.position(), summary_.content_size, 0, false});
    std::uint32_t crc = 0;
    const std::uint64_t content_begin = summary_.content_size;
    for (StreamInflater::Outcome outcome{}; outcome != StreamInflater::Outcome::done;) {
      if (!feed_.has_any()) corrupt(begin, "it ends in the middle");
      outcome = step(begin, crc);
    }
    while (feed_.view().size() < kTrailerSize)
      if (!feed_.more()) corrupt(begin, "it ends in its trailer");
    if (load_le32(&feed_.view()[0]) != crc) corrupt(begin, "its CRC32 is wrong");
    if (load_le32(&feed_.view()[4]) != ((summary_.content_size - content_begin) & 0xFFFFFFFF))
      corrupt(begin, "its ISIZE is wrong");
    feed_.take(kTrailerSize);
    ++summary_.members;
  }

  void pass_header(GzOffset begin) {
    for (;;) {
      const auto header = within("gzip member at " + std::to_string(begin.value()),
                                 [&] { return decode_gzip_header(feed_.view()); });
      if (header) return feed_.take(header->size);
      if (feed_.view().size() > kHeaderMax) corrupt(begin, "a header of more than 1 MiB");
      if (!feed_.more()) corrupt(begin, "it ends in its header");
    }
  }

  StreamInflater::Outcome step(GzOffset begin, std::uint32_t& crc) {
    if (window_.size() - window_end_ < kGzipWindowSize) {
      std::memmove(window_.data(), &window_[window_end_ - kGzipWindowSize], kGzipWindowSize);
      window_end_ = kGzipWindowSize;
    }
    const auto done = inflater_.step(feed_.view(), MutableBytes(window_).subspan(window_end_));
    if (done.outcome == StreamInflater::Outcome::bad)
      corrupt(begin, "no deflate stream at " + std::to_string(feed_.position().value()));
    feed_.take(done.consumed);
    const ByteView content = ByteView(window_).subspan(window_end_, done.produced);
    crc = crc32(crc, content);
    window_end_ += done.produced;
    summary_.content_size += done.produced;
    if (!content.empty() && content_) content_(content);
    const bool far = summary_.content_size - points_.back().content >= spacing_;
    if (done.outcome == StreamInflater::Outcome::block && far)
      add_point({feed_.position(), summary_.content_size,
                 static_cast<std::uint8_t>(inflater_.bits_left()), true});
    return done.outcome;
  }

  void pass_zeros() {
    summary_.trailing_zeros = 0;
    while (feed_.has_any()) {
      const ByteView view = feed_.view();
      const auto zeros = static_cast<std::size_t>(
          std::find_if(view.begin(), view.end(), [](std::uint8_t byte) { return byte != 0; }) -
          view.begin());
      feed_.take(zeros);
      summary_.trailing_zeros += zeros;
      if (zeros < view.size()) return;
    }
  }

  void add_point(const GzipPoint& point) {
    if (points_.size() == kGzipPointsMax)
      throw Error(ErrorKind::unsupported,
                  "more than " + std::to_string(kGzipPointsMax) + " points of access",
                  "a larger --spacing");
    points_.push_back(point);
    if (point.has_window)
      sinks_.windows.write(
          ByteView(window_).subspan(window_end_ - kGzipWindowSize, kGzipWindowSize));
  }

  void write() {
    GzipIndexHeader header;
    header.compressed_size = summary_.compressed_size;
    header.content_size = summary_.content_size;
    header.spacing = static_cast<std::uint32_t>(spacing_);
    header.points = static_cast<std::uint32_t>(points_.size());
    Bytes out = encode_gzip_index_header(header);
    ByteCount windows = 0;
    for (const GzipPoint& point : points_) {
      append_gzip_point(out, point);
      if (point.has_window) windows += kGzipWindowSize;
      if (out.size() < kPiece) continue;
      sinks_.index.write(out);
      out.clear();
    }
    sinks_.index.write(out);
    for (ByteCount at = 0; at < windows; at += out.size()) {
      out.resize(std::min<ByteCount>(kPiece, windows - at));
      sinks_.waiting.read_at(GzOffset(at), out);
      sinks_.index.write(out);
    }
  }

  Feed feed_;
  const std::function<void(ByteView content)>& content_;
  const GzipIndexSinks& sinks_;
  const ByteCount spacing_;
  StreamInflater inflater_;
  Bytes window_;  // the content up to window_end_, at least kGzipWindowSize bytes of it
  std::size_t window_end_;
  std::vector<GzipPoint> points_;
  GzipIndexSummary summary_;
};

}  // namespace

GzipIndexSummary build_gzip_index(const ByteReader& in,
                                  const std::function<void(ByteView content)>& content,
                                  const GzipIndexSinks& sinks,
                                  const GzipIndexOptions& options) {
  if (options.spacing <= kGzipWindowSize || options.spacing > UINT32_MAX)
    throw Error(ErrorKind::usage,
                "--spacing " + std::to_string(options.spacing) + ": 32769 to 4294967295 expected");
  return Builder(in, content, sinks, options).run();
}

}  // namespace tape
