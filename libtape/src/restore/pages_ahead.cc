#include "restore/pages_ahead.h"

#include <algorithm>

#include "codec/deflate.h"
#include "tape/archive.h"
#include "tape/error.h"

namespace tape {
namespace {

// Content of one run: enough for a request to be worth its way.
constexpr ByteCount kRunBytes = ByteCount{1} << 20;

std::uint64_t pages_of_a_run(int page_bits) {
  return std::max<std::uint64_t>(1, kRunBytes >> page_bits);
}

}  // namespace

PagesAhead::PagesAhead(RagzipObject& object, unsigned workers, bool as_gzip)
    : object_(object),
      workers_(workers),
      as_gzip_(as_gzip),
      run_pages_(pages_of_a_run(object.structure.geometry.page_bits)) {}

PagesAhead::~PagesAhead() = default;

std::optional<PagesAhead::Page> PagesAhead::page(std::uint64_t number) {
  const bool in_a_row = last_ && (number == *last_ || number == *last_ + 1);
  last_ = number;
  if (!current_.holds(number) && !enter(number)) {
    forget();
    held_ = next_ = number + 1;
    if (in_a_row) begin_runs();
    return std::nullopt;
  }
  const std::size_t at = number - current_.first;
  return Page{current_.pages[at], current_.places[at]};
}

// Runs in front of the page are passed over: their members were not wanted.
bool PagesAhead::enter(std::uint64_t number) {
  if (!ahead_ || number < held_ || number >= next_) return false;
  while (!current_.holds(number)) {
    for (Bytes& page : current_.pages)
      free_.push_back(std::move(page));
    current_ = {};
    if (failure_of([&] { current_ = ahead_->take(); })) return false;
    held_ = current_.first;
    begin_runs();
  }
  return true;
}

std::unique_ptr<OrderedWorkers<PagesAhead::Run>> PagesAhead::make_workers(std::size_t most) {
  return std::make_unique<OrderedWorkers<Run>>(workers_, most, [this] {
    const auto reader = std::make_shared<RagzipReader>(object_);
    if (as_gzip_) reader->inflate_as_gzip_does();
    return [reader](Run& run) {
      const GzOffset begin = run.places.front().begin;
      reader->read_ahead({begin, run.places.back().end() - begin}, kReadAheadMax);
      for (std::size_t i = 0; i < run.places.size(); ++i)
        run.places[i] = reader->decode_page(run.first + i, run.places[i], run.pages[i]);
    };
  });
}

void PagesAhead::begin_runs() {
  const RagzipGeometry& geometry = object_.structure.geometry;
  const std::size_t most =
      std::min<std::size_t>(workers_ + 2, kPagesAheadBytes / (run_pages_ << geometry.page_bits));
  if (workers_ == 0 || most == 0) return;
  if (!ahead_) {
    ahead_ = make_workers(most);
    wanted_ = 1;
  }
  while (ahead_->size() < wanted_ && next_ < geometry.page_count) {
    std::optional<Run> run;
    // An index that is damaged: who comes to those pages is told.
    if (failure_of([&] { run = run_from(next_); })) return;
    next_ += run->pages.size();
    ahead_->submit(std::move(*run));
  }
  wanted_ = std::min(2 * wanted_, most);
}

PagesAhead::Run PagesAhead::run_from(std::uint64_t first) {
  Run run;
  run.first = first;
  const std::uint64_t count = std::min(run_pages_, object_.structure.geometry.page_count - first);
  for (std::uint64_t i = 0; i < count; ++i) {
    run.places.push_back(object_.index.place(first + i));
    run.pages.emplace_back();
    if (free_.empty()) continue;
    run.pages.back().swap(free_.back());
    free_.pop_back();
  }
  return run;
}

void PagesAhead::forget() {
  ahead_.reset();
  current_ = {};
  wanted_ = 0;
}

}  // namespace tape
