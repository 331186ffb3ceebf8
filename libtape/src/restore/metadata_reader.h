// Reads the empty gzip members that carry metadata.
//
// In:      a RangeSource.
// Limits:  memory: the tail that was asked for, one window in front of it.
// Threads: one caller at a time.
// Spec:    docs/format.md §3.2 and §3.6.
#pragma once
#include <memory>

#include "codec/deflate.h"
#include "restore/range_window.h"
#include "tape/ragzip_reader.h"

namespace tape {

class MetadataReader {
 public:
  using Request = RagzipReader::MetadataRequest;
  using Member = RagzipReader::MetadataMember;

  // Reads the last `tail` bytes, in one request, and keeps them. `source` must outlive the reader.
  MetadataReader(const RangeSource& source, ByteCount tail);

  const RangeSource& source() const { return tail_.source(); }
  // From what is kept, else from the source. Any number of threads.
  void read_at(GzOffset at, MutableBytes out) const;
  // Valid until the next call.
  ByteView bytes(GzOffset at, ByteCount size);
  // The member at `at`, which must end at or before `limit`. Fails: corrupt unless it is empty,
  // has an EXTRA field alone, and in it the subfield first.
  Member member(GzOffset at, GzOffset limit, const Request& request);
  // Keeps nothing of what was read, the tail included.
  void forget() {
    tail_.forget();
    window_.forget();
  }
  // From now on a miss inside `range` reads on up to its end, at most `most` bytes.
  void read_ahead(GzRange range, ByteCount most) { window_.expect(range, most); }

 private:
  RangeWindow tail_;
  RangeWindow window_;
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace tape
