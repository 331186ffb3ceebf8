#include "restore/ragzip_tail.h"

#include <algorithm>

#include "codec/member_index_node.h"
#include "format/gzip_format.h"
#include "format/member_index_format.h"
#include "format/ragzip_format.h"
#include "tape/member_index.h"

namespace tape {
namespace {

class Tail {
 public:
  explicit Tail(RagzipObject& object) : object_(object) {}

  void check() {
    const RagzipGeometry& geometry = object_.structure.geometry;
    if (geometry.page_count == 0)
      return RagzipReader(object_).expect_no_content({GzOffset(0), geometry.footer.value()});
    if (geometry.levels == 0) return;
    const int bits = span_bits(geometry.index_bits, geometry.levels);
    const std::uint64_t slots = ((geometry.page_count - 1) >> bits) + 1;
    Metadata last{geometry.top_index, kMetadataOverhead + 8 * slots, "index"};
    for (const RagzipExtension& extension : object_.structure.extensions) {
      if (extension.offset < geometry.top_index) continue;  // others put them anywhere
      check_gap(last, extension.offset, member_index_of(extension));
      last = {extension.offset, kMetadataOverhead + kExtensionHead + extension.payload.size(),
              "extension"};
    }
    check_gap(last, geometry.footer, {});
  }

 private:
  struct Metadata {
    GzOffset at;
    ByteCount size = 0;  // as Ragtape and the reference write it
    const char* what = "";
  };

  // Leaves and inner nodes; empty when the extension is another one or names none.
  GzRange member_index_of(const RagzipExtension& extension) const {
    if (extension.flags != 0 || extension.id != kTmixId) return {};
    std::optional<Tmix> tmix;
    if (failure_of([&] { tmix = decode_tmix(extension.payload); }) || !tmix) return {};
    const RagzipGeometry& geometry = object_.structure.geometry;
    const bool stale = static_cast<ByteCount>(tmix->logical_size) != geometry.logical_size ||
                       static_cast<std::uint64_t>(tmix->top_index) != geometry.top_index.value();
    if (stale) return {};
    const GzRange& leaves = tmix->root.leaves;
    if (tmix->root.records == 0 || tmix->root.root.end() < leaves.begin) return {};
    return {leaves.begin, tmix->root.root.end() - leaves.begin};
  }

  void check_gap(const Metadata& last, GzOffset end, GzRange known) {
    GzOffset begin = last.at + last.size;
    if (begin == end || (known.begin == begin && known.end() == end)) return;
    // Others write nothing in more bytes than we do.
    begin = object_.metadata.member(last.at, end, {"RA", last.what, last.size}).end;
    RagzipReader(object_).expect_no_content({begin, end - begin});
  }

  RagzipObject& object_;
};

}  // namespace

void expect_no_content_in_tail(RagzipObject& object) {
  Tail(object).check();
}

}  // namespace tape
