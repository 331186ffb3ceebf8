#include <algorithm>

#include "format/ragzip_format.h"
#include "support/expect.h"
#include "support/faulty.h"
#include "support/hand_made.h"
#include "support/memory_tree.h"
#include "support/ragzip_parts.h"
#include "support/samples.h"
#include "support/scanned.h"

using namespace tape;

namespace {

HandMadeTape every_kind() {
  HandMadeTape tape;
  Member root = plain_member("r/", MemberType::directory);
  root.uid = 1000;
  root.gid = 100;
  root.mtime = {-5, 999'999'999};
  tape.add(root);
  tape.add(plain_member("r/a"), mixed_bytes(3000));
  tape.add(link_member("r/b", MemberType::hard_link, "r/a"));
  tape.add(link_member("r/c", MemberType::symlink, text(200, 't')));
  tape.add(plain_member("r/d/", MemberType::directory));
  tape.add(plain_member("r/d/empty"));
  tape.add(plain_member("r/d/" + text(150, 'n')), mixed_bytes(512, 2));
  Member device = plain_member("r/tty", MemberType::character_device);
  device.device_major = 4;
  tape.add(device);
  tape.add(plain_member("r/z", MemberType::fifo));
  tape.end();
  return tape;
}

// Bodies of 0 to 9 blocks: members begin and end at every place of a page.
HandMadeTape random_tape(std::uint64_t seed) {
  Random random(seed);
  HandMadeTape tape;
  for (int i = 0; i < 60; ++i)
    tape.add(plain_member("f" + std::to_string(100 + i)), mixed_bytes(below(random, 4600), seed));
  tape.end();
  return tape;
}

VolumeOptions options_for(const HandMadeTape& tape, int page_bits = 9, int index_bits = 2) {
  return {small_geometry(page_bits, index_bits), whole(tape), Metadata::portable};
}

std::vector<MemberRecord> records_in(const Bytes& volume) {
  const MemorySource source(volume);
  RagzipReader ragzip(source);
  MemberIndex index(ragzip);
  index.check();
  std::vector<MemberRecord> out;
  const auto cursor = index.records_from("");
  while (auto record = cursor->next())
    out.push_back(std::move(*record));
  CHECK(out.size() == index.root().records);
  return out;
}

std::vector<GzRange> pages_in(const Bytes& volume) {
  std::vector<GzRange> out;
  for (const GzipPart& part : parts_of(volume)) {
    if (part.ident.empty()) out.push_back({part.offset, part.size});
  }
  return out;
}

// By docs/format.md §4.2, field by field.
MemberRecord expected_record(const Entry& entry,
                             const std::optional<Hash128>& hash,
                             const VolumeOptions& options,
                             const std::vector<GzRange>& pages) {
  const Member& member = entry.member;
  const TapeRange slice = options.slice;
  MemberRecord record;
  record.path = entry.path;
  record.type = member.type;
  record.offset = static_cast<std::int64_t>(entry.offset.value()) -
                  static_cast<std::int64_t>(slice.begin.value());
  record.header_blocks = entry.header_blocks;
  record.size = member.size;
  record.mode = member.mode;
  record.mtime = member.mtime;
  if (options.metadata == Metadata::full) {
    record.flags |= kRecordOwner;
    record.uid = member.uid;
    record.gid = member.gid;
  }
  if (!member.target.empty()) record.flags |= kRecordTarget;
  record.target = member.target;
  const bool later = entry.end() > slice.end();
  if (later) record.flags |= kRecordLater;
  if (hash && !later) {
    record.flags |= kRecordHash;
    record.hash = *hash;
  }
  const ByteCount page = ByteCount{1} << options.ragzip.page_bits;
  const ByteCount begin = std::max(entry.offset, slice.begin) - slice.begin;
  const ByteCount last = std::min(entry.end(), slice.end()) - slice.begin - 1;
  record.pages.begin = pages.at(begin / page).begin;
  record.pages.size = pages.at(last / page).end() - record.pages.begin;
  return record;
}

bool same(const MemberRecord& a, const MemberRecord& b) {
  return a.path == b.path && a.type == b.type && a.flags == b.flags && a.offset == b.offset &&
         a.header_blocks == b.header_blocks && a.size == b.size && a.mode == b.mode &&
         a.mtime == b.mtime && a.uid == b.uid && a.gid == b.gid && a.target == b.target &&
         a.hash == b.hash && a.pages.begin == b.pages.begin && a.pages.size == b.pages.size;
}

void check_records(const HandMadeTape& tape, const VolumeOptions& options, const Bytes& volume) {
  const auto records = records_in(volume);
  const auto pages = pages_in(volume);
  std::size_t next = 0;
  for (std::size_t i = 0; i < tape.entries.size(); ++i) {
    const Entry& entry = tape.entries[i];
    if (entry.end() <= options.slice.begin || entry.offset >= options.slice.end()) continue;
    REQUIRE(next < records.size());
    INFO(entry.path);
    CHECK(same(records[next], expected_record(entry, tape.hashes[i], options, pages)));
    ++next;
  }
  CHECK(next == records.size());
}

std::vector<GzipPart> nodes_in(const Bytes& volume) {
  std::vector<GzipPart> parts = parts_of(volume);
  std::erase_if(parts, [](const GzipPart& part) { return part.ident != "TM"; });
  return parts;
}

}  // namespace

TEST_CASE("volume_writer: a record says of its member what the format says it does",
          "[volume_writer]") {
  const HandMadeTape tape = every_kind();
  for (const Metadata metadata : {Metadata::portable, Metadata::full}) {
    for (const int page_bits : {9, 11, 18}) {
      DYNAMIC_SECTION("pages of 2^" << page_bits << (metadata == Metadata::full ? ", full" : "")) {
        VolumeOptions options = options_for(tape, page_bits);
        options.metadata = metadata;
        check_records(tape, options, volume_of(tape, options).bytes);
      }
    }
  }
}

TEST_CASE("volume_writer: a member's run of pages goes from its first byte's to its last byte's",
          "[volume_writer]") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const HandMadeTape tape = random_tape(seed);
    for (const int page_bits : {9, 10, 11, 12, 13, 20}) {
      INFO("seed " << seed << ", pages of 2^" << page_bits);
      const VolumeOptions options = options_for(tape, page_bits);
      check_records(tape, options, volume_of(tape, options).bytes);
    }
  }
}

TEST_CASE("volume_writer: in whatever pieces the tape comes, the volume is the same",
          "[volume_writer]") {
  const HandMadeTape tape = random_tape(4);
  const VolumeOptions options = options_for(tape, 11);
  const Bytes expected = volume_of(tape, options).bytes;
  for (const std::size_t piece : {std::size_t{1}, std::size_t{511}, std::size_t{512},
                                  std::size_t{2048}, std::size_t{10'000}, tape.bytes.size()}) {
    INFO(piece);
    CHECK(volume_of(tape, options, piece).bytes == expected);
  }
}

TEST_CASE("volume_writer: a TapeStream announces to it what the tape holds", "[volume_writer]") {
  MemoryTree tree;
  tree.add_file("a", mixed_bytes(3000));
  tree.add_link("b", "a");
  tree.add_symlink("c", "a");
  const auto catalog = scanned(tree);
  MemorySink sink;
  MemorySpool spool;
  const TapeRange slice{TapeOffset(0), catalog->summary().tape_size};
  VolumeWriter writer(sink, {spool.out, spool.in}, {small_geometry(), slice, Metadata::portable});
  TapeStream stream(*catalog, tree, &writer);
  Bytes buffer(1000);
  while (const std::size_t n = stream.read(buffer))
    writer.write(ByteView(buffer).first(n));
  writer.finish();
  const auto records = records_in(sink.bytes);
  REQUIRE(records.size() == 4);
  CHECK(records[0].path == "r");
  CHECK(records[1].hash == xxh3_128(tree.inode("a").content));
  CHECK(records[2].target == "r/a");
  CHECK(records[3].target == "a");
}

TEST_CASE("volume_writer: a slice holds a record of each member that it holds a block of",
          "[volume_writer]") {
  const HandMadeTape tape = random_tape(5);
  const std::size_t blocks = tape.bytes.size() / kBlockSize;
  Random random(5);
  for (int round = 0; round < 40; ++round) {
    const std::size_t begin = below(random, blocks);
    const std::size_t end = begin + 1 + below(random, blocks - begin);
    VolumeOptions options = options_for(tape, 10);
    options.slice = {TapeOffset(begin * kBlockSize), (end - begin) * kBlockSize};
    INFO("seed 5, round " << round << ": blocks " << begin << " to " << end);
    check_records(tape, options, volume_of(tape, options).bytes);
  }
}

TEST_CASE("volume_writer: a slice of end blocks has no records", "[volume_writer]") {
  HandMadeTape tape;
  tape.end();
  const MadeVolume volume = volume_of(tape, options_for(tape));
  const auto parts = parts_of(volume.bytes);
  const auto tmix = decode_tmix(ByteView(parts[parts.size() - 2].payload).subspan(kExtensionHead));
  REQUIRE(tmix);
  CHECK(tmix->root.records == 0);
  CHECK(tmix->root.height == 0);
  CHECK(tmix->logical_size == 1024);
  CHECK(nodes_in(volume.bytes).empty());
  CHECK(records_in(volume.bytes).empty());
  CHECK_FALSE(volume.summary.first_path);
  CHECK(volume.summary.inner_offset == parts[parts.size() - 2].offset);
}

TEST_CASE("volume_writer: the summary and TMIX say where things lie", "[volume_writer]") {
  for (const bool several : {false, true}) {
    HandMadeTape tape = every_kind();
    if (several) {
      tape.bytes.resize(tape.bytes.size() - 1024);
      for (int i = 0; i < 40; ++i)
        tape.add(plain_member("s" + std::to_string(100 + i) + text(2000, 'n')));
      tape.end();
    }
    const MadeVolume volume = volume_of(tape, options_for(tape, 10));
    const VolumeSummary& summary = volume.summary;
    const auto nodes = nodes_in(volume.bytes);
    const auto parts = parts_of(volume.bytes);
    const auto tmix =
        decode_tmix(ByteView(parts[parts.size() - 2].payload).subspan(kExtensionHead));
    REQUIRE(tmix);
    const auto inner = std::find_if(nodes.begin(), nodes.end(),
                                    [](const GzipPart& node) { return node.payload[1] == 1; });
    CHECK((inner != nodes.end()) == several);
    CHECK(summary.size == volume.bytes.size());
    CHECK(summary.tail_offset == pages_in(volume.bytes).back().end());
    CHECK(summary.inner_offset == (several ? inner->offset : nodes.front().offset));
    CHECK(summary.first_path == "r");
    CHECK(summary.records == tape.entries.size());
    CHECK(summary.height == (several ? 2 : 1));
    CHECK(summary.pages == pages_for(tape.bytes.size(), 10));
    CHECK(summary.levels == levels_for(summary.pages, 2));
    CHECK(summary.slice_hash == xxh3_128(tape.bytes));
    CHECK(tmix->root.slice_hash == summary.slice_hash);
    CHECK(tmix->root.height == summary.height);
    CHECK(tmix->root.root.begin == nodes.back().offset);
    CHECK(tmix->root.root.size == nodes.back().size);
    CHECK(tmix->root.leaves.begin == nodes.front().offset);
    const GzOffset leaves_end = several ? inner->offset : nodes.back().offset + nodes.back().size;
    CHECK(tmix->root.leaves.end() == leaves_end);
    CHECK(tmix->logical_size == static_cast<std::int64_t>(tape.bytes.size()));
  }
}

TEST_CASE("volume_writer: a leaf takes records up to exactly 16300 bytes", "[volume_writer]") {
  // Names without a common byte; the last one grows until it no longer fits.
  const auto made = [](std::size_t last) {
    HandMadeTape tape;
    for (const char letter : {'a', 'b', 'c', 'd'})
      tape.add(plain_member(text(letter == 'd' ? last : 4050, letter)));
    tape.end();
    return volume_of(tape, options_for(tape, 18));
  };
  const auto body_size = [](const Bytes& volume) {
    std::size_t size = 0;
    Bytes body;
    const auto records = records_in(volume);
    for (std::size_t i = 0; i < records.size(); ++i)
      append_record(body, records[i], i == 0 ? nullptr : &records[i - 1]);
    return size + body.size();
  };
  std::size_t exactly = 0;
  std::size_t past = 0;
  for (std::size_t last = 3990; last <= 4096; ++last) {
    const Bytes volume = made(last).bytes;
    const std::size_t size = body_size(volume);
    const std::size_t leaves = nodes_in(volume).size() == 1 ? 1 : 2;
    INFO("last name " << last << ", body " << size);
    CHECK(leaves == (size <= 16300 ? 1 : 2));
    if (size == 16300) ++exactly;
    if (size == 16301) ++past;
    if (size == 16300)
      CHECK(nodes_in(volume).front().payload[6] * 256U + nodes_in(volume).front().payload[7] ==
            16300);
  }
  CHECK(exactly == 1);
  CHECK(past == 1);
}

TEST_CASE("volume_writer: no node could have taken the next record", "[volume_writer]") {
  HandMadeTape tape;
  Random random(10);
  for (int i = 0; i < 2000; ++i)
    tape.add(plain_member("f" + std::to_string(10'000 + i) + text(below(random, 90))));
  tape.end();
  const Bytes volume = volume_of(tape, options_for(tape, 12)).bytes;
  const auto records = records_in(volume);
  const auto inflater = make_libdeflate_inflater();
  std::size_t at = 0;
  for (const GzipPart& node : nodes_in(volume)) {
    if (node.payload[1] == 1) break;
    const Node leaf = decode_node(node.payload, NodeKind::leaf, *inflater);
    CHECK(leaf.body.size() <= kNodeInflatedMax);
    at += leaf.records;
    if (at == records.size()) break;
    Bytes next;
    append_record(next, records[at], &records[at - 1]);
    CHECK(leaf.body.size() + next.size() > kNodeInflatedMax);
  }
  CHECK(at == records.size());
}

TEST_CASE("volume_writer: leaves wait in the spool as they stand in the volume",
          "[volume_writer]") {
  HandMadeTape tape;
  for (int i = 0; i < 900; ++i)
    tape.add(plain_member("f" + std::to_string(10'000 + i)));
  tape.end();
  MemorySink sink;
  MemorySpool spool;
  VolumeWriter writer(sink, {spool.out, spool.in}, options_for(tape));
  for (std::size_t i = 0; i < tape.entries.size(); ++i) {
    writer.member_starts(tape.entries[i], {});
    writer.member_ends(tape.entries[i], {tape.hashes[i], Outcome::as_recorded, {}});
    writer.write(ByteView(tape.bytes).subspan(i * 512, 512));
  }
  CHECK_FALSE(spool.out.bytes.empty());  // finished leaves do not wait in memory
  writer.write(Bytes(1024));
  writer.finish();
  const auto nodes = nodes_in(sink.bytes);
  const auto begin = sink.bytes.begin() + static_cast<std::ptrdiff_t>(nodes.front().offset.value());
  CHECK(std::equal(spool.out.bytes.begin(), spool.out.bytes.end(), begin));
  CHECK(spool.out.bytes.size() == nodes.back().offset - nodes.front().offset);
  CHECK(spool.in.bytes_read() == spool.out.bytes.size());
}

TEST_CASE("volume_writer: whichever call on sink or spool fails, the failure comes out",
          "[volume_writer]") {
  const HandMadeTape tape = every_kind();
  const auto write_all = [&](Faults& faults, Bytes& out) {
    MemorySink sink;
    MemorySpool spool;
    FaultySink faulty(sink, faults);
    FaultySink spool_out(spool.out, faults);
    const FaultySource spool_in(spool.in, faults);
    VolumeWriter writer(faulty, {spool_out, spool_in}, options_for(tape));
    const auto failure = failure_of([&] {
      for (std::size_t i = 0; i < tape.entries.size(); ++i) {
        const Entry& entry = tape.entries[i];
        writer.member_starts(entry, {});
        writer.member_ends(entry, {tape.hashes[i], Outcome::as_recorded, {}});
        writer.write(
            ByteView(tape.bytes).subspan(entry.offset.value(), entry.end() - entry.offset));
      }
      writer.write(Bytes(1024));
      writer.finish();
    });
    out = std::move(sink.bytes);
    return failure;
  };
  Faults none = Faults::none();
  Bytes good;
  CHECK_FALSE(write_all(none, good));
  REQUIRE(none.calls() > 10);
  for (std::uint64_t call = 1; call <= none.calls(); ++call) {
    Faults faults = Faults::at_call(call, Error(ErrorKind::exhausted, "full"));
    Bytes bytes;
    const auto failure = write_all(faults, bytes);
    INFO("call " << call);
    REQUIRE(failure);
    CHECK(failure->kind() == ErrorKind::exhausted);
    CHECK(bytes.size() < good.size());
  }
}

TEST_CASE("volume_writer: options out of range are refused before anything is written",
          "[volume_writer]") {
  MemorySink sink;
  MemorySpool spool;
  VolumeOptions options;
  options.ragzip.page_bits = 8;
  CHECK(failed([&] {
          VolumeWriter(sink, {spool.out, spool.in}, options);
        }).kind() == ErrorKind::usage);
  CHECK(sink.bytes.empty());
}

TEST_CASE("volume_writer: each mtime that a scan accepts fits a record", "[volume_writer]") {
  constexpr std::int64_t kMost = (std::int64_t{1} << 62) - 1;  // a zigzag varint below 2^63
  MemoryTree tree;
  for (const std::int64_t seconds :
       {kMost, -kMost - 1, kMost + 1, -kMost - 2, INT64_MAX, INT64_MIN})
    tree.add_file("f" + std::to_string(seconds), "x").stat.mtime = {seconds, 0};
  const auto catalog = scanned(tree);
  const auto cursor = catalog->entries_from(TapeOffset(0));
  while (const auto entry = cursor->next()) {
    INFO(entry->path);
    CHECK(entry->member.mtime.seconds <= kMost);
    CHECK(entry->member.mtime.seconds >= -kMost - 1);
  }
  CHECK(catalog->find("r/f" + std::to_string(kMost)));
}
