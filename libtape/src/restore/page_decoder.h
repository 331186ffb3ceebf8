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

  // `page`: a slot names it. A slot that was changed may name an index, in front of another page.
  enum class Begin { page, anywhere };

  // Decodes members from `place.begin` on, empty ones passed over, until `out` is full; all of them
  // end at or before `place.end()`. Each one's CRC32 and ISIZE are checked. Returns from the
  // begin of the first with content to the end of the last. Fails: corrupt when there is more, less
  // or other content, or metadata of ragzip where a page begins.
  GzRange decode(GzRange place, MutableBytes out, Begin begin = Begin::anywhere);

  // That `place` holds whole empty members and nothing else. Fails: corrupt.
  void expect_empty(GzRange place);

 private:
  struct Step {
    ByteCount consumed = 0;
    std::size_t produced = 0;
    bool metadata = false;  // its first subfield is RA
  };
  GzRange decode_once(GzRange place, MutableBytes out, Begin begin);
  Step decode_member(GzOffset at, GzOffset limit, MutableBytes out);

  RangeWindow& window_;
  ByteCount last_size_ = UINT32_MAX;  // of the member before
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace tape
