// A whole object: read as ragzip from everywhere, then as an archive by its member index.
#include <algorithm>

#include "fuzz/fuzz.h"
#include "support/memory_io.h"
#include "tape/archive.h"

namespace {

// A page is allocated whole before it is inflated: what claims larger ones is only opened, so that
// an input costs milliseconds.
constexpr int kPageBitsMax = 18;
constexpr std::uint64_t kPagesMax = 64;
constexpr int kRecordsMax = 200;

bool is_small(const tape::RagzipGeometry& geometry) {
  return geometry.page_bits <= kPageBitsMax && geometry.page_count <= kPagesMax;
}

void read_pages(const tape::RangeSource& source) {
  tape::RagzipReader reader(source);
  const tape::RagzipGeometry& geometry = reader.geometry();
  if (!is_small(geometry)) return;
  tape::Bytes buffer(static_cast<std::size_t>(geometry.logical_size));
  const std::size_t done = reader.read_at(tape::LogicalOffset(0), buffer);
  fuzz::must(done == buffer.size(), "a whole read is whole");
  // Any other way to the same byte finds the same byte.
  tape::Bytes one(1);
  for (tape::ByteCount at = 0; at < geometry.logical_size; at += 1 + geometry.logical_size / 7) {
    fuzz::must(reader.read_at(tape::LogicalOffset(at), one) == 1, "a byte inside is there");
    fuzz::must(one[0] == buffer[static_cast<std::size_t>(at)], "a byte is the same both ways");
  }
  fuzz::must(reader.read_at(tape::LogicalOffset(geometry.logical_size), one) == 0, "an end");
}

void read_members(const tape::RangeSource& source) {
  tape::Archive archive(source);
  if (!is_small(archive.ragzip().geometry())) return;
  archive.index().check();
  const auto cursor = archive.index().records_from({});
  tape::Bytes buffer(10'000);
  for (int i = 0; i < kRecordsMax; ++i) {
    const auto record = cursor->next();
    if (!record) break;
    const auto found = archive.index().find(record->path);
    fuzz::must(found && found->offset == record->offset, "what is listed is found");
    fuzz::decodes_or_refuses([&] {
      const auto member = archive.open(*record);
      while (member->read(buffer) == buffer.size()) {
      }
      member->finish();
    });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tape::Bytes object(data, data + size);
  const tape::MemorySource source(object);
  fuzz::decodes_or_refuses([&] { read_pages(source); });
  fuzz::decodes_or_refuses([&] { read_members(source); });
  fuzz::decodes_or_refuses([&] {
    tape::Archive archive(source);
    if (is_small(archive.ragzip().geometry())) archive.check_all({});
  });
  return 0;
}
