// decode_ragzip: all logical bytes of a ragzip object, in order, by several threads.
//
// In:      a RangeSource.
// Out:     the bytes, to a ByteSink, which is not finished.
// Limits:  memory: 64 MiB of pages, at least one a worker, and the offsets of all pages.
// Threads: the workers are its own; the source is read by all of them.
// Spec:    docs/format.md §3.6.
#pragma once
#include <functional>

#include "tape/io.h"
#include "tape/ragzip_reader.h"

namespace tape {

// Whether the last 64 bytes look like a ragzip footer, sound or not.
bool has_ragzip_footer(const RangeSource& source);

struct DecodeOptions {
  unsigned workers = 0;  // 0: the caller's thread
  std::function<void(ByteCount done)> progress;
};

// Strict: what gzip would find between pages or behind them, and what no index names, is refused as
// well. Fails: corrupt, unsupported; as source and sink do. What was written until then is right.
RagzipGeometry decode_ragzip(const RangeSource& source,
                             ByteSink& out,
                             const DecodeOptions& options);

}  // namespace tape
