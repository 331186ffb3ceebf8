#include "play/page_pipeline.h"

#include <algorithm>
#include <cstring>

#include "format/gzip_format.h"

namespace tape {
namespace {

bool all_zero(ByteView bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

std::size_t capacity_for(std::size_t page_size, std::size_t workers) {
  const std::size_t most = std::max<std::size_t>(1, kPagesInFlightBytes / page_size);
  return std::min(most, workers * 2 + 1);
}

void deflate_page(Page& page, Deflater& deflater) {
  if (!page.member.empty()) return;  // of zeros, known already
  page.member.assign(kPageHeader.begin(), kPageHeader.end());
  deflater.deflate(page.bytes, page.member);
  append_trailer(page.member, crc32(page.bytes), page.bytes.size());
}

}  // namespace

PagePipeline::PagePipeline(const MakeDeflater& make_deflater,
                           std::size_t page_size,
                           std::size_t workers)
    : page_size_(page_size), workers_(workers, capacity_for(page_size, workers), [&] {
        return [deflater = std::shared_ptr<Deflater>(make_deflater())](Page& page) {
          deflate_page(page, *deflater);
        };
      }) {}

void PagePipeline::submit(Bytes bytes) {
  Page page;
  if (!free_.empty()) {
    page = std::move(free_.back());
    free_.pop_back();
  }
  page.member.clear();
  page.bytes = std::move(bytes);
  page.zero = page.bytes.size() == page_size_ && all_zero(page.bytes);
  if (page.zero) page.member = zero_member_;
  workers_.submit(std::move(page));
}

Page PagePipeline::take() {
  Page page = workers_.take();
  if (page.zero && zero_member_.empty()) zero_member_ = page.member;
  return page;
}

Bytes PagePipeline::buffer() {
  Bytes out;
  if (!free_.empty()) out.swap(free_.back().bytes);
  out.clear();
  return out;
}

void PagePipeline::give_back(Page page) {
  if (free_.size() < 2) free_.push_back(std::move(page));
}

}  // namespace tape
