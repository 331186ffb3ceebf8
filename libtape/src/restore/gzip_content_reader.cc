#include <algorithm>
#include <cstring>

#include "base/endian.h"
#include "base/second_look.h"
#include "codec/deflate.h"
#include "codec/inflate_stream.h"
#include "format/gzip_format.h"
#include "restore/page_cache.h"
#include "restore/range_window.h"
#include "tape/archive.h"
#include "tape/error.h"
#include "tape/gzip_index.h"

namespace tape {
namespace {

constexpr ByteCount kView = ByteCount{64} << 10;
constexpr ByteCount kKeptPiece = ByteCount{1} << 20;
constexpr ByteCount kHeaderMax = ByteCount{1} << 20;  // of a gzip member

[[noreturn]] void corrupt(GzOffset at, const std::string& what) {
  throw Error(ErrorKind::corrupt, "at " + std::to_string(at.value()) + ": " + what);
}

}  // namespace

class GzipContentReader::State {
 public:
  State(const RangeSource& stream, const GzipIndex& index) : index_(index), window_(stream) {
    if (stream.size() != index.compressed_size())
      throw Error(ErrorKind::corrupt,
                  index.source().name() + ": the index of a stream of " +
                      std::to_string(index.compressed_size()) + " bytes, and " + stream.name() +
                      " has " + std::to_string(stream.size()),
                  "make it anew: ragtape index");
  }

  std::size_t read_at(std::uint64_t at, MutableBytes out) {
    return kept_ ? read_kept(at, out) : read_twice(at, out);
  }

  void keep(ByteCount most) { kept_ = std::make_unique<PageCache>(most); }

  void expect(std::uint64_t at, ByteCount size) {
    const auto& points = index_.points();
    const std::size_t first = index_.point_at(at);
    const auto behind =
        std::find_if(points.begin() + static_cast<std::ptrdiff_t>(first), points.end(),
                     [&](const GzipPoint& point) { return point.content >= at + size; });
    const GzOffset end =
        behind == points.end() ? GzOffset(index_.compressed_size()) : behind->compressed;
    const GzOffset begin = begin_of(first);
    window_.expect({begin, end - begin}, kReadAheadMax);
  }

 private:
  std::size_t read_kept(std::uint64_t at, MutableBytes out) {
    std::size_t done = 0;
    while (done < out.size()) {
      const auto page = kept_->get(at / kKeptPiece, [&] { return piece_at(at / kKeptPiece); });
      const std::size_t from = at % kKeptPiece;
      if (from >= page->bytes.size()) break;
      const std::size_t n = std::min(page->bytes.size() - from, out.size() - done);
      std::memcpy(out.data() + done, page->bytes.data() + from, n);
      done += n;
      at += n;
    }
    return done;
  }

  DecodedPage piece_at(std::uint64_t number) {
    DecodedPage out;
    out.bytes.resize(kKeptPiece);
    out.bytes.resize(read_twice(number * kKeptPiece, out.bytes));
    return out;
  }

  std::size_t read_twice(std::uint64_t at, MutableBytes out) {
    return second_look([&] { return read_once(at, out); }, [&] { window_.forget(); });
  }

  std::size_t read_once(std::uint64_t at, MutableBytes out) {
    const auto& end = index_.content_size();
    if (end) out = out.first(at < *end ? std::min<std::uint64_t>(out.size(), *end - at) : 0);
    if (out.empty()) return 0;
    const std::size_t point = index_.point_at(at);
    // Nothing of a failure stays.
    const bool goes_on = live_ && at >= position_ && index_.points()[point].content <= position_;
    live_ = false;
    if (!goes_on) begin_at(point);
    Bytes passed;
    while (position_ < at) {
      passed.resize(std::min<std::uint64_t>(kView, at - position_));
      if (fill(passed) == 0) return 0;
    }
    const std::size_t done = fill(out);
    if (end && done != out.size())
      corrupt(at_, "the content ends at " + std::to_string(position_) + ", the index says " +
                       std::to_string(*end));
    if (end && position_ == *end) check_end();
    live_ = true;
    return done;
  }

  // What is read to begin at a point: of the first one, the header in front of it, too.
  GzOffset begin_of(std::size_t point) const {
    const GzipPoint& found = index_.points()[point];
    if (point == 0) return GzOffset(0);
    return GzOffset(found.compressed.value() - (found.bits == 0 ? 0 : 1));
  }

  void begin_at(std::size_t point) {
    const GzipPoint& begin = index_.points()[point];
    position_ = begin.content;
    at_ = begin_of(point);
    if (point == 0) {
      enter_member();
      if (at_ != begin.compressed)
        corrupt(at_, "the first gzip member's header ends here, the index says at " +
                         std::to_string(begin.compressed.value()) + ": it is of another stream");
      return;
    }
    std::uint8_t byte = 0;
    if (begin.bits != 0) {
      byte = window_.view(at_, 1)[0];
      at_ = begin.compressed;
    }
    const Bytes before = begin.has_window ? index_.window(point) : Bytes{};
    inflater_.reset_at(before, begin.bits, byte);
    in_member_ = true;
    begin_sums(!begin.has_window);
  }

  void begin_sums(bool whole) {
    whole_ = whole;
    crc_ = 0;
    size_ = 0;
  }

  // Some of what comes next; what is there already before more is read.
  ByteView next_view() {
    const ByteCount held = window_.held(at_);
    return window_.view(at_, std::min(held != 0 ? held : kView, rest()));
  }

  ByteCount rest() const { return window_.source().size() - at_.value(); }

  // Less only where the stream ends.
  std::size_t fill(MutableBytes out) {
    std::size_t done = 0;
    while (done < out.size()) {
      if (!in_member_ && !next_member()) break;
      done += step(out.subspan(done));
    }
    return done;
  }

  std::size_t step(MutableBytes out) {
    if (rest() == 0) corrupt(at_, "the stream ends in the middle of a gzip member");
    const auto done = inflater_.step(next_view(), out);
    if (done.outcome == StreamInflater::Outcome::bad)
      corrupt(at_, "no deflate stream: it is damaged, or the index is of another one");
    at_ = at_ + done.consumed;
    position_ += done.produced;
    if (whole_) crc_ = crc32(crc_, out.first(done.produced));
    size_ += done.produced;
    if (done.outcome == StreamInflater::Outcome::done) leave_member();
    return done.produced;
  }

  void leave_member() {
    if (rest() < kTrailerSize) corrupt(at_, "the stream ends in the trailer of a gzip member");
    const ByteView trailer = window_.view(at_, kTrailerSize);
    if (whole_ && load_le32(&trailer[0]) != crc_) corrupt(at_, "the CRC32 is wrong");
    if (whole_ && load_le32(&trailer[4]) != (size_ & 0xFFFFFFFF)) corrupt(at_, "ISIZE is wrong");
    at_ = at_ + kTrailerSize;
    in_member_ = false;
  }

  // False at the end: nothing but zeros came.
  bool next_member() {
    while (rest() != 0) {
      const ByteView view = next_view();
      const auto zeros = static_cast<std::size_t>(
          std::find_if(view.begin(), view.end(), [](std::uint8_t byte) { return byte != 0; }) -
          view.begin());
      at_ = at_ + zeros;
      if (zeros == view.size()) continue;
      enter_member();
      return true;
    }
    return false;
  }

  void enter_member() {
    for (ByteCount wanted = kView;; wanted *= 4) {
      const ByteCount size = std::min({wanted, rest(), kHeaderMax});
      const auto header = within("gzip member at " + std::to_string(at_.value()),
                                 [&] { return decode_gzip_header(window_.view(at_, size)); });
      if (header) {
        at_ = at_ + header->size;
        break;
      }
      if (size == rest() || size == kHeaderMax) corrupt(at_, "a gzip member's header without end");
    }
    inflater_.reset();
    in_member_ = true;
    begin_sums(true);
  }

  // What is behind the last byte of the content: the trailer, perhaps empty members.
  void check_end() {
    std::uint8_t more = 0;
    if (fill({&more, 1}) != 0)
      corrupt(at_, "there is more content than the " + std::to_string(*index_.content_size()) +
                       " bytes of which the index says");
  }

  const GzipIndex& index_;
  RangeWindow window_;
  StreamInflater inflater_;
  GzOffset at_;                      // in the stream
  std::uint64_t position_ = 0;       // in the content
  bool live_ = false;                // a read may go on here
  std::unique_ptr<PageCache> kept_;  // pieces of content
  bool in_member_ = false;
  bool whole_ = false;  // the member was read from its beginning
  std::uint32_t crc_ = 0;
  std::uint64_t size_ = 0;
};

GzipContentReader::GzipContentReader(const RangeSource& stream, const GzipIndex& index)
    : state_(std::make_unique<State>(stream, index)) {}

GzipContentReader::~GzipContentReader() = default;

std::size_t GzipContentReader::read_at(std::uint64_t at, MutableBytes out) {
  return state_->read_at(at, out);
}

void GzipContentReader::keep(ByteCount most) {
  state_->keep(most);
}

void GzipContentReader::expect(std::uint64_t at, ByteCount size) {
  state_->expect(at, size);
}

}  // namespace tape
