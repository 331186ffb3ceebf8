#include "tape/ragzip_assembler.h"

#include "format/ragzip_format.h"
#include "support/expect.h"
#include "support/memory_io.h"
#include "support/ragzip_parts.h"
#include "support/samples.h"
#include "tape/ragzip_reader.h"
#include "tape/ragzip_writer.h"

using namespace tape;

namespace {

constexpr std::size_t kPage = 512;

RagzipOptions small(int index_bits) {
  RagzipOptions options;
  options.page_bits = 9;
  options.index_bits = index_bits;
  return options;
}

Bytes written(const Bytes& content, int index_bits) {
  MemorySink sink;
  RagzipWriter writer(sink, small(index_bits), nullptr);
  writer.write(content);
  writer.finish_pages();
  writer.finish();
  return std::move(sink.bytes);
}

// The page members of a file, in order.
std::vector<GzipPart> pages_of(const Bytes& file) {
  std::vector<GzipPart> parts = parts_of(file);
  std::erase_if(parts, [](const GzipPart& part) { return part.content.empty(); });
  return parts;
}

ByteView member(const Bytes& file, const GzipPart& part) {
  return ByteView(file).subspan(part.offset.value(), part.size);
}

Bytes assembled(const Bytes& file, int index_bits) {
  MemorySink sink;
  RagzipAssembler assembler(sink, small(index_bits));
  for (const GzipPart& page : pages_of(file))
    assembler.add_page(member(file, page), page.content.size());
  assembler.finish_pages();
  assembler.finish();
  return std::move(sink.bytes);
}

}  // namespace

TEST_CASE("ragzip_assembler: a file comes again out of its page members", "[ragzip_assembler]") {
  for (const int index_bits : {1, 2, 3, 10}) {
    for (const std::size_t size : {0U, 1U, 512U, 513U, 1024U, 1025U, 8705U, 33000U}) {
      const Bytes file = written(mixed_bytes(size), index_bits);
      INFO(size << " bytes, indexes of 2^" << index_bits);
      CHECK((assembled(file, index_bits) == file));
    }
  }
}

TEST_CASE("ragzip_assembler: pages that are skipped leave everything else where it was",
          "[ragzip_assembler]") {
  const Bytes file = written(mixed_bytes(40 * kPage + 9), 1);
  MemorySink sink;
  RagzipAssembler assembler(sink, small(1));
  Bytes metadata;
  for (const GzipPart& part : parts_of(file)) {
    if (part.content.empty()) {
      const ByteView bytes = member(file, part);
      metadata.insert(metadata.end(), bytes.begin(), bytes.end());
    } else {
      CHECK(assembler.skip_page(part.size, part.content.size()) == part.offset);
    }
  }
  assembler.finish_pages();
  assembler.finish();
  CHECK(assembler.position().value() == file.size());
  CHECK((sink.bytes == metadata));
}

TEST_CASE("ragzip_assembler: going on behind any page gives the file of one run",
          "[ragzip_assembler]") {
  for (const int index_bits : {1, 2}) {
    const Bytes file = written(mixed_bytes(20 * kPage + 100), index_bits);
    const std::vector<GzipPart> pages = pages_of(file);
    const MemorySource source(file);
    RagzipReader reader(source, {IndexMode::loaded, 1});
    for (std::size_t full = 0; full < pages.size(); ++full) {
      INFO(full << " pages, indexes of 2^" << index_bits);
      MemorySink first;
      RagzipAssembler before(first, small(index_bits));
      for (std::size_t i = 0; i < full; ++i)
        before.add_page(member(file, pages[i]), kPage);
      const PageBoundary found = reader.boundary_behind(full);
      CHECK(encode_boundary(found) == encode_boundary(before.boundary()));
      CHECK(found.position.value() == first.bytes.size());

      MemorySink sink;
      sink.bytes = first.bytes;
      RagzipAssembler after(sink, small(index_bits));
      after.resume(decode_boundary(encode_boundary(before.boundary()), small(index_bits)));
      CHECK(after.logical_size() == full * kPage);
      for (std::size_t i = full; i < pages.size(); ++i)
        after.add_page(member(file, pages[i]), pages[i].content.size());
      after.finish_pages();
      after.finish();
      CHECK((sink.bytes == file));
    }
  }
}

TEST_CASE("ragzip_assembler: a saved boundary that was changed is corrupt or harmless",
          "[ragzip_assembler]") {
  const Bytes file = written(mixed_bytes(20 * kPage), 1);
  MemorySink sink;
  RagzipAssembler assembler(sink, small(1));
  for (const GzipPart& page : pages_of(file))
    assembler.add_page(member(file, page), kPage);
  const Bytes saved = encode_boundary(assembler.boundary());
  for (std::size_t size = 0; size < saved.size(); ++size)
    CHECK(failed([&] { decode_boundary(ByteView(saved).first(size), small(1)); }).kind() ==
          ErrorKind::corrupt);
  Bytes longer = saved;
  longer.push_back(0);
  CHECK(failed([&] { decode_boundary(longer, small(1)); }).kind() == ErrorKind::corrupt);
  // Field 1 is the number of pages: no other one goes with these indexes.
  for (const int change : {1, 2, 4, 8, 16, 32}) {
    Bytes other = saved;
    other[15] = static_cast<std::uint8_t>(other[15] ^ change);
    CHECK(failed([&] { decode_boundary(other, small(1)); }).kind() == ErrorKind::corrupt);
  }
  // Behind the number of levels stands the number of slots of the first.
  Bytes slots = saved;
  slots[8 * 4 + 7] ^= 2;
  CHECK(failed([&] { decode_boundary(slots, small(1)); }).kind() == ErrorKind::corrupt);
}

TEST_CASE("ragzip_assembler: flags of extensions are kept, those of the specification refused",
          "[ragzip_assembler]") {
  MemorySink sink;
  RagzipAssembler assembler(sink, small(1));
  assembler.add_extension(5, Bytes{1, 2}, 0x11);
  for (const int flags : {0x80, 0xFF})
    CHECK(failed([&] {
            assembler.add_extension(6, {}, static_cast<std::uint8_t>(flags));
          }).kind() == ErrorKind::usage);
  assembler.finish_pages();
  assembler.finish();
  const MemorySource source(sink.bytes);
  const RagzipReader reader(source);
  REQUIRE(reader.extensions().size() == 1);
  CHECK(reader.extensions()[0].flags == 0x11);
  CHECK(reader.extensions()[0].payload == Bytes{1, 2});
}

TEST_CASE("ragzip_assembler: content beyond 2^62 - 1 bytes is refused", "[ragzip_assembler]") {
  RagzipShape shape;
  shape.page_bits = 30;
  MemorySink sink;
  RagzipAssembler assembler(sink, shape);
  PageBoundary boundary;
  boundary.page_count = (std::uint64_t{1} << 32) - 1;
  boundary.position = GzOffset(1000);
  boundary.last_page = GzOffset(900);
  std::uint64_t noted = boundary.page_count - 1;
  while (noted > 0) {  // as many slots as a writer would have open
    const std::uint64_t above = (noted - 1) >> shape.index_bits;
    auto& index = boundary.open_indexes.emplace_back();
    for (std::uint64_t slot = above << shape.index_bits; slot < noted; ++slot)
      index.emplace_back(index.size());
    noted = above;
  }
  assembler.resume(boundary);
  assembler.add_page(Bytes(20), (ByteCount{1} << 30) - 1);
  CHECK(assembler.logical_size() == kLogicalSizeMax);
  RagzipAssembler full(sink, shape);
  full.resume(boundary);
  CHECK(failed([&] { full.add_page(Bytes(20), ByteCount{1} << 30); }).kind() ==
        ErrorKind::unsupported);
}
