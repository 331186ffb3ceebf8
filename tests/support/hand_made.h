// Tapes and volumes that are made by hand, so that a test knows every field and may lie about it.
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codec/digest.h"
#include "codec/member_index_node.h"
#include "format/gzip_format.h"
#include "format/tar_format.h"
#include "format/tar_layout.h"
#include "support/memory_io.h"
#include "tape/member_index.h"
#include "tape/ragzip_assembler.h"
#include "tape/volume.h"

namespace tape {

inline Member plain_member(const std::string& name, MemberType type = MemberType::regular) {
  Member member;
  member.name = name;
  member.type = type;
  member.mode = type == MemberType::directory ? 0755 : 0644;
  member.uname = member.gname = "root";
  member.mtime.seconds = 1'700'000'000;
  return member;
}

inline Member link_member(const std::string& name, MemberType type, const std::string& target) {
  Member member = plain_member(name, type);
  member.target = target;
  return member;
}

// What a TapeStream would play and announce. A test may change any of it before volume_of().
struct HandMadeTape {
  std::vector<Entry> entries;
  std::vector<std::optional<Hash128>> hashes;  // as member_ends says them
  Bytes bytes;

  Entry& add(Member member, const Bytes& body = {}) {
    member.size = body.size();
    const Bytes header = encode_header(member);
    Entry entry;
    entry.path = member_path(member.name, member.type);
    entry.offset = TapeOffset(bytes.size());
    entry.header_blocks = static_cast<std::uint32_t>(header.size() / kBlockSize);
    const bool regular = member.type == MemberType::regular;
    hashes.push_back(regular ? std::optional(xxh3_128(body)) : std::nullopt);
    entry.member = std::move(member);
    bytes.insert(bytes.end(), header.begin(), header.end());
    bytes.insert(bytes.end(), body.begin(), body.end());
    bytes.resize(padded(bytes.size()));
    return entries.emplace_back(std::move(entry));
  }

  void end() { bytes.resize(bytes.size() + kEndBlocks * kBlockSize); }
};

struct MadeVolume {
  Bytes bytes;
  VolumeSummary summary;
};

inline RagzipOptions small_geometry(int page_bits = 9, int index_bits = 1) {
  RagzipOptions options;
  options.page_bits = page_bits;
  options.index_bits = index_bits;
  return options;
}

inline TapeRange whole(const HandMadeTape& tape) {
  return {TapeOffset(0), tape.bytes.size()};
}

// The volume of a slice, written in pieces of `piece` bytes; as with a TapeStream, members are
// announced before the piece that they begin or end in.
inline MadeVolume volume_of(const HandMadeTape& tape,
                            const VolumeOptions& options,
                            std::size_t piece = 4096) {
  MemorySink sink;
  MemorySpool spool;
  VolumeWriter writer(sink, {spool.out, spool.in}, options);
  std::size_t next = 0;
  bool started = false;
  for (TapeOffset at = options.slice.begin; at < options.slice.end();) {
    const std::size_t n = std::min<std::size_t>(piece, options.slice.end() - at);
    for (; next < tape.entries.size(); ++next, started = false) {
      const Entry& entry = tape.entries[next];
      if (entry.end() <= options.slice.begin) continue;
      if (entry.offset >= at + n) break;
      if (!started) writer.member_starts(entry, {entry.offset < options.slice.begin, false});
      started = true;
      if (entry.body() + entry.member.size > at + n) break;
      writer.member_ends(entry, {tape.hashes[next], Outcome::as_recorded, {}});
      if (entry.end() > options.slice.end()) break;
    }
    writer.write(ByteView(tape.bytes).subspan(at.value(), n));
    at = at + n;
  }
  const VolumeSummary summary = writer.finish();
  return {std::move(sink.bytes), summary};
}

// A volume whose member index is what the test adds, node by node.
class IndexedVolume {
 public:
  // `hidden`: gzip members in front of the last page that no index knows.
  explicit IndexedVolume(const Bytes& logical,
                         const RagzipOptions& options = small_geometry(),
                         const Bytes& hidden = {})
      : ragzip_(sink_, {options.page_bits, options.index_bits, options.compat}),
        deflater_(make_deflater(options.engine, options.level)) {
    const std::size_t page = std::size_t{1} << options.page_bits;
    for (std::size_t at = 0; at < logical.size(); at += page)
      add_page(ByteView(logical).subspan(at, std::min(page, logical.size() - at)),
               logical.size() - at > page && logical.size() - at <= 2 * page ? hidden : Bytes{});
    ragzip_.finish_pages();
    tmix_.logical_size = static_cast<std::int64_t>(logical.size());
    tmix_.top_index = static_cast<std::int64_t>(ragzip_.top_index().value());
    tmix_.root.slice_hash = xxh3_128(logical);
  }

  const std::vector<GzRange>& pages() const { return pages_; }
  GzOffset position() const { return ragzip_.position(); }

  template <class Record>
  GzRange add_node(NodeKind kind, const std::vector<Record>& records) {
    Bytes body;
    const Record* before = nullptr;
    for (const Record& record : records) {
      append_record(body, record, before);
      before = &record;
    }
    return add_node(kind, static_cast<std::uint16_t>(records.size()), body);
  }
  GzRange add_node(NodeKind kind, std::uint16_t records, const Bytes& body) {
    const Bytes node = encode_node(kind, records, body, *deflater_);
    return {ragzip_.append_member(node), node.size()};
  }

  // Leaves of `per_leaf` records, inner nodes of `per_inner` children; fills tmix().
  void add_tree(const std::vector<MemberRecord>& records,
                std::size_t per_leaf,
                std::size_t per_inner) {
    MemberIndexRoot& root = tmix_.root;
    root.leaves.begin = position();
    std::vector<ChildRecord> level = add_level(NodeKind::leaf, records, per_leaf);
    root.leaves.size = position() - root.leaves.begin;
    root.height = 1;
    while (level.size() > 1) {
      level = add_level(NodeKind::inner, level, per_inner);
      ++root.height;
    }
    root.root = level.front().place;
    root.records = records.size();
  }

  Tmix& tmix() { return tmix_; }

  // Writes TMIX and the footer.
  Bytes finish() {
    ragzip_.add_extension(kTmixId, encode_tmix(tmix_));
    ragzip_.finish();
    return std::move(sink_.bytes);
  }

 private:
  template <class Record>
  std::vector<ChildRecord> add_level(NodeKind kind,
                                     const std::vector<Record>& records,
                                     std::size_t per_node) {
    std::vector<ChildRecord> out;
    for (std::size_t at = 0; at < records.size(); at += per_node) {
      const auto begin = records.begin() + static_cast<std::ptrdiff_t>(at);
      const auto count = static_cast<std::ptrdiff_t>(std::min(per_node, records.size() - at));
      const std::vector<Record> node(begin, begin + count);
      out.push_back({node.front().path, add_node(kind, node)});
    }
    return out;
  }

  void add_page(ByteView content, const Bytes& hidden) {
    Bytes members = {kPageHeader.begin(), kPageHeader.end()};
    deflater_->deflate(content, members);
    append_trailer(members, crc32(content), content.size());
    const ByteCount size = members.size();
    members.insert(members.end(), hidden.begin(), hidden.end());
    pages_.push_back({ragzip_.add_page(members, content.size()), size});
  }

  MemorySink sink_;
  std::vector<GzRange> pages_;
  RagzipAssembler ragzip_;
  std::unique_ptr<Deflater> deflater_;
  Tmix tmix_;
};

}  // namespace tape
