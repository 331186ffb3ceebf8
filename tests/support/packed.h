// Archives in memory: of a tree, or of members that no scan would ever give.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "codec/digest.h"
#include "format/tar_format.h"
#include "format/tar_layout.h"
#include "support/memory_io.h"
#include "support/sealed.h"
#include "tape/archive.h"
#include "tape/tape_stream.h"
#include "tape/volume.h"

namespace test {

// Small pages and indexes: a few files make several of each.
inline tape::RagzipOptions small_pages() {
  tape::RagzipOptions options;
  options.page_bits = 9;
  options.index_bits = 2;
  return options;
}

inline tape::Bytes packed(tape::Catalog& catalog, tape::SourceTree& tree) {
  tape::MemorySink sink;
  tape::MemorySpool spool;
  const tape::CatalogSummary& facts = catalog.summary();
  tape::VolumeWriter volume(
      sink, {spool.out, spool.in},
      {small_pages(), {tape::TapeOffset(0), facts.tape_size}, facts.metadata});
  tape::TapeStream stream(catalog, tree, &volume);
  tape::Bytes buffer(3000);
  while (const std::size_t n = stream.read(buffer))
    volume.write(tape::ByteView(buffer).first(n));
  volume.finish();
  return sink.bytes;
}

inline tape::Bytes packed(tape::SourceTree& tree, const tape::ScanOptions& options) {
  return packed(*sealed(tree, options), tree);
}

struct MadeMember {
  tape::Member member;
  std::string content;
  bool wrong_hash = false;
  bool torn = false;
};

inline MadeMember made(tape::MemberType type,
                       const std::string& name,
                       const std::string& target = "") {
  MadeMember out;
  out.member.name = name;
  out.member.type = type;
  out.member.mode = type == tape::MemberType::directory ? 0755 : 0644;
  out.member.mtime = {1'500'000'000, 0};
  out.member.target = target;
  return out;
}

inline MadeMember made_file(const std::string& name, const std::string& content) {
  MadeMember out = made(tape::MemberType::regular, name);
  out.content = content;
  out.member.size = content.size();
  return out;
}

// A sound volume of these members, which must stand in tape order of their paths.
inline tape::Bytes packed(const std::vector<MadeMember>& members,
                          tape::Metadata metadata = tape::Metadata::portable) {
  std::vector<tape::Entry> entries;
  tape::TapeOffset end;
  for (const MadeMember& made : members) {
    tape::Entry& entry = entries.emplace_back();
    entry.member = made.member;
    entry.offset = end;
    entry.header_blocks =
        static_cast<std::uint32_t>(tape::encode_header(made.member).size() / tape::kBlockSize);
    end = entry.end();
  }
  tape::MemorySink sink;
  tape::MemorySpool spool;
  const tape::ByteCount size = end.value() + tape::kEndBlocks * tape::kBlockSize;
  tape::VolumeWriter volume(sink, {spool.out, spool.in},
                            {small_pages(), {tape::TapeOffset(0), size}, metadata});
  for (std::size_t i = 0; i < members.size(); ++i) {
    const tape::ByteView body = tape::as_bytes(members[i].content);
    std::optional<tape::Hash128> hash;
    if (members[i].member.type == tape::MemberType::regular) hash = tape::xxh3_128(body);
    if (members[i].wrong_hash) hash = tape::Hash128{};
    volume.member_starts(entries[i], {});
    if (members[i].torn) hash.reset();
    const auto outcome = members[i].torn ? tape::Outcome::torn : tape::Outcome::as_recorded;
    volume.member_ends(entries[i], {hash, outcome, {}});
    volume.write(tape::encode_header(entries[i].member));
    volume.write(body);
    volume.write(tape::Bytes(tape::padded(body.size()) - body.size()));
  }
  volume.write(tape::Bytes(tape::kEndBlocks * tape::kBlockSize));
  volume.finish();
  return sink.bytes;
}

// An archive and the bytes that it reads.
struct OpenedArchive {
  tape::Bytes bytes;
  tape::MemorySource source{bytes, "archive"};
  tape::Archive archive{source};
  explicit OpenedArchive(tape::Bytes made) : bytes(std::move(made)) {}
};

}  // namespace test
