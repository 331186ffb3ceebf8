// check_ragzip: every rule of the format that a ragzip object breaks, with its place.
//
// In:      a RangeSource.
// Out:     violations, in the order they are found: footer, extensions, indexes, pages.
// Limits:  memory: offsets of all pages and indexes, 64 MiB of pages.
// Threads: one caller; workers of its own.
// Spec:    docs/format.md §3.6.
#pragma once
#include <functional>
#include <optional>

#include "tape/error.h"
#include "tape/ragzip_reader.h"

namespace tape {

struct Violation {
  GzOffset at;  // the begin of the member that it is about
  Error error;  // names the place, too
};

struct RagzipCheck {
  std::uint64_t violations = 0;
  std::uint64_t pages_checked = 0;         // decoded, with everything right
  ByteCount bytes_checked = 0;             // of content
  std::optional<RagzipGeometry> geometry;  // none without a footer that can be read
};

// Where the indexes cannot lead, the gzip members are walked from the begin instead. `progress` may
// be empty. Fails: as the source does.
RagzipCheck check_ragzip(const RangeSource& source,
                         unsigned workers,
                         const std::function<void(const Violation&)>& report,
                         const std::function<void(ByteCount done)>& progress);

}  // namespace tape
