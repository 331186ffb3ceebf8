#include "tape/ragzip_decode.h"

#include <algorithm>
#include <memory>

#include "format/ragzip_format.h"
#include "restore/ragzip_object.h"
#include "tape/ordered_workers.h"

namespace tape {
namespace {

constexpr ByteCount kPagesInFlightBytes = ByteCount{64} << 20;

struct Page {
  std::uint64_t number = 0;
  GzRange place;  // to the begin of the next one
  Bytes bytes;
};

// As many as there may be pages: each holds one of its own.
std::size_t workers_for(int page_bits, unsigned wanted) {
  return std::min<std::size_t>(wanted, std::max<std::size_t>(1, kPagesInFlightBytes >> page_bits));
}

}  // namespace

bool has_ragzip_footer(const RangeSource& source) {
  if (source.size() < kFooterSize) return false;
  Bytes head(16);
  source.read_at(GzOffset(source.size() - kFooterSize), head);
  return head[0] == 0x1F && head[1] == 0x8B && head[12] == 'R' && head[13] == 'A';
}

RagzipGeometry decode_ragzip(const RangeSource& source,
                             ByteSink& out,
                             const DecodeOptions& options) {
  RagzipObject object(source, {IndexMode::loaded, 1}, kTailReadSize);
  const RagzipGeometry& geometry = object.structure.geometry;
  const std::size_t count = workers_for(geometry.page_bits, options.workers);
  const std::size_t most = std::max<std::size_t>(1, kPagesInFlightBytes >> geometry.page_bits);
  OrderedWorkers<Page> workers(count, std::clamp<std::size_t>(count * 4, 1, most), [&object] {
    return [reader = std::make_shared<RagzipReader>(object)](Page& page) {
      reader->decode_only(page.number, page.place, page.bytes);
    };
  });
  if (geometry.page_count > 0)
    RagzipReader(object).expect_no_content(
        {GzOffset(0), object.index.place(0).begin - GzOffset(0)});
  std::vector<Bytes> free;
  ByteCount done = 0;
  const auto write_page = [&] {
    Page page = workers.take();
    out.write(page.bytes);
    done += page.bytes.size();
    if (options.progress) options.progress(done);
    free.push_back(std::move(page.bytes));
  };
  for (std::uint64_t number = 0; number < geometry.page_count; ++number) {
    while (workers.full())
      write_page();
    Page page{number, object.index.place(number), {}};
    if (!free.empty()) {
      page.bytes.swap(free.back());
      free.pop_back();
    }
    workers.submit(std::move(page));
  }
  while (!workers.empty())
    write_page();
  const GzOffset rest = geometry.page_count == 0 ? GzOffset(0) : object.index.pages_end();
  RagzipReader(object).expect_no_content({rest, source.size() - rest.value()});
  return geometry;
}

}  // namespace tape
