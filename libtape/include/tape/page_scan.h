// scan_pages: the pages of a ragzip object as its gzip members show them, whatever its indexes and
// its footer say. For what a strict reader refuses, and for files that lost their end.
//
// In:      a RangeSource, read once from begin to end.
// Out:     where pages lie, their size, what is left of the metadata.
// Limits:  memory: 24 bytes a gzip member with content, and a window of 1 MiB.
// Threads: one caller.
// Spec:    docs/format.md "Without its tail".
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "tape/error.h"
#include "tape/io.h"
#include "tape/ragzip_reader.h"

namespace tape {

// What the caller knows better.
struct PageScanHints {
  std::optional<int> page_bits;
  std::optional<int> index_bits;
};

struct PageScan {
  RagzipShape shape;
  bool index_bits_known = false;  // said by an index, the footer or a hint; else the usual one
  std::vector<GzRange> pages;     // from the first to the last member with content
  ByteCount logical_size = 0;
  GzOffset end;  // of the last member that is whole
  // Of whole members behind the pages, in order; flags of the specification included.
  std::vector<RagzipExtension> extensions;
  // What stands at `end` when it is not the end of the object, and nothing behind it was looked at.
  std::optional<Error> damage;
  // What the footer says the content has, when there is one.
  std::optional<ByteCount> claimed_size;

  GzOffset pages_end() const { return pages.empty() ? GzOffset(0) : pages.back().end(); }
};

// `content`, which may be empty, gets all bytes of whole members, and of the damaged one those in
// front of the damage; `progress`, which may be empty, how far it is. Fails: corrupt when the
// members do not fall into pages of one size; usage for a hint that they contradict.
PageScan scan_pages(const RangeSource& source,
                    const PageScanHints& hints,
                    const std::function<void(ByteView)>& content,
                    const std::function<void(GzOffset)>& progress);

}  // namespace tape
