#include "ragzip/salvage.h"

#include "support/expect.h"
#include "support/hand_made.h"
#include "support/ragzip_parts.h"
#include "support/samples.h"
#include "tape/archive.h"
#include "tape/ragzip_check.h"
#include "tape/ragzip_file.h"

using namespace tape;
using agent::MemberIndexFate;
using agent::SalvageSummary;

namespace {

constexpr std::size_t kPage = 512;

struct Salvaged {
  Bytes file;
  SalvageSummary summary;
};

Salvaged salvaged(const Bytes& left, const PageScanHints& hints = {}) {
  const MemorySource source(left);
  MemorySink sink;
  MemorySpool spool;
  agent::SalvageOptions options;
  options.hints = hints;
  options.progress = [](ByteCount) {};
  SalvageSummary summary = agent::salvage(source, sink, {spool.out, spool.in}, options);
  CHECK(sink.finished);
  CHECK(summary.bytes_written == sink.bytes.size());
  return {std::move(sink.bytes), std::move(summary)};
}

Bytes content_of(const Bytes& file) {
  const MemorySource source(file);
  const RagzipFile opened(source);
  Bytes out(opened.geometry().logical_size);
  CHECK(opened.read_at(LogicalOffset(0), out) == out.size());
  return out;
}

std::uint64_t violations(const Bytes& file) {
  const MemorySource source(file);
  return check_ragzip(source, 0, [](const Violation& v) { UNSCOPED_INFO(v.error.what()); }, {})
      .violations;
}

HandMadeTape made_tape() {
  HandMadeTape tape;
  tape.add(plain_member("r/", MemberType::directory));
  tape.add(plain_member("r/a"), mixed_bytes(3000));
  tape.add(plain_member("r/b"));
  tape.add(link_member("r/c", MemberType::hard_link, "r/a"));
  tape.add(plain_member("r/" + text(200, 'd') + "/", MemberType::directory));  // pax
  tape.add(plain_member("r/e"), mixed_bytes(700));
  tape.end();
  return tape;
}

Bytes volume() {
  const HandMadeTape tape = made_tape();
  return volume_of(tape, {small_geometry(), whole(tape), Metadata::portable}).bytes;
}

Bytes first(const Bytes& file, std::size_t size) {
  return {file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)};
}

// Where the last page of a file ends.
std::size_t pages_end(const Bytes& file) {
  std::size_t end = 0;
  for (const GzipPart& part : parts_of(file))
    if (!part.content.empty()) end = part.offset.value() + part.size;
  return end;
}

Bytes ragzip_of(const Bytes& content, int index_bits, int extensions) {
  MemorySink sink;
  RagzipOptions options;
  options.page_bits = 9;
  options.index_bits = index_bits;
  RagzipWriter writer(sink, options, nullptr);
  writer.write(content);
  writer.finish_pages();
  for (int i = 0; i < extensions; ++i)
    writer.add_extension(static_cast<std::uint32_t>(i), Bytes(10, 0xEE), 0x11);
  writer.finish();
  return std::move(sink.bytes);
}

}  // namespace

TEST_CASE("salvage: a file without its footer becomes what it was", "[salvage]") {
  for (const int extensions : {0, 1, 3}) {
    for (const std::size_t size : {1U, 512U, 513U, 5000U}) {
      const Bytes file = ragzip_of(mixed_bytes(size), 2, extensions);
      INFO(size << " bytes, " << extensions << " extensions");
      const Salvaged made = salvaged(first(file, file.size() - 64), {9, 2});
      CHECK((made.file == file));
      CHECK(made.summary.complete == (size > kPage || extensions > 0));
      Bytes overwritten = file;
      std::fill(overwritten.end() - 64, overwritten.end(), 0xAA);
      CHECK((salvaged(overwritten, {9, 2}).file == file));
    }
  }
  const Bytes file = volume();
  const Salvaged made = salvaged(first(file, file.size() - 64));
  CHECK((made.file == file));
  CHECK(made.summary.member_index == MemberIndexFate::kept);
}

TEST_CASE("salvage: a volume without its tail gets the member index that it had", "[salvage]") {
  const Bytes file = volume();
  const Salvaged made = salvaged(first(file, pages_end(file)));
  CHECK(made.summary.member_index == MemberIndexFate::rebuilt);
  CHECK(made.summary.members == made_tape().entries.size());
  CHECK(made.summary.tape_complete);
  CHECK((made.file == file));
}

TEST_CASE("salvage: a volume cut anywhere gives the pages and members that are left", "[salvage]") {
  const HandMadeTape tape = made_tape();
  const Bytes file = volume();
  std::size_t failures = 0;
  for (std::size_t size = 0; size < file.size(); ++size) {
    INFO("cut to " << size << " of " << file.size());
    const Bytes left = first(file, size);
    Salvaged made;
    const auto failure = failure_of([&] { made = salvaged(left); });
    if (failure) {
      CHECK(failure->kind() == ErrorKind::corrupt);
      ++failures;
      continue;
    }
    REQUIRE(violations(made.file) == 0);
    const Bytes content = content_of(made.file);
    CHECK(content.size() ==
          std::min<std::size_t>(content.size() / kPage * kPage, tape.bytes.size()));
    CHECK(std::equal(content.begin(), content.end(), tape.bytes.begin()));
    if (size >= pages_end(file)) CHECK(content.size() == tape.bytes.size());
    CHECK(made.summary.complete == (content.size() == tape.bytes.size()));
    const MemorySource source(made.file);
    Archive archive(source);
    archive.index().check();
    std::size_t members = 0;
    for (const Entry& entry : tape.entries) {
      const auto record = archive.find(entry.path);
      const bool begins = entry.body().value() <= content.size();
      CHECK(record.has_value() == begins);
      if (!record) continue;
      ++members;
      if (entry.end().value() > content.size()) continue;
      const auto reader = archive.open(*record);
      Bytes body(entry.member.size);
      CHECK(reader->read(body) == body.size());
      CHECK(reader->finish() != HashResult::wrong);
    }
    CHECK(made.summary.members == members);
  }
  // Only as long as the first page is not whole.
  CHECK(failures == parts_of(file)[0].size);
}

TEST_CASE("salvage: says what content is lost", "[salvage]") {
  const Bytes file = ragzip_of(mixed_bytes(10 * kPage), 2, 0);
  const std::vector<GzipPart> parts = parts_of(file);
  Bytes bad = file;
  const GzipPart& page = parts[6];  // behind the first index
  REQUIRE_FALSE(page.content.empty());
  bad[page.offset.value() + page.size - 8] ^= 1;
  const Salvaged made = salvaged(bad);
  REQUIRE(made.summary.scan.damage);
  CHECK(says(*made.summary.scan.damage, "CRC32"));
  CHECK(made.summary.scan.end == page.offset);
  CHECK(made.summary.scan.claimed_size == 10 * kPage);
  CHECK(made.summary.scan.logical_size == content_of(made.file).size());
  CHECK_FALSE(made.summary.complete);
  CHECK(violations(made.file) == 0);
  CHECK_FALSE(salvaged(first(file, file.size() - 1)).summary.scan.claimed_size);
}

TEST_CASE("salvage: an index in order that names other places is made again", "[salvage]") {
  const Bytes content = mixed_bytes(20 * kPage);
  const Bytes file = ragzip_of(content, 10, 1);
  const std::vector<GzipPart> parts = parts_of(file);
  Bytes bad = file;
  bad[parts[20].offset.value() + 16 + 8 * 7 + 7] ^= 1;  // slot 7 of the index behind 20 pages
  for (const std::size_t left : {file.size(), file.size() - 64}) {
    const Salvaged made = salvaged(first(bad, left), {9, 10});
    CHECK(violations(made.file) == 0);
    CHECK((made.file == file));
  }
}

TEST_CASE("salvage: extensions that are whole are kept", "[salvage]") {
  const Bytes file = ragzip_of(mixed_bytes(3000), 2, 3);
  const std::vector<GzipPart> parts = parts_of(file);
  const std::size_t last = parts[parts.size() - 2].offset.value();
  // With other indexes than there were, everything behind the pages is made again.
  for (const int index_bits : {2, 3}) {
    const Salvaged made = salvaged(first(file, last + 5), {9, index_bits});
    const MemorySource source(made.file);
    const RagzipReader reader(source);
    REQUIRE(reader.extensions().size() == 2);
    CHECK(reader.extensions()[1].id == 1);
    CHECK(reader.extensions()[1].flags == 0x11);
    CHECK(reader.geometry().index_bits == index_bits);
    CHECK(violations(made.file) == 0);
  }
}

TEST_CASE("salvage: plain gzip members of one size become a ragzip file", "[salvage]") {
  const Bytes content = mixed_bytes(6 * 1024 + 17);
  Bytes plain;
  for (std::size_t at = 0; at < content.size(); at += 1024) {
    const ByteView piece =
        ByteView(content).subspan(at, std::min<std::size_t>(1024, content.size() - at));
    plain.insert(plain.end(), kPageHeader.begin(), kPageHeader.end());
    make_zlib_deflater(6)->deflate(piece, plain);
    append_trailer(plain, crc32(piece), piece.size());
  }
  const Salvaged made = salvaged(plain);
  CHECK(made.summary.scan.shape.page_bits == 10);
  CHECK_FALSE(made.summary.complete);  // nobody knows whether there was more
  CHECK(content_of(made.file) == content);
}

TEST_CASE("salvage: what is no gzip at all is corrupt", "[salvage]") {
  CHECK(failed([] { salvaged(mixed_bytes(1000)); }).kind() == ErrorKind::corrupt);
  CHECK(failed([] { salvaged({}); }).kind() == ErrorKind::corrupt);
}
