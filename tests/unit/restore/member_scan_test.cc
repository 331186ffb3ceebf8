#include "restore/member_scan.h"

#include <string>
#include <vector>

#include "support/expect.h"
#include "support/faulty.h"
#include "support/gzip_members.h"
#include "support/hand_made.h"
#include "support/memory_io.h"
#include "support/ragzip_parts.h"
#include "support/samples.h"

using namespace tape;
using test::append;
using test::gzip_member;
using test::GzipShape;
using test::subfield;

namespace {

struct Scanned {
  std::vector<ScannedMember> members;
  std::vector<Bytes> contents;
};

Scanned scanned(MemberScan& scan) {
  Scanned out;
  Bytes content;
  const auto keep = [&](ByteView bytes) { append(content, bytes); };
  while (auto member = scan.next(keep)) {
    out.members.push_back(std::move(*member));
    out.contents.push_back(std::move(content));
    content.clear();
  }
  return out;
}

ErrorKind refused(const Bytes& file, const std::string& text) {
  const MemorySource source(file);
  MemberScan scan(source, GzOffset(0));
  const Error error = failed([&] { return scanned(scan).members.size(); });
  CHECK(says(error, text));
  return error.kind();
}

}  // namespace

TEST_CASE("member_scan: members of all shapes come one by one with place, content and subfield",
          "[member_scan]") {
  Random random(51);
  Bytes file;
  std::vector<Bytes> contents;
  std::vector<GzipShape> shapes;
  std::vector<GzOffset> places;
  for (int i = 0; i < 300; ++i) {
    shapes.push_back(test::random_shape(random));
    contents.push_back(mixed_bytes(below(random, 3) * below(random, 3000), random()));
    places.emplace_back(file.size());
    append(file, gzip_member(contents.back(), shapes.back()));
  }
  const MemorySource source(file);
  MemberScan scan(source, GzOffset(0));
  const Scanned found = scanned(scan);
  INFO("seed 51");
  CHECK(found.contents == contents);
  REQUIRE(found.members.size() == places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    const ScannedMember& member = found.members[i];
    const GzOffset end = i + 1 < places.size() ? places[i + 1] : GzOffset(file.size());
    CHECK(member.place.begin == places[i]);
    CHECK(member.place.end() == end);
    CHECK(member.content_size == contents[i].size());
    CHECK(member.ident == (shapes[i].extra ? "XY" : ""));
    const Bytes whole = shapes[i].extra ? subfield("XY", member.payload) : Bytes();
    CHECK(whole == shapes[i].extra.value_or(Bytes()));
  }
  CHECK(scan.position() == GzOffset(file.size()));
  CHECK(source.reads.size() == 1);
}

TEST_CASE("member_scan: the members of a ragzip file are those of its layout", "[member_scan]") {
  MemorySink sink;
  RagzipWriter writer(sink, small_geometry(), nullptr);
  writer.write(mixed_bytes(9000));
  writer.finish_pages();
  writer.finish();
  const MemorySource source(sink.bytes);
  MemberScan scan(source, GzOffset(0));
  const Scanned found = scanned(scan);
  const std::vector<GzipPart> parts = parts_of(sink.bytes);
  REQUIRE(found.members.size() == parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    CHECK(found.members[i].place.begin == parts[i].offset);
    CHECK(found.members[i].place.size == parts[i].size);
    CHECK(found.members[i].ident == parts[i].ident);
    CHECK(found.members[i].payload == parts[i].payload);
    CHECK(found.contents[i] == parts[i].content);
  }
  MemberScan later(source, parts[3].offset);
  CHECK(later.next({})->place.begin == parts[3].offset);
}

TEST_CASE("member_scan: members larger than what is read at once are whole", "[member_scan]") {
  Random random(52);
  const Bytes large = random_bytes(random, 3 * kScanReadSize + 17);
  GzipShape named;
  named.comment = text(2 * kScanReadSize + 5);
  named.header_crc = true;
  Bytes file = gzip_member(large);
  append(file, gzip_member(large, named));
  const MemorySource source(file);
  MemberScan scan(source, GzOffset(0));
  const Scanned found = scanned(scan);
  CHECK(found.contents == std::vector<Bytes>{large, large});
  for (const GzRange& read : source.reads)
    CHECK(read.size <= kScanReadSize);
  CHECK(source.bytes_read() == file.size());
}

TEST_CASE("member_scan: zero bytes behind a member are passed over and counted", "[member_scan]") {
  const Bytes one = gzip_member(Bytes{1});
  Bytes file = one;
  file.resize(file.size() + kScanReadSize + 100);
  append(file, one);
  file.resize(file.size() + 1000);
  const MemorySource source(file);
  MemberScan scan(source, GzOffset(0));
  CHECK(scan.next({})->place.begin == GzOffset(0));
  CHECK(scan.next({})->place.begin == GzOffset(one.size() + kScanReadSize + 100));
  CHECK(scan.padding() == 0);
  CHECK_FALSE(scan.next({}));
  CHECK(scan.position() == GzOffset(file.size() - 1000));
  CHECK(scan.padding() == 1000);
}

TEST_CASE("member_scan: zero bytes in front of the first member are no member", "[member_scan]") {
  Bytes file(10);
  append(file, gzip_member(Bytes{1}));
  CHECK(refused(file, "offset 0: gzip member: no gzip magic") == ErrorKind::corrupt);
}

TEST_CASE("member_scan: an empty object has no members", "[member_scan]") {
  const Bytes file;
  const MemorySource source(file);
  MemberScan scan(source, GzOffset(0));
  CHECK_FALSE(scan.next({}));
}

TEST_CASE("member_scan: what is wrong is corrupt at the member's offset", "[member_scan]") {
  GzipShape crc;
  crc.name = "n";
  crc.header_crc = true;
  const Bytes first = gzip_member(Bytes{1, 2, 3});
  const Bytes content = mixed_bytes(100);
  const Bytes whole = gzip_member(content, crc);
  struct Case {
    const char* what;
    std::size_t at;
    const char* text;
  };
  const Case cases[] = {
      {"magic", 0, "no gzip magic"},
      {"method", 2, "compression method"},
      {"reserved flag", 3, "reserved flags"},
      {"name", 10, "CRC16"},
      {"CRC16", 12, "CRC16"},
      {"CRC32", whole.size() - 8, "its CRC32 is wrong"},
      {"ISIZE", whole.size() - 1, "its ISIZE is wrong"},
  };
  for (const Case& c : cases) {
    DYNAMIC_SECTION(c.what) {
      Bytes file = first;
      append(file, whole);
      file[first.size() + c.at] ^= 0x80;
      CHECK(refused(file, c.text) == ErrorKind::corrupt);
      CHECK(refused(file, "offset " + std::to_string(first.size()) + ": ") == ErrorKind::corrupt);
    }
  }
}

TEST_CASE("member_scan: a cut or a flipped byte gives the members before it, or an error there",
          "[member_scan]") {
  GzipShape shape;
  shape.extra = subfield("RA", Bytes{1, 2, 3});
  shape.header_crc = true;
  const Bytes right = mixed_bytes(60);
  Bytes file = gzip_member(right);
  const std::size_t second = file.size();
  append(file, gzip_member({}, shape));
  for (std::size_t size = 1; size < file.size(); ++size) {
    if (size == second) continue;
    INFO("cut to " << size);
    const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(refused(cut, "the input ends at " + std::to_string(size)) == ErrorKind::corrupt);
  }
  for (std::size_t at = 0; at < file.size(); ++at) {
    INFO("byte " << at);
    Bytes changed = file;
    changed[at] ^= 0x10;
    const MemorySource source(changed);
    MemberScan scan(source, GzOffset(0));
    Bytes content;
    const auto failure = failure_of([&] {
      while (scan.next([&](ByteView bytes) { append(content, bytes); })) {
      }
    });
    // MTIME, XFL and OS of a header without a CRC16, and the bits behind the end of a deflate
    // stream, say nothing of the content.
    if (failure)
      CHECK(scan.position() == GzOffset(at < second ? 0 : second));
    else
      CHECK(content == right);
  }
}

TEST_CASE("member_scan: a failed read can be tried again where it failed", "[member_scan]") {
  const Bytes file = gzip_member(mixed_bytes(100));
  const MemorySource source(file);
  Faults faults = Faults::at_call(1, Error(ErrorKind::transient, "line cut"));
  const FaultySource faulty(source, faults);
  MemberScan scan(faulty, GzOffset(0));
  CHECK(failed([&] { return scan.next({}).has_value(); }).kind() == ErrorKind::transient);
  CHECK(scan.next({})->place.size == file.size());
}
