// A gzip stream and an index of it: two bytes, little endian, say how long the stream is, the index
// is the rest.
#include <algorithm>

#include "base/endian.h"
#include "fuzz/fuzz.h"
#include "support/memory_io.h"
#include "tape/gzip_index.h"

namespace {

constexpr std::uint64_t kContentMax = std::uint64_t{1} << 20;

// What a pass over the stream gives, or as much of it as is read here.
tape::Bytes content_of(const tape::Bytes& stream) {
  tape::Bytes out;
  tape::MemorySpool windows;
  tape::MemorySink index;
  std::size_t at = 0;
  tape::build_gzip_index(
      [&](tape::MutableBytes to) {
        const std::size_t n = std::min(to.size(), stream.size() - at);
        std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), n, to.begin());
        at += n;
        return n;
      },
      [&](tape::ByteView piece) {
        const std::size_t n = std::min<std::uint64_t>(piece.size(), kContentMax - out.size());
        out.insert(out.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(n));
      },
      {index, windows.out, windows.in});
  return out;
}

void read(const tape::Bytes& stream, const tape::Bytes& index_bytes) {
  const tape::MemorySource stream_source(stream);
  const tape::MemorySource index_source(index_bytes);
  const tape::GzipIndex index(index_source);
  tape::Bytes some(1000);
  for (const tape::GzipPoint& point : index.points()) {
    fuzz::decodes_or_refuses([&] {
      tape::GzipContentReader reader(stream_source, index);
      reader.expect(point.content, some.size());
      reader.read_at(point.content, some);
    });
  }
  const auto& size = index.content_size();
  if (!size || *size > kContentMax) return;
  // All of it, with every CRC32: then it is what a pass over the stream gives.
  tape::GzipContentReader reader(stream_source, index);
  tape::Bytes whole(*size);
  if (reader.read_at(0, whole) != whole.size() || whole.empty()) return;
  fuzz::decodes_or_refuses(
      [&] { fuzz::must(content_of(stream) == whole, "the content is the same both ways"); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t length = std::min<std::size_t>(tape::load_le16(data), size - 2);
  const tape::Bytes stream(data + 2, data + 2 + length);
  const tape::Bytes index(data + 2 + length, data + size);
  fuzz::decodes_or_refuses([&] { content_of(stream); });
  fuzz::decodes_or_refuses([&] { read(stream, index); });
  return 0;
}
