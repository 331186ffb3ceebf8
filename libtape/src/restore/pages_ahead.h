// PagesAhead: the pages of a walk, fetched and inflated by several threads before they are asked
// for.
//
// Pages go in runs: one read each, whose pages one thread inflates. They begin with the second page
// in a row, and more of them are begun while the walk goes on, so that who reads little reads
// little ahead.
//
// Limits:  kPagesAheadBytes of content, and what it is deflated to, but a run a worker and two
// more. Threads: one caller at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "restore/ragzip_object.h"
#include "tape/ordered_workers.h"
#include "tape/ragzip_reader.h"

namespace tape {

inline constexpr ByteCount kPagesAheadBytes = ByteCount{32} << 20;

class PagesAhead {
 public:
  // `object` must outlive this. `as_gzip`: inflated by zlib.
  PagesAhead(RagzipObject& object, unsigned workers, bool as_gzip);
  ~PagesAhead();
  PagesAhead(const PagesAhead&) = delete;
  PagesAhead& operator=(const PagesAhead&) = delete;

  struct Page {
    ByteView bytes;  // valid until the next page()
    GzRange place;   // of its content in the object
  };
  // None: it was not ahead, or could not be had; whoever decodes it by itself learns why.
  std::optional<Page> page(std::uint64_t number);

 private:
  struct Run {
    std::uint64_t first = 0;
    std::vector<GzRange> places;  // of the pages; then of their content
    std::vector<Bytes> pages;
    bool holds(std::uint64_t number) const {
      return number >= first && number - first < pages.size();
    }
  };

  bool enter(std::uint64_t number);
  std::unique_ptr<OrderedWorkers<Run>> make_workers(std::size_t most);
  void begin_runs();
  Run run_from(std::uint64_t first);
  void forget();

  RagzipObject& object_;
  const unsigned workers_;
  const bool as_gzip_;
  const std::uint64_t run_pages_;
  std::unique_ptr<OrderedWorkers<Run>> ahead_;  // none: nothing is ahead
  Run current_;
  std::uint64_t held_ = 0;             // first page of the oldest run
  std::uint64_t next_ = 0;             // page behind all runs
  std::size_t wanted_ = 0;             // runs ahead
  std::optional<std::uint64_t> last_;  // that was asked for
  std::vector<Bytes> free_;
};

}  // namespace tape
