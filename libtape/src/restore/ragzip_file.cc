#include "tape/ragzip_file.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "format/ragzip_format.h"
#include "restore/page_cache.h"
#include "restore/page_walk.h"
#include "restore/ragzip_object.h"
#include "restore/ragzip_tail.h"
#include "tape/error.h"

namespace tape {

// Cursors that nobody reads with at the moment.
class RagzipFile::Cursors {
 public:
  // One that goes on at `at` when there is one. It comes back when `Borrowed` goes.
  class Borrowed {
   public:
    Borrowed(Cursors& home, std::unique_ptr<RagzipCursor> cursor)
        : home_(home), cursor_(std::move(cursor)) {}
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    ~Borrowed() {
      const std::lock_guard lock(home_.mutex_);
      home_.idle_.push_back(std::move(cursor_));
    }
    RagzipCursor& operator*() const { return *cursor_; }

   private:
    Cursors& home_;
    std::unique_ptr<RagzipCursor> cursor_;
  };

  std::unique_ptr<RagzipCursor> take(LogicalOffset at) {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return nullptr;
    const auto found = std::find_if(
        idle_.begin(), idle_.end(),
        [at](const std::unique_ptr<RagzipCursor>& cursor) { return cursor->goes_on_at(at); });
    const auto taken = found == idle_.end() ? idle_.end() - 1 : found;
    auto out = std::move(*taken);
    idle_.erase(taken);
    return out;
  }

  // The end of the content, as the footer says it, is where the last page ends.
  std::atomic<bool> end_checked = false;

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<RagzipCursor>> idle_;
};

RagzipFile::RagzipFile(const RangeSource& source, const RagzipFileOptions& options)
    : options_(options),
      cache_(std::make_unique<PageCache>(options.page_cache_bytes)),
      idle_(std::make_unique<Cursors>()) {
  const auto open = [&](const IndexOptions& index) {
    object_ = std::make_unique<RagzipObject>(source, index,
                                             std::max<ByteCount>(options.tail_bytes, kFooterSize));
  };
  if (!options.lenient) {
    open(options.index);
    expect_no_content_in_tail(*object_);
    return;
  }
  // Loaded, so that each index is checked now; and the end is where the footer says.
  broken_rule_ = failure_of([&] {
    open({IndexMode::loaded, 1});
    expect_no_content_in_tail(*object_);
    RagzipCursor(*this).seek(0, Whence::end);
  });
  if (!broken_rule_) return;
  if (broken_rule_->kind() != ErrorKind::corrupt && broken_rule_->kind() != ErrorKind::unsupported)
    throw Error(*broken_rule_);
  const PageScan scan = scan_pages(source, {}, {}, {});
  if (scan.damage) throw Error(*scan.damage);
  object_ = std::make_unique<RagzipObject>(source, scan);
}

RagzipFile::RagzipFile(const RangeSource& source, const PageScan& scan)
    : object_(std::make_unique<RagzipObject>(source, scan)),
      cache_(std::make_unique<PageCache>(options_.page_cache_bytes)),
      idle_(std::make_unique<Cursors>()) {}

RagzipFile::~RagzipFile() = default;

const RangeSource& RagzipFile::source() const {
  return object_->metadata.source();
}

const RagzipGeometry& RagzipFile::geometry() const {
  return object_->structure.geometry;
}

const std::vector<RagzipExtension>& RagzipFile::extensions() const {
  return object_->structure.extensions;
}

std::size_t RagzipFile::read_at(LogicalOffset at, MutableBytes out) const {
  auto cursor = idle_->take(at);
  if (!cursor) cursor = std::make_unique<RagzipCursor>(*this);
  const Cursors::Borrowed borrowed(*idle_, std::move(cursor));
  if (at.value() > kLogicalSizeMax) at = LogicalOffset(kLogicalSizeMax);
  (*borrowed).seek(static_cast<std::int64_t>(at.value()), Whence::begin);
  return (*borrowed).read(out);
}

RagzipCursor::RagzipCursor(const RagzipFile& file) : file_(file), reader_(*file.object_) {}

RagzipCursor::~RagzipCursor() = default;

std::size_t RagzipCursor::read(MutableBytes out) {
  const std::size_t done = copy_from_pages(file_.geometry(), at_, out,
                                           [this](std::uint64_t number) { return page(number); });
  at_ = at_ + done;
  if (done < out.size()) check_end();
  return done;
}

LogicalOffset RagzipCursor::seek(std::int64_t distance, Whence whence) {
  if (whence == Whence::end) check_end();
  const ByteCount base = whence == Whence::begin     ? 0
                         : whence == Whence::current ? at_.value()
                                                     : file_.geometry().logical_size;
  // Both are below 2^62, so their sum is no overflow.
  const auto limit = static_cast<std::int64_t>(kLogicalSizeMax);
  const std::int64_t to =
      distance > limit || distance < -limit ? distance : static_cast<std::int64_t>(base) + distance;
  if (to < 0 || to > limit)
    throw Error(ErrorKind::usage,
                "a position of " + std::to_string(to) + " bytes: 0 to 2^62 - 1 expected");
  at_ = LogicalOffset(static_cast<std::uint64_t>(to));
  return at_;
}

bool RagzipCursor::goes_on_at(LogicalOffset at) const {
  const std::uint64_t number = at.value() >> file_.geometry().page_bits;
  return page_ && (number == number_ || number == number_ + 1);
}

ByteView RagzipCursor::page(std::uint64_t number) {
  if (!page_ || number_ != number) {
    auto found = file_.cache_->get(number, [&] { return decode(number); });
    page_ = std::move(found);
    number_ = number;
    if (number + 1 == file_.geometry().page_count) file_.idle_->end_checked = true;
  }
  return page_->bytes;
}

DecodedPage RagzipCursor::decode(std::uint64_t number) {
  const RagzipGeometry& geometry = file_.geometry();
  const bool last = number + 1 == geometry.page_count;
  DecodedPage out;
  if (page_ && number == number_ + 1) {
    // What follows a page that was right is the next one.
    const GzRange rest{page_->end, geometry.footer - page_->end};
    // A read that crosses into one page more is no walk yet.
    reader_.read_ahead(rest, ++walked_ > 1 ? file_.options_.walk_bytes : 0);
    const GzRange found = reader_.decode_page(number, rest, out.bytes);
    out.end = found.end();
    // Unless another one stands there that no index names: mode direct asks at the end only.
    if (last || file_.options_.index.mode != IndexMode::direct) expect_indexed(number, found.begin);
  } else {
    walked_ = 0;
    reader_.read_ahead({GzOffset(0), geometry.footer.value()}, file_.options_.page_bytes);
    out.end = reader_.decode_indexed(number, out.bytes).end();
  }
  // Without an index nothing else says that this page is all there is.
  const GzOffset pages_end = geometry.levels == 0 ? geometry.footer : geometry.top_index;
  if (last && out.end < pages_end) reader_.expect_no_content({out.end, pages_end - out.end});
  return out;
}

// That the page whose content begins at `content`, behind the page before, is the one that the
// index names.
void RagzipCursor::expect_indexed(std::uint64_t number, GzOffset content) const {
  const GzOffset named = file_.object_->index.place(number).begin;
  if (page_->end <= named && named <= content) return;
  throw Error(ErrorKind::corrupt, "page " + std::to_string(number) + " is at " +
                                      std::to_string(content.value()) + ", the index says " +
                                      std::to_string(named.value()));
}

void RagzipCursor::check_end() {
  const std::uint64_t pages = file_.geometry().page_count;
  if (pages > 0 && !file_.idle_->end_checked) page(pages - 1);
}

}  // namespace tape
