// A `.taridx`: refused, or written and read again the same.
#include <algorithm>

#include "fuzz/fuzz.h"
#include "support/memory_io.h"
#include "tape/tar_index.h"

namespace {

tape::ForeignMember member_of(const tape::TarIndexEntry& entry) {
  tape::ForeignMember out;
  out.member.name = entry.name;
  out.member.target = entry.target;
  out.member.mode = entry.mode;
  out.member.mtime.seconds = entry.mtime;
  out.typeflag = entry.typeflag.value_or('0');
  out.offset = entry.offset;
  out.body = entry.body;
  out.size = entry.size;
  return out;
}

// Written without the `/` behind it.
std::string bare(std::string name) {
  while (name.size() > 1 && name.ends_with('/'))
    name.pop_back();
  return name;
}

bool same(const tape::TarIndexEntry& a, const tape::TarIndexEntry& b) {
  return bare(a.name) == bare(b.name) && a.offset == b.offset && a.body == b.body &&
         a.size == b.size;
}

void round_trip(tape::ByteView json) {
  const auto entries = tape::parse_tar_index(json);
  for (std::size_t i = 1; i < entries.size(); ++i)
    fuzz::must(entries[i].offset > entries[i - 1].offset, "members stand one behind the other");
  tape::MemorySink sink;
  tape::TarIndexWriter writer(sink);
  for (const tape::TarIndexEntry& entry : entries)
    writer.add(member_of(entry));
  writer.finish();
  const auto again = tape::parse_tar_index(sink.bytes);
  fuzz::must(std::equal(entries.begin(), entries.end(), again.begin(), again.end(), same),
             "written and read again the entries are the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::decodes_or_refuses([&] { round_trip({data, size}); });
  return 0;
}
