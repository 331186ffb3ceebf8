#include "support/expect.h"
#include "support/ragzip_cases.h"
#include "support/ragzip_parts.h"
#include "tape/page_scan.h"
#include "tape/ragzip_file.h"

using namespace tape;

namespace {

RagzipFileOptions lenient() {
  RagzipFileOptions options;
  options.lenient = true;
  return options;
}

// At random places, over page borders and the end, then all by a cursor.
void check_reads(const RagzipFile& file, const Bytes& content) {
  Random random(content.size());
  CHECK(file.geometry().logical_size == content.size());
  for (int round = 0; round < 300; ++round) {
    const std::size_t at = below(random, content.size() + 2);
    const std::size_t begin = std::min(at, content.size());
    Bytes out(below(random, 1500));
    const std::size_t n = file.read_at(LogicalOffset(at), out);
    REQUIRE(n == std::min(out.size(), content.size() - begin));
    REQUIRE(std::equal(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n),
                       content.begin() + static_cast<std::ptrdiff_t>(begin)));
  }
  RagzipCursor cursor(file);
  Bytes all(content.size() + 1);
  all.resize(cursor.read(all));
  CHECK(all == content);
}

struct LenientCase {
  const char* what;
  void (*change)(ThreePages& file);
  const char* broken_rule;
};

const LenientCase kMetadata[] = {
    {"TM in front of RA in an index",
     [](ThreePages& f) {
       f.index = odd_index(f, [](Bytes& m) {
         m.insert(m.begin() + 12, {'T', 'M', 0, 0});
         m[10] = static_cast<std::uint8_t>(m[10] + 4);
       });
     },
     "not RA"},
    {"header CRC on an index",
     [](ThreePages& f) {
       f.index = odd_index(f, [](Bytes& m) {
         m[3] = 6;
         const std::uint32_t crc = crc32(ByteView(m).first(m.size() - 10));
         m.insert(m.end() - 10,
                  {static_cast<std::uint8_t>(crc), static_cast<std::uint8_t>(crc >> 8)});
       });
     },
     "EXTRA field alone"},
    {"an unknown extension of the specification",
     [](ThreePages& f) {
       f.footer.extension_tail = static_cast<std::int64_t>(f.footer_at());
       f.extensions = extension(-1, 0x80, 1, {});
     },
     "later ragzip specification"},
    {"a wrong levels byte", [](ThreePages& f) { f.footer.levels = 2; }, "levels"},
    {"a short index",
     [](ThreePages& f) {
       f.slots = {GzOffset(0), GzOffset(f.page0.size())};
     },
     "3 slots of 8 expected"},
    {"an index that names itself", [](ThreePages& f) { set_slot(f, 2, f.index_at()); }, "slot 2"},
    {"a page more in the footer", [](ThreePages& f) { f.footer.logical_size += kPage; },
     "4 slots of 8 expected"},
    {"a page less in the footer", [](ThreePages& f) { f.footer.logical_size -= kPage; },
     "2 slots of 8 expected"},
    {"a byte more in the footer", [](ThreePages& f) { ++f.footer.logical_size; }, "page at"},
    {"a byte less in the footer", [](ThreePages& f) { --f.footer.logical_size; }, "page at"},
    {"a last slot inside a page", [](ThreePages& f) { set_slot(f, 2, f.page2_at() + 1); },
     "page at"},
    {"another version",
     [](ThreePages& f) {
       f.footer.top_index = static_cast<std::int64_t>(f.index_at());
       f.footer_member = encode_footer(f.footer);
       f.footer_member[17] = 2;
     },
     "version"},
    {"a footer of another program",
     [](ThreePages& f) { f.footer_member = encode_metadata_member("XX", Bytes(38)); },
     "no ragzip footer"},
    {"zero bytes behind the footer, which gzip passes over",
     [](ThreePages& f) {
       f.footer.top_index = static_cast<std::int64_t>(f.index_at());
       f.footer_member = joined({encode_footer(f.footer), Bytes(3)});
     },
     "no ragzip footer"},
    {"a top index that is nowhere", [](ThreePages& f) { f.footer.top_index = 1'000'000; },
     "behind it"},
};

}  // namespace

TEST_CASE("ragzip_lenient: what breaks a rule of the metadata is read, and the rule told",
          "[ragzip_lenient]") {
  for (const LenientCase& c : kMetadata) {
    DYNAMIC_SECTION(c.what) {
      ThreePages parts;
      c.change(parts);
      const Bytes bytes = parts.file();
      const MemorySource source(bytes);
      RagzipFileOptions strict;
      strict.index.mode = IndexMode::loaded;
      CHECK(failure_of([&] {
        const RagzipFile file(source, strict);
        RagzipCursor(file).seek(0, Whence::end);
      }));
      const RagzipFile file(source, lenient());
      REQUIRE(file.broken_rule());
      INFO(file.broken_rule()->what());
      CHECK(says(*file.broken_rule(), c.broken_rule));
      CHECK(file.geometry().page_count == 3);
      check_reads(file, parts.content);
    }
  }
}

TEST_CASE("ragzip_lenient: pages alone, without any metadata, are read", "[ragzip_lenient]") {
  const Bytes content = mixed_bytes(40 * kPage + 3);
  const Bytes whole = ragzip_of(content, 2);
  Bytes pages;
  for (const GzipPart& part : parts_of(whole)) {
    if (part.content.empty()) continue;
    const auto begin = whole.begin() + static_cast<std::ptrdiff_t>(part.offset.value());
    pages.insert(pages.end(), begin, begin + static_cast<std::ptrdiff_t>(part.size));
  }
  const MemorySource source(pages);
  const RagzipFile file(source, lenient());
  REQUIRE(file.broken_rule());
  check_reads(file, content);
}

TEST_CASE("ragzip_lenient: any index that cannot be read is gone around", "[ragzip_lenient]") {
  const Bytes content = mixed_bytes(9 * kPage + 3);
  const Bytes whole = ragzip_of(content, 1);
  std::size_t indexes = 0;
  for (const GzipPart& part : parts_of(whole)) {
    if (part.ident != "RA" || part.offset.value() == whole.size() - 64) continue;
    Bytes bad = whole;
    bad[part.offset.value() + 12] = 'X';
    const MemorySource source(bad);
    const RagzipFile file(source, lenient());
    INFO("index at " << part.offset.value());
    REQUIRE(file.broken_rule());
    check_reads(file, content);
    ++indexes;
  }
  CHECK(indexes > 8);
}

TEST_CASE("ragzip_lenient: extensions that are whole are told, of the specification, too",
          "[ragzip_lenient]") {
  ThreePages parts;
  const auto first = static_cast<std::int64_t>(parts.footer_at());
  const Bytes one = extension(-1, 0x80, 5, {1});
  parts.footer.extension_tail = first + static_cast<std::int64_t>(one.size());
  parts.extensions = joined({one, extension(first, 0, 6, {2})});
  const Bytes bytes = parts.file();
  const MemorySource source(bytes);
  const RagzipFile file(source, lenient());
  REQUIRE(file.extensions().size() == 2);
  CHECK(file.extensions()[0].id == 5);
  CHECK(file.extensions()[0].flags == 0x80);
  CHECK(file.extensions()[1].payload == Bytes{2});
}

TEST_CASE("ragzip_lenient: broken metadata and a damaged page together are corrupt",
          "[ragzip_lenient]") {
  for (const LenientCase& c : kMetadata) {
    DYNAMIC_SECTION(c.what) {
      ThreePages parts;
      c.change(parts);
      Bytes bytes = parts.file();
      bytes[parts.page2_at() - 8] ^= 1;
      const MemorySource source(bytes);
      const Error error = failed([&] {
        const RagzipFile file(source, lenient());
        return 0;
      });
      CHECK(error.kind() == ErrorKind::corrupt);
      CHECK(says(error, "CRC32"));
    }
  }
}

TEST_CASE("ragzip_lenient: a damaged page of a file with sound metadata is corrupt when it is read",
          "[ragzip_lenient]") {
  ThreePages parts;
  Bytes bytes = parts.file();
  bytes[parts.page2_at() - 8] ^= 1;
  const MemorySource source(bytes);
  const RagzipFile file(source, lenient());
  CHECK_FALSE(file.broken_rule());
  Bytes out(10);
  CHECK(file.read_at(LogicalOffset(5), out) == 10);
  CHECK(failed([&] { return file.read_at(LogicalOffset(kPage + 5), out); }).kind() ==
        ErrorKind::corrupt);
}

TEST_CASE("ragzip_lenient: a cut file is corrupt", "[ragzip_lenient]") {
  const Bytes content = mixed_bytes(3 * kPage);
  const Bytes whole = ragzip_of(content, 1);
  const std::vector<GzipPart> parts = parts_of(whole);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const MemorySource source(cut);
    std::optional<ByteCount> logical;
    const auto failure =
        failure_of([&] { logical = RagzipFile(source, lenient()).geometry().logical_size; });
    const bool between = size == 0 || std::any_of(parts.begin(), parts.end(), [&](const auto& p) {
                           return (p.offset + p.size).value() == size;
                         });
    INFO("cut at " << size);
    REQUIRE(failure.has_value() != between);
    if (failure) REQUIRE(failure->kind() == ErrorKind::corrupt);
  }
}

TEST_CASE("ragzip_lenient: members that fall into pages of no size are corrupt",
          "[ragzip_lenient]") {
  constexpr std::size_t kMember = std::size_t{1} << 20;
  Bytes bytes = page_member(Bytes(kMember + 1));
  const Bytes next = page_member(Bytes(kMember));
  for (int i = 0; i < 1023; ++i)
    bytes.insert(bytes.end(), next.begin(), next.end());
  const MemorySource source(bytes);
  const Error error = failed([&] {
    const RagzipFile file(source, lenient());
    return 0;
  });
  CHECK(error.kind() == ErrorKind::corrupt);
  CHECK(says(error, "do not fall into pages of one size"));
}

TEST_CASE("ragzip_lenient: a sound file is read as strictly as ever, without a scan",
          "[ragzip_lenient]") {
  Random random(31);
  const Bytes content = random_bytes(random, 300 * kPage);
  const Bytes bytes = ragzip_of(content, 4);
  const MemorySource source(bytes);
  const RagzipFile file(source, lenient());
  CHECK_FALSE(file.broken_rule());
  // The tail and 18 + 2 + 1 indexes, some of them in the tail.
  CHECK(source.reads.size() <= 22);
  CHECK(source.bytes_read() < bytes.size() / 5);
  Bytes out(10);
  CHECK(file.read_at(LogicalOffset(100 * kPage + 7), out) == 10);
  CHECK(source.bytes_read() < bytes.size() / 4);
  check_reads(file, content);
}

TEST_CASE("ragzip_lenient: a read that fails is not gone around", "[ragzip_lenient]") {
  class Failing final : public RangeSource {
   public:
    ByteCount size() const override { return 1000; }
    std::string name() const override { return "failing"; }
    void read_at(GzOffset, MutableBytes) const override {
      throw Error(ErrorKind::denied, "no entry");
    }
  };
  const Failing source;
  CHECK(failed([&] {
          const RagzipFile file(source, lenient());
          return 0;
        }).kind() == ErrorKind::denied);
}

TEST_CASE("ragzip_file: a scan that was made before opens it without reading", "[ragzip_lenient]") {
  const Bytes content = mixed_bytes(9 * kPage + 3);
  const Bytes bytes = ragzip_of(content, 1);
  const MemorySource source(bytes);
  const PageScan scan = scan_pages(source, {}, {}, {});
  source.reads.clear();
  const RagzipFile file(source, scan);
  CHECK(source.bytes_read() == 0);
  CHECK_FALSE(file.broken_rule());
  check_reads(file, content);
}
