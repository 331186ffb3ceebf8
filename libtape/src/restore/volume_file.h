// One open volume: its pages, its indexes, and what was checked of them.
//
// Threads: one caller at a time; of a walk it has its own.
// Spec:    docs/format.md §3, §4.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "codec/digest.h"
#include "restore/pages_ahead.h"
#include "restore/ragzip_object.h"
#include "tape/archive.h"
#include "tape/member_index.h"
#include "tape/ragzip_reader.h"

namespace tape {

class VolumeFile {
 public:
  // Reads the tail. `source` must outlive the reader.
  explicit VolumeFile(const RangeSource& source);
  // Owns the source. Errors name it. Fails also: corrupt when the volume is not what `volume` says.
  VolumeFile(std::unique_ptr<RangeSource> source, const ArchiveVolume& volume);

  RagzipReader& ragzip() { return ragzip_; }
  MemberIndex& index() { return index_; }
  const std::string& name() const { return name_; }

  // From now on page reads go ahead over all pages.
  void expect_walk(const WalkOptions& walk);
  // One member's pages; nothing in a walk.
  void expect(GzRange pages);

  // The decoded page `number`, the first content at or behind `place.begin`; `end`: where it ends.
  ByteView page(std::uint64_t number, GzRange place, GzOffset& end);
  // Where the page that was decoded last ends.
  GzOffset page_end() const { return page_end_; }

  // Index tree and member index agree about each other. Fails: corrupt.
  void check_indexes();
  // From now on each page must come once, in order; behind the last one the slice's hash is
  // compared. Pages are inflated as gzip does.
  void begin_check();
  void end_check() { checking_ = false; }
  // The pages that no member had.
  void check_rest();
  // Each page with a chance of `share`; returns their number.
  std::uint64_t check_sample(double share,
                             std::uint64_t seed,
                             const std::function<void(ByteCount done)>& progress);

 private:
  std::optional<GzRange> page_ahead(std::uint64_t number);
  void check_page(std::uint64_t number, GzRange found);
  std::unique_ptr<RangeSource> owned_;
  std::string name_;  // empty: of the only volume, whose errors the caller names
  RagzipObject object_;
  RagzipReader ragzip_;
  MemberIndex index_;
  std::optional<WalkOptions> walk_;
  std::unique_ptr<PagesAhead> ahead_;  // of a walk with workers
  Bytes page_;
  ByteView shown_;                            // page_, or a page of ahead_
  std::optional<std::uint64_t> page_number_;  // of shown_
  GzOffset page_end_;
  bool checking_ = false;
  std::uint64_t pages_checked_ = 0;
  Xxh3Stream slice_hash_;
};

}  // namespace tape
