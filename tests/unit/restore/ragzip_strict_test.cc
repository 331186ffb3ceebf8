#include <algorithm>

#include "format/gzip_format.h"
#include "format/ragzip_format.h"
#include "support/expect.h"
#include "support/hand_made.h"
#include "support/samples.h"
#include "tape/ragzip_reader.h"

using namespace tape;

namespace {

constexpr std::size_t kPage = 512;

// A gzip member with content: header of any kind, body, trailer.
struct ByHand {
  Bytes header = {kPageHeader.begin(), kPageHeader.end()};
  std::uint32_t crc_flip = 0;
  int size_flip = 0;

  Bytes member(ByteView content) const {
    Bytes out = header;
    make_zlib_deflater(6)->deflate(content, out);
    append_trailer(out, crc32(content) ^ crc_flip,
                   content.size() + static_cast<std::size_t>(size_flip));
    return out;
  }
};

Bytes page_member(ByteView content) {
  return ByHand().member(content);
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts)
    out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes header_with(std::uint8_t flags, std::initializer_list<std::uint8_t> fields) {
  Bytes out = {kPageHeader.begin(), kPageHeader.end()};
  out[3] = flags;
  out.insert(out.end(), fields);
  return out;
}

// A file of three pages (the last of 100 bytes) and one index, in parts that a test replaces.
struct ThreePages {
  Bytes content = mixed_bytes(2 * kPage + 100);
  Bytes page0 = page_member(ByteView(content).first(kPage));
  Bytes page1 = page_member(ByteView(content).subspan(kPage, kPage));
  Bytes page2 = page_member(ByteView(content).subspan(2 * kPage));
  std::vector<GzOffset> slots;  // empty: where the pages are
  Bytes index;                  // empty: of the slots
  Bytes extensions;
  RagzipFooter footer{1, 2, 9, 2 * kPage + 100, -1, -1};  // top_index -1: where the index is
  Bytes footer_member;                                    // empty: of the footer

  std::size_t index_at() const { return page0.size() + page1.size() + page2.size(); }

  Bytes file() const {
    std::vector<GzOffset> places = slots;
    if (places.empty())
      places = {GzOffset(0), GzOffset(page0.size()), GzOffset(page0.size() + page1.size())};
    const Bytes own = index.empty() ? encode_metadata_member("RA", encode_index(places)) : index;
    RagzipFooter end = footer;
    if (end.top_index == -1) end.top_index = static_cast<std::int64_t>(index_at());
    const Bytes last = footer_member.empty() ? encode_footer(end) : footer_member;
    return joined({page0, page1, page2, own, extensions, last});
  }
  std::size_t footer_at() const { return file().size() - kFooterSize; }
};

Bytes extension(std::int64_t previous, std::uint8_t flags, std::uint32_t id, const Bytes& content) {
  return encode_metadata_member("RA", encode_extension({previous, flags, id}, content));
}

// The failure when all of `file` is read, if any.
std::optional<Error> failure_to_read(const Bytes& file, const Bytes& content) {
  return failure_of([&] {
    const MemorySource source(file);
    RagzipReader reader(source);
    Bytes out(content.size() + 1);
    out.resize(reader.read_at(LogicalOffset(0), out));
    CHECK(out == content);
  });
}

struct StrictCase {
  const char* what;
  void (*change)(ThreePages& file);
  ErrorKind kind;
  const char* says;
};

void set_slot(ThreePages& f, std::size_t slot, std::size_t value) {
  f.slots = {GzOffset(0), GzOffset(f.page0.size()), GzOffset(f.page0.size() + f.page1.size())};
  f.slots[slot] = GzOffset(value);
}

// An index with its EXTRA field, flags or body other than the writer's.
Bytes odd_index(const ThreePages& f, void (*change)(Bytes& member)) {
  Bytes member =
      encode_metadata_member("RA", encode_index({GzOffset(0), GzOffset(f.page0.size()),
                                                 GzOffset(f.page0.size() + f.page1.size())}));
  change(member);
  return member;
}

const StrictCase kPages[] = {
    {"CRC32 wrong", [](ThreePages& f) { f.page1[f.page1.size() - 8] ^= 1; }, ErrorKind::corrupt,
     "CRC32"},
    {"ISIZE wrong", [](ThreePages& f) { f.page1[f.page1.size() - 4] ^= 1; }, ErrorKind::corrupt,
     "ISIZE"},
    {"ISIZE wrong by 2^24", [](ThreePages& f) { f.page1[f.page1.size() - 1] ^= 1; },
     ErrorKind::corrupt, "ISIZE"},
    {"page one byte long", [](ThreePages& f) { f.page1 = page_member(mixed_bytes(kPage + 1)); },
     ErrorKind::corrupt, "more than the 512"},
    {"page one byte short", [](ThreePages& f) { f.page1 = page_member(mixed_bytes(kPage - 1)); },
     ErrorKind::corrupt, "page at"},
    {"last page one byte long", [](ThreePages& f) { f.page2 = page_member(mixed_bytes(101)); },
     ErrorKind::corrupt, "more than the 100"},
    {"last page one byte short", [](ThreePages& f) { f.page2 = page_member(mixed_bytes(99)); },
     ErrorKind::corrupt, "page at"},
    {"page empty", [](ThreePages& f) { f.page1 = page_member({}); }, ErrorKind::corrupt, "page at"},
    {"page no gzip member", [](ThreePages& f) { f.page1[0] = 0; }, ErrorKind::corrupt, "magic"},
    {"page of reserved flags", [](ThreePages& f) { f.page1[3] = 0x80; }, ErrorKind::corrupt,
     "reserved"},
    {"deflate stream of reserved block type", [](ThreePages& f) { f.page1[10] = 7; },
     ErrorKind::corrupt, "page at"},
    {"a page's second member reaches into the next page",
     [](ThreePages& f) {
       const Bytes content = f.content;
       f.page1 = joined({page_member(ByteView(content).subspan(kPage, 200)),
                         page_member(ByteView(content).subspan(kPage + 200, kPage - 200))});
       set_slot(f, 2, f.page0.size() + f.page1.size() - 1);
     },
     ErrorKind::corrupt, "page at"},
};

const StrictCase kIndexes[] = {
    {"slots equal", [](ThreePages& f) { set_slot(f, 2, f.page0.size()); }, ErrorKind::corrupt,
     "slot 2"},
    {"slots falling", [](ThreePages& f) { set_slot(f, 2, 0); }, ErrorKind::corrupt, "slot 2"},
    {"slot names the index", [](ThreePages& f) { set_slot(f, 2, f.index_at()); },
     ErrorKind::corrupt, "slot 2"},
    {"slot beyond the file", [](ThreePages& f) { set_slot(f, 2, 1'000'000); }, ErrorKind::corrupt,
     "slot 2"},
    {"slot negative", [](ThreePages& f) { set_slot(f, 2, ~std::size_t{0}); }, ErrorKind::corrupt,
     "slot 2"},
    {"slot inside a page", [](ThreePages& f) { set_slot(f, 1, f.page0.size() + 1); },
     ErrorKind::corrupt, "page at"},
    {"a slot missing",
     [](ThreePages& f) {
       f.slots = {GzOffset(0), GzOffset(f.page0.size())};
     },
     ErrorKind::corrupt, "3 slots of 8 expected"},
    {"a slot more",
     [](ThreePages& f) {
       f.slots = {GzOffset(0), GzOffset(1), GzOffset(2), GzOffset(3)};
     },
     ErrorKind::corrupt, "3 slots of 8 expected"},
    {"top index names a page", [](ThreePages& f) { f.footer.top_index = 0; }, ErrorKind::corrupt,
     "index at 0"},
    {"top index names nothing", [](ThreePages& f) { f.footer.top_index = 3; }, ErrorKind::corrupt,
     "index at 3"},
    {"top index names the footer",
     [](ThreePages& f) { f.footer.top_index = static_cast<std::int64_t>(f.footer_at()); },
     ErrorKind::corrupt, "behind it"},
    {"top index beyond the file", [](ThreePages& f) { f.footer.top_index = 1'000'000; },
     ErrorKind::corrupt, "behind it"},
    {"TM first",
     [](ThreePages& f) { f.index = odd_index(f, [](Bytes& m) { m[12] = 'T', m[13] = 'M'; }); },
     ErrorKind::corrupt, "not RA"},
    {"TM in front of RA",
     [](ThreePages& f) {
       f.index = odd_index(f, [](Bytes& m) {
         m.insert(m.begin() + 12, {'T', 'M', 0, 0});
         m[10] = static_cast<std::uint8_t>(m[10] + 4);
       });
     },
     ErrorKind::corrupt, "not RA"},
    {"FNAME beside EXTRA",
     [](ThreePages& f) {
       f.index = odd_index(f, [](Bytes& m) {
         m[3] = 12;
         m.insert(m.end() - 10, 0);
       });
     },
     ErrorKind::corrupt, "EXTRA field alone"},
    {"FHCRC beside EXTRA",
     [](ThreePages& f) {
       f.index = odd_index(f, [](Bytes& m) {
         m[3] = 6;
         m.insert(m.end() - 10, {0, 0});
       });
     },
     ErrorKind::corrupt, "EXTRA field alone"},
    {"content",
     [](ThreePages& f) {
       f.index = odd_index(f, [](Bytes& m) {
         const Bytes body = page_member(as_bytes("x"));
         m.resize(m.size() - 10);
         m.insert(m.end(), body.begin() + 10, body.end());
       });
     },
     ErrorKind::corrupt, "not an empty gzip member"},
    {"CRC32 of nothing not 0",
     [](ThreePages& f) { f.index = odd_index(f, [](Bytes& m) { m[m.size() - 8] = 1; }); },
     ErrorKind::corrupt, "not an empty gzip member"},
    {"ISIZE of nothing not 0",
     [](ThreePages& f) { f.index = odd_index(f, [](Bytes& m) { m[m.size() - 1] = 1; }); },
     ErrorKind::corrupt, "not an empty gzip member"},
    {"subfield longer than EXTRA",
     [](ThreePages& f) {
       f.index = odd_index(f, [](Bytes& m) { m[14] = static_cast<std::uint8_t>(m[14] + 1); });
     },
     ErrorKind::corrupt, "first subfield"},
    {"EXTRA of 3 bytes", [](ThreePages& f) { f.index = odd_index(f, [](Bytes& m) { m[10] = 3; }); },
     ErrorKind::corrupt, "EXTRA field of 3"},
    {"EXTRA past the footer",
     [](ThreePages& f) { f.index = odd_index(f, [](Bytes& m) { m[11] = 0xFF; }); },
     ErrorKind::corrupt, "EXTRA field of"},
};

const StrictCase kFooters[] = {
    {"version 1.1",
     [](ThreePages& f) {
       f.footer.top_index = static_cast<std::int64_t>(f.index_at());
       f.footer_member = encode_footer(f.footer);
       f.footer_member[19] = 1;
     },
     ErrorKind::unsupported, "version 1.1"},
    {"levels", [](ThreePages& f) { f.footer.levels = 2; }, ErrorKind::corrupt, "levels"},
    {"size a page more", [](ThreePages& f) { f.footer.logical_size += kPage; }, ErrorKind::corrupt,
     "4 slots of 8 expected"},
    {"size a byte more", [](ThreePages& f) { ++f.footer.logical_size; }, ErrorKind::corrupt,
     "page at"},
    {"size a byte less", [](ThreePages& f) { --f.footer.logical_size; }, ErrorKind::corrupt,
     "more than the 99"},
    {"identifier RB",
     [](ThreePages& f) {
       f.footer.top_index = static_cast<std::int64_t>(f.index_at());
       f.footer_member = encode_footer(f.footer);
       f.footer_member[13] = 'B';
     },
     ErrorKind::corrupt, "footer"},
    {"name beside EXTRA",
     [](ThreePages& f) {
       f.footer_member = encode_footer(f.footer);
       f.footer_member[3] = 12;
     },
     ErrorKind::corrupt, "footer at"},
};

const StrictCase kExtensions[] = {
    {"tail at the footer",
     [](ThreePages& f) { f.footer.extension_tail = static_cast<std::int64_t>(f.footer_at()); },
     ErrorKind::corrupt, "not before"},
    {"tail behind the file", [](ThreePages& f) { f.footer.extension_tail = 1'000'000; },
     ErrorKind::corrupt, "not before"},
    {"tail names the index",
     [](ThreePages& f) { f.footer.extension_tail = static_cast<std::int64_t>(f.index_at()); },
     ErrorKind::corrupt, "extension"},
    {"tail names a page", [](ThreePages& f) { f.footer.extension_tail = 0; }, ErrorKind::corrupt,
     "extension"},
    {"one that names itself",
     [](ThreePages& f) {
       f.footer.extension_tail = static_cast<std::int64_t>(f.footer_at());
       f.extensions = extension(f.footer.extension_tail, 0, 1, {});
     },
     ErrorKind::corrupt, "not before"},
    {"previous -2",
     [](ThreePages& f) {
       f.footer.extension_tail = static_cast<std::int64_t>(f.footer_at());
       f.extensions = extension(-2, 0, 1, {});
     },
     ErrorKind::corrupt, "previous offset -2"},
    {"of the specification",
     [](ThreePages& f) {
       f.footer.extension_tail = static_cast<std::int64_t>(f.footer_at());
       f.extensions = extension(-1, 0x80, 1, {});
     },
     ErrorKind::unsupported, "later ragzip specification"},
    {"content of 32769 bytes",
     [](ThreePages& f) {
       f.footer.extension_tail = static_cast<std::int64_t>(f.footer_at());
       f.extensions = extension(-1, 0, 1, Bytes(32769));
     },
     ErrorKind::corrupt, "13 to 32781"},
    {"51 of them",
     [](ThreePages& f) {
       for (int i = 0; i < 51; ++i) {
         const auto at = static_cast<std::int64_t>(f.footer_at());
         const Bytes one = extension(f.footer.extension_tail, 0, 1, {});
         f.extensions.insert(f.extensions.end(), one.begin(), one.end());
         f.footer.extension_tail = at;
       }
     },
     ErrorKind::corrupt, "more than 50"},
};

template <std::size_t N>
void check_refused(const StrictCase (&cases)[N]) {
  for (const StrictCase& c : cases) {
    DYNAMIC_SECTION(c.what) {
      ThreePages file;
      const Bytes content = file.content;
      c.change(file);
      const auto failure = failure_to_read(file.file(), content);
      REQUIRE(failure);
      INFO(failure->what());
      CHECK(failure->kind() == c.kind);
      CHECK(says(*failure, c.says));
    }
  }
}

struct ForeignCase {
  const char* what;
  void (*change)(ThreePages& file);
};

const Bytes kEmptyMember = page_member({});

const ForeignCase kForeign[] = {
    {"as the writer makes it", [](ThreePages&) {}},
    {"a page of two members",
     [](ThreePages& f) {
       f.page1 = joined({page_member(ByteView(f.content).subspan(kPage, 1)),
                         page_member(ByteView(f.content).subspan(kPage + 1, kPage - 1))});
     }},
    {"a page of 512 members",
     [](ThreePages& f) {
       f.page1.clear();
       for (std::size_t i = 0; i < kPage; ++i)
         f.page1 = joined({f.page1, page_member(ByteView(f.content).subspan(kPage + i, 1))});
     }},
    {"empty members around a page",
     [](ThreePages& f) {
       f.page1 = joined({kEmptyMember, f.page1, kEmptyMember, kEmptyMember});
     }},
    {"an empty member inside a page",
     [](ThreePages& f) {
       f.page2 = joined({page_member(ByteView(f.content).subspan(2 * kPage, 50)), kEmptyMember,
                         page_member(ByteView(f.content).subspan(2 * kPage + 50))});
     }},
    {"metadata of others before the first page",
     [](ThreePages& f) {
       f.page0 = joined({encode_metadata_member("XX", Bytes(65531)), f.page0});
     }},
    {"metadata of others behind a page",
     [](ThreePages& f) {
       f.page0 = joined({f.page0, encode_metadata_member("XX", Bytes(7))});
     }},
    {"name, comment, EXTRA and header CRC in a page",
     [](ThreePages& f) {
       ByHand page;
       page.header = header_with(2 | 4 | 8 | 16, {2, 0, 0, 0, 'n', 0, 0, 0xAB, 0xCD});
       f.page1 = page.member(ByteView(f.content).subspan(kPage, kPage));
     }},
    {"other time, level and system",
     [](ThreePages& f) {
       f.page1[4] = 0x5A;
       f.page1[8] = 4;
       f.page1[9] = 3;
     }},
    {"another subfield behind RA",
     [](ThreePages& f) {
       f.index = odd_index(f, [](Bytes& m) {
         m.insert(m.end() - 10, {'T', 'M', 1, 0, 0xEE});
         m[10] = static_cast<std::uint8_t>(m[10] + 5);
       });
     }},
    {"an empty stored block in an index",
     [](ThreePages& f) {
       f.index = odd_index(f, [](Bytes& m) {
         m.erase(m.end() - 10, m.end() - 8);
         m.insert(m.end() - 8, {1, 0, 0, 0xFF, 0xFF});
       });
     }},
    {"time and system in an index",
     [](ThreePages& f) { f.index = odd_index(f, [](Bytes& m) { m[5] = 9, m[9] = 3; }); }},
    {"a footer with a stored block and less padding",
     [](ThreePages& f) {
       f.footer.top_index = static_cast<std::int64_t>(f.index_at());
       Bytes m = encode_footer(f.footer);
       m.erase(m.begin() + 48, m.begin() + 51);
       m[10] = static_cast<std::uint8_t>(m[10] - 3);
       m[14] = static_cast<std::uint8_t>(m[14] - 3);
       m.erase(m.end() - 10, m.end() - 8);
       m.insert(m.end() - 8, {1, 0, 0, 0xFF, 0xFF});
       f.footer_member = m;
     }},
    {"unknown custom extensions",
     [](ThreePages& f) {
       f.footer.extension_tail = static_cast<std::int64_t>(f.footer_at());
       f.extensions = extension(-1, 0x7F, 0xDEADBEEF, Bytes(32768));
     }},
};

}  // namespace

TEST_CASE("ragzip_reader: a page that is not what it should be is corrupt", "[ragzip_reader]") {
  check_refused(kPages);
}

TEST_CASE("ragzip_reader: an index that breaks one rule is corrupt", "[ragzip_reader]") {
  check_refused(kIndexes);
}

TEST_CASE("ragzip_reader: a footer that breaks one rule is refused", "[ragzip_reader]") {
  check_refused(kFooters);
}

TEST_CASE("ragzip_reader: an extension that breaks one rule is refused", "[ragzip_reader]") {
  check_refused(kExtensions);
}

TEST_CASE("ragzip_reader: what other writers may do is read", "[ragzip_reader]") {
  for (const ForeignCase& c : kForeign) {
    DYNAMIC_SECTION(c.what) {
      ThreePages file;
      const Bytes content = file.content;
      c.change(file);
      const auto failure = failure_to_read(file.file(), content);
      INFO((failure ? failure->what() : ""));
      CHECK_FALSE(failure);
    }
  }
}

TEST_CASE("ragzip_reader: 50 extensions are followed", "[ragzip_reader]") {
  ThreePages file;
  for (std::uint32_t i = 0; i < 50; ++i) {
    const auto at = static_cast<std::int64_t>(file.footer_at());
    const Bytes one = extension(file.footer.extension_tail, 0, i, {});
    file.extensions.insert(file.extensions.end(), one.begin(), one.end());
    file.footer.extension_tail = at;
  }
  const Bytes bytes = file.file();
  const MemorySource source(bytes);
  CHECK(RagzipReader(source).extensions().size() == 50);
}

TEST_CASE("ragzip_reader: a footer alone is a file of nothing", "[ragzip_reader]") {
  RagzipFooter footer;
  footer.index_bits = 12;
  footer.page_bits = 13;
  const Bytes file = encode_footer(footer);
  const MemorySource source(file);
  RagzipReader reader(source);
  Bytes out(10);
  CHECK(reader.read_at(LogicalOffset(0), out) == 0);
  CHECK(reader.geometry().page_count == 0);
}

TEST_CASE("ragzip_reader: a file that claims huge pages does not take their memory",
          "[ragzip_reader]") {
  RagzipFooter footer;
  footer.levels = 0;
  footer.index_bits = 1;
  footer.page_bits = 30;
  footer.logical_size = 100;
  const Bytes file = joined({page_member(mixed_bytes(100)), encode_footer(footer)});
  const MemorySource source(file);
  RagzipReader reader(source);
  Bytes out(200);
  CHECK(reader.read_at(LogicalOffset(0), out) == 100);
  CHECK(source.bytes_read() < 3 * file.size());
}
