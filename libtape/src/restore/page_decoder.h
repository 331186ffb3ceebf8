// Decodes the gzip members of one page.
//
// Threads: one caller at a time.
// Spec:    docs/format.md §3 "strict reader"; RFC 1952.
#pragma once
#include <memory>
#include <utility>

#include "codec/deflate.h"
#include "restore/range_window.h"

namespace tape {

class PageDecoder {
 public:
  // `window` must outlive the decoder.
  explicit PageDecoder(RangeWindow& window)
      : window_(window), inflater_(make_libdeflate_inflater()) {}

  void use(std::unique_ptr<Inflater> inflater) { inflater_ = std::move(inflater); }

  // Decodes members from `place.begin` on, empty ones passed over, until `out` is full; all of them
  // end at or before `place.end()`. Each one's CRC32 and ISIZE are checked. Returns from the
  // begin of the first with content to the end of the last. Fails: corrupt when there is more, less
  // or other content.
  GzRange decode(GzRange place, MutableBytes out);

  // That a page, and not an index, begins at `at`: a slot that was changed may name an index, in
  // front of another page. Fails: corrupt.
  void check_begin(GzRange place);

  // That `place` holds whole empty members and nothing else. Fails: corrupt.
  void expect_empty(GzRange place);

 private:
  struct Step {
    ByteCount consumed = 0;
    std::size_t produced = 0;
  };
  Step decode_member(GzOffset at, GzOffset limit, MutableBytes out);

  RangeWindow& window_;
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace tape
