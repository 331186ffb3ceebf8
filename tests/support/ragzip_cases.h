// Ragzip files that break one rule each, and those that only other writers make.
#pragma once
#include "support/ragzip_by_hand.h"
#include "tape/error.h"

namespace tape {

struct BrokenRagzip {
  const char* what;
  void (*change)(ThreePages& file);
  ErrorKind kind;
  const char* says;
  std::size_t (ThreePages::*about)() const;  // where the member begins that it is about
};

inline const BrokenRagzip kBrokenPages[] = {
    {"CRC32 wrong", [](ThreePages& f) { f.page1[f.page1.size() - 8] ^= 1; }, ErrorKind::corrupt,
     "CRC32", &ThreePages::page1_at},
    {"ISIZE wrong", [](ThreePages& f) { f.page1[f.page1.size() - 4] ^= 1; }, ErrorKind::corrupt,
     "ISIZE", &ThreePages::page1_at},
    {"ISIZE wrong by 2^24", [](ThreePages& f) { f.page1[f.page1.size() - 1] ^= 1; },
     ErrorKind::corrupt, "ISIZE", &ThreePages::page1_at},
    {"page one byte long", [](ThreePages& f) { f.page1 = page_member(mixed_bytes(kPage + 1)); },
     ErrorKind::corrupt, "more than the 512", &ThreePages::page1_at},
    {"page one byte short", [](ThreePages& f) { f.page1 = page_member(mixed_bytes(kPage - 1)); },
     ErrorKind::corrupt, "page at", &ThreePages::page1_at},
    {"last page one byte long", [](ThreePages& f) { f.page2 = page_member(mixed_bytes(101)); },
     ErrorKind::corrupt, "more than the 100", &ThreePages::page2_at},
    {"last page one byte short", [](ThreePages& f) { f.page2 = page_member(mixed_bytes(99)); },
     ErrorKind::corrupt, "page at", &ThreePages::page2_at},
    {"page empty", [](ThreePages& f) { f.page1 = page_member({}); }, ErrorKind::corrupt, "page at",
     &ThreePages::page1_at},
    {"page no gzip member", [](ThreePages& f) { f.page1[0] = 0; }, ErrorKind::corrupt, "magic",
     &ThreePages::page1_at},
    {"page of reserved flags", [](ThreePages& f) { f.page1[3] = 0x80; }, ErrorKind::corrupt,
     "reserved", &ThreePages::page1_at},
    {"deflate stream of reserved block type", [](ThreePages& f) { f.page1[10] = 7; },
     ErrorKind::corrupt, "page at", &ThreePages::page1_at},
    {"a page's second member reaches into the next page",
     [](ThreePages& f) {
       const Bytes content = f.content;
       f.page1 = joined({page_member(ByteView(content).subspan(kPage, 200)),
                         page_member(ByteView(content).subspan(kPage + 200, kPage - 200))});
       set_slot(f, 2, f.page0.size() + f.page1.size() - 1);
     },
     ErrorKind::corrupt, "page at", &ThreePages::page1_at},
};

inline const BrokenRagzip kBrokenIndexes[] = {
    {"slots equal", [](ThreePages& f) { set_slot(f, 2, f.page0.size()); }, ErrorKind::corrupt,
     "slot 2", &ThreePages::index_at},
    {"slots falling", [](ThreePages& f) { set_slot(f, 2, 0); }, ErrorKind::corrupt, "slot 2",
     &ThreePages::index_at},
    {"slot names the index", [](ThreePages& f) { set_slot(f, 2, f.index_at()); },
     ErrorKind::corrupt, "slot 2", &ThreePages::index_at},
    {"slot beyond the file", [](ThreePages& f) { set_slot(f, 2, 1'000'000); }, ErrorKind::corrupt,
     "slot 2", &ThreePages::index_at},
    {"slot negative", [](ThreePages& f) { set_slot(f, 2, ~std::size_t{0}); }, ErrorKind::corrupt,
     "slot 2", &ThreePages::index_at},
    {"slot inside a page", [](ThreePages& f) { set_slot(f, 1, f.page0.size() + 1); },
     ErrorKind::corrupt, "page at", &ThreePages::page0_at},
    {"a slot missing",
     [](ThreePages& f) {
       f.slots = {GzOffset(0), GzOffset(f.page0.size())};
     },
     ErrorKind::corrupt, "3 slots of 8 expected", &ThreePages::index_at},
    {"a slot more",
     [](ThreePages& f) {
       f.slots = {GzOffset(0), GzOffset(1), GzOffset(2), GzOffset(3)};
     },
     ErrorKind::corrupt, "3 slots of 8 expected", &ThreePages::index_at},
    {"top index names a page", [](ThreePages& f) { f.footer.top_index = 0; }, ErrorKind::corrupt,
     "index at 0", &ThreePages::page0_at},
    {"top index names nothing", [](ThreePages& f) { f.footer.top_index = 3; }, ErrorKind::corrupt,
     "index at 3", &ThreePages::nothing_at},
    {"top index names the footer",
     [](ThreePages& f) { f.footer.top_index = static_cast<std::int64_t>(f.footer_at()); },
     ErrorKind::corrupt, "behind it", &ThreePages::footer_at},
    {"top index beyond the file", [](ThreePages& f) { f.footer.top_index = 1'000'000; },
     ErrorKind::corrupt, "behind it", &ThreePages::footer_at},
    {"TM first",
     [](ThreePages& f) { f.index = odd_index(f, [](Bytes& m) { m[12] = 'T', m[13] = 'M'; }); },
     ErrorKind::corrupt, "not RA", &ThreePages::index_at},
    {"TM in front of RA",
     [](ThreePages& f) {
       f.index = odd_index(f, [](Bytes& m) {
         m.insert(m.begin() + 12, {'T', 'M', 0, 0});
         m[10] = static_cast<std::uint8_t>(m[10] + 4);
       });
     },
     ErrorKind::corrupt, "not RA", &ThreePages::index_at},
    {"FNAME beside EXTRA",
     [](ThreePages& f) {
       f.index = odd_index(f, [](Bytes& m) {
         m[3] = 12;
         m.insert(m.end() - 10, 0);
       });
     },
     ErrorKind::corrupt, "EXTRA field alone", &ThreePages::index_at},
    {"FHCRC beside EXTRA",
     [](ThreePages& f) {
       f.index = odd_index(f, [](Bytes& m) {
         m[3] = 6;
         m.insert(m.end() - 10, {0, 0});
       });
     },
     ErrorKind::corrupt, "EXTRA field alone", &ThreePages::index_at},
    {"content",
     [](ThreePages& f) {
       f.index = odd_index(f, [](Bytes& m) {
         const Bytes body = page_member(as_bytes("x"));
         m.resize(m.size() - 10);
         m.insert(m.end(), body.begin() + 10, body.end());
       });
     },
     ErrorKind::corrupt, "not an empty gzip member", &ThreePages::index_at},
    {"CRC32 of nothing not 0",
     [](ThreePages& f) { f.index = odd_index(f, [](Bytes& m) { m[m.size() - 8] = 1; }); },
     ErrorKind::corrupt, "not an empty gzip member", &ThreePages::index_at},
    {"ISIZE of nothing not 0",
     [](ThreePages& f) { f.index = odd_index(f, [](Bytes& m) { m[m.size() - 1] = 1; }); },
     ErrorKind::corrupt, "not an empty gzip member", &ThreePages::index_at},
    {"subfield longer than EXTRA",
     [](ThreePages& f) {
       f.index = odd_index(f, [](Bytes& m) { m[14] = static_cast<std::uint8_t>(m[14] + 1); });
     },
     ErrorKind::corrupt, "first subfield", &ThreePages::index_at},
    {"EXTRA of 3 bytes", [](ThreePages& f) { f.index = odd_index(f, [](Bytes& m) { m[10] = 3; }); },
     ErrorKind::corrupt, "EXTRA field of 3", &ThreePages::index_at},
    {"EXTRA past the footer",
     [](ThreePages& f) { f.index = odd_index(f, [](Bytes& m) { m[11] = 0xFF; }); },
     ErrorKind::corrupt, "EXTRA field of", &ThreePages::index_at},
};

inline const BrokenRagzip kBrokenFooters[] = {
    {"version 1.1",
     [](ThreePages& f) {
       f.footer.top_index = static_cast<std::int64_t>(f.index_at());
       f.footer_member = encode_footer(f.footer);
       f.footer_member[19] = 1;
     },
     ErrorKind::unsupported, "version 1.1", &ThreePages::footer_at},
    {"levels", [](ThreePages& f) { f.footer.levels = 2; }, ErrorKind::corrupt, "levels",
     &ThreePages::footer_at},
    {"size a page more", [](ThreePages& f) { f.footer.logical_size += kPage; }, ErrorKind::corrupt,
     "4 slots of 8 expected", &ThreePages::index_at},
    {"size a byte more", [](ThreePages& f) { ++f.footer.logical_size; }, ErrorKind::corrupt,
     "page at", &ThreePages::page2_at},
    {"size a byte less", [](ThreePages& f) { --f.footer.logical_size; }, ErrorKind::corrupt,
     "more than the 99", &ThreePages::page2_at},
    {"identifier RB",
     [](ThreePages& f) {
       f.footer.top_index = static_cast<std::int64_t>(f.index_at());
       f.footer_member = encode_footer(f.footer);
       f.footer_member[13] = 'B';
     },
     ErrorKind::corrupt, "footer", &ThreePages::footer_at},
    {"name beside EXTRA",
     [](ThreePages& f) {
       f.footer_member = encode_footer(f.footer);
       f.footer_member[3] = 12;
     },
     ErrorKind::corrupt, "footer at", &ThreePages::footer_at},
};

inline const BrokenRagzip kBrokenExtensions[] = {
    {"tail at the footer",
     [](ThreePages& f) { f.footer.extension_tail = static_cast<std::int64_t>(f.footer_at()); },
     ErrorKind::corrupt, "not before", &ThreePages::footer_at},
    {"tail behind the file", [](ThreePages& f) { f.footer.extension_tail = 1'000'000; },
     ErrorKind::corrupt, "not before", &ThreePages::footer_at},
    {"tail names the index, whose first slot names a page",
     [](ThreePages& f) { f.footer.extension_tail = static_cast<std::int64_t>(f.index_at()); },
     ErrorKind::corrupt, "extension", &ThreePages::page0_at},
    {"tail names a page", [](ThreePages& f) { f.footer.extension_tail = 0; }, ErrorKind::corrupt,
     "extension", &ThreePages::page0_at},
    {"one that names itself",
     [](ThreePages& f) {
       f.footer.extension_tail = static_cast<std::int64_t>(f.footer_at());
       f.extensions = extension(f.footer.extension_tail, 0, 1, {});
     },
     ErrorKind::corrupt, "not before", &ThreePages::extension_at},
    {"previous -2",
     [](ThreePages& f) {
       f.footer.extension_tail = static_cast<std::int64_t>(f.footer_at());
       f.extensions = extension(-2, 0, 1, {});
     },
     ErrorKind::corrupt, "previous offset -2", &ThreePages::extension_at},
    {"of the specification",
     [](ThreePages& f) {
       f.footer.extension_tail = static_cast<std::int64_t>(f.footer_at());
       f.extensions = extension(-1, 0x80, 1, {});
     },
     ErrorKind::unsupported, "later ragzip specification", &ThreePages::extension_at},
    {"content of 32769 bytes",
     [](ThreePages& f) {
       f.footer.extension_tail = static_cast<std::int64_t>(f.footer_at());
       f.extensions = extension(-1, 0, 1, Bytes(32769));
     },
     ErrorKind::corrupt, "13 to 32781", &ThreePages::extension_at},
    {"51 of them",
     [](ThreePages& f) {
       for (int i = 0; i < 51; ++i) {
         const auto at = static_cast<std::int64_t>(f.footer_at());
         const Bytes one = extension(f.footer.extension_tail, 0, 1, {});
         f.extensions.insert(f.extensions.end(), one.begin(), one.end());
         f.footer.extension_tail = at;
       }
     },
     ErrorKind::corrupt, "more than 50", &ThreePages::extension_at},
};

struct ForeignRagzip {
  const char* what;
  void (*change)(ThreePages& file);
};

inline const Bytes kEmptyMember = page_member({});

inline const ForeignRagzip kForeign[] = {
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

}  // namespace tape
