#include "tape/page_scan.h"

#include <algorithm>

#include "support/expect.h"
#include "support/faulty.h"
#include "support/ragzip_by_hand.h"
#include "support/ragzip_parts.h"

using namespace tape;

namespace {

constexpr std::size_t kEmptySize = 20;

struct Scanned {
  PageScan scan;
  Bytes content;
};

Scanned scanned(const Bytes& file, const PageScanHints& hints = {}) {
  const MemorySource source(file);
  Scanned out;
  out.scan = scan_pages(
      source, hints,
      [&](ByteView bytes) { out.content.insert(out.content.end(), bytes.begin(), bytes.end()); },
      {});
  return out;
}

Bytes cut_to(const Bytes& file, std::size_t size) {
  return {file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)};
}

std::vector<GzRange> pages_of(const Bytes& file) {
  std::vector<GzRange> out;
  for (const GzipPart& part : parts_of(file))
    if (!part.content.empty()) out.push_back({part.offset, part.size});
  return out;
}

GzOffset pages_end_of(const Bytes& file) {
  const std::vector<GzRange> pages = pages_of(file);
  return pages.empty() ? GzOffset(0) : pages.back().end();
}

bool same(const std::vector<GzRange>& a, const std::vector<GzRange>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const GzRange& x, const GzRange& y) {
    return x.begin == y.begin && x.size == y.size;
  });
}

Bytes piece(const Bytes& content, std::size_t at, std::size_t size) {
  const ByteView view = ByteView(content).subspan(at, size);
  return {view.begin(), view.end()};
}

// Members with so much content each, nothing else.
Bytes members_of(const Bytes& content, const std::vector<std::size_t>& sizes) {
  Bytes out;
  std::size_t at = 0;
  for (const std::size_t size : sizes) {
    out = joined({out, page_member(piece(content, at, size))});
    at += size;
  }
  return out;
}

Bytes last_bytes_with(std::size_t size_offset, std::uint8_t value, Bytes file) {
  file[file.size() - kFooterSize + size_offset] = value;
  return file;
}

void set_last_isize_wrong(Bytes& file, const GzRange& page) {
  file[(page.end() - GzOffset(0)) - 1] ^= 0x40;
}

Bytes ra_member(const Bytes& payload) {
  return encode_metadata_member("RA", payload);
}

}  // namespace

TEST_CASE("page_scan: a whole file of any geometry gives its pages, exponents and size",
          "[page_scan]") {
  for (const int page_bits : {9, 10, 13, 18}) {
    for (const int index_bits : {1, 2, 5, 10, 12}) {
      for (const std::size_t size : {513U, 1024U, 1025U, 10'000U, 40'001U}) {
        INFO(size << " bytes, pages of 2^" << page_bits << ", indexes of 2^" << index_bits);
        const Bytes content = mixed_bytes(size);
        const Bytes file = ragzip_of(content, index_bits, page_bits);
        const Scanned out = scanned(file);
        CHECK(out.content == content);
        CHECK(out.scan.logical_size == size);
        CHECK(out.scan.shape.page_bits == page_bits);
        CHECK(out.scan.shape.index_bits == index_bits);
        CHECK(out.scan.shape.compat == (index_bits <= 10));
        CHECK(out.scan.index_bits_known);
        CHECK(same(out.scan.pages, pages_of(file)));
        CHECK(out.scan.pages_end() == pages_end_of(file));
        CHECK(out.scan.end.value() == file.size());
        CHECK(out.scan.claimed_size == size);
        CHECK(out.scan.extensions.empty());
        CHECK_FALSE(out.scan.damage);
      }
    }
  }
}

TEST_CASE("page_scan: a file cut anywhere gives its whole pages and where they end",
          "[page_scan]") {
  const Bytes content = mixed_bytes(8 * kPage + 77);
  const Bytes file = ragzip_of(content, 1);
  const std::vector<GzipPart> parts = parts_of(file);
  for (std::size_t size = 0; size < file.size(); ++size) {
    INFO("cut at " << size);
    std::vector<GzRange> pages;
    GzOffset end;
    ByteCount logical = 0;
    for (const GzipPart& part : parts) {
      if ((part.offset + part.size).value() > size) break;
      end = part.offset + part.size;
      logical += part.content.size();
      if (!part.content.empty()) pages.push_back({part.offset, part.size});
    }
    const Scanned out = scanned(cut_to(file, size));
    REQUIRE(same(out.scan.pages, pages));
    REQUIRE(out.scan.end == end);
    REQUIRE(out.scan.logical_size == logical);
    REQUIRE(out.scan.damage.has_value() == (size != end.value()));
    REQUIRE_FALSE(out.scan.claimed_size);
    if (out.scan.damage) REQUIRE(out.scan.damage->kind() == ErrorKind::corrupt);
    // Of the damaged member what is in front of the cut is given, too.
    REQUIRE(out.content.size() >= logical);
    REQUIRE(out.content == piece(content, 0, out.content.size()));
    if (pages.size() > 1) REQUIRE(out.scan.shape.page_bits == 9);
    // Of two slots, and the first page behind the first index shows that it was full.
    const bool full_index = pages.size() >= 4;
    REQUIRE(out.scan.index_bits_known == full_index);
    if (full_index) REQUIRE(out.scan.shape.index_bits == 1);
  }
}

TEST_CASE("page_scan: pages alone have the exponent of their members", "[page_scan]") {
  for (const int page_bits : {9, 12, 15}) {
    const std::size_t page = std::size_t{1} << page_bits;
    const Bytes content = mixed_bytes(3 * page + 5);
    const Bytes file = members_of(content, {page, page, page, 5});
    const Scanned out = scanned(file);
    INFO("2^" << page_bits);
    CHECK(out.scan.shape.page_bits == page_bits);
    CHECK(out.scan.pages.size() == 4);
    CHECK_FALSE(out.scan.index_bits_known);
    CHECK(out.scan.shape.index_bits == 10);
    CHECK_FALSE(out.scan.claimed_size);
    CHECK_FALSE(out.scan.damage);
    CHECK(out.scan.end.value() == file.size());
  }
}

TEST_CASE("page_scan: members that share a page are one page, up to the end of the last",
          "[page_scan]") {
  const Bytes content = mixed_bytes(2 * kPage + 300);
  const Bytes file = members_of(content, {100, 412, 512, 10, 290});
  const std::vector<GzRange> members = pages_of(file);
  const Scanned out = scanned(file);
  CHECK(out.scan.shape.page_bits == 9);
  REQUIRE(out.scan.pages.size() == 3);
  CHECK(out.scan.pages[0].begin == members[0].begin);
  CHECK(out.scan.pages[0].end() == members[1].end());
  CHECK(out.scan.pages[1].begin == members[2].begin);
  CHECK(out.scan.pages[1].end() == members[2].end());
  CHECK(out.scan.pages[2].begin == members[3].begin);
  CHECK(out.scan.pages[2].end() == members[4].end());
  CHECK(out.content == content);
}

TEST_CASE("page_scan: empty members stand between pages, and in one only when it goes on",
          "[page_scan]") {
  const Bytes content = mixed_bytes(kPage + 50);
  const Bytes empty = page_member({});
  const Bytes first = page_member(piece(content, 0, 200));
  const Bytes second = page_member(piece(content, 200, 312));
  const Bytes third = page_member(piece(content, 512, 50));
  const Bytes file = joined({empty, first, empty, second, empty, empty, third, empty});
  const Scanned out = scanned(file);
  CHECK(out.content == content);
  REQUIRE(out.scan.pages.size() == 2);
  CHECK(out.scan.pages[0].begin.value() == kEmptySize);
  CHECK(out.scan.pages[0].size == first.size() + kEmptySize + second.size());
  CHECK(out.scan.pages[1].begin.value() == file.size() - kEmptySize - third.size());
  CHECK(out.scan.pages[1].size == third.size());
  CHECK(out.scan.end.value() == file.size());
}

TEST_CASE("page_scan: one page alone has the usual exponent, or one that covers it",
          "[page_scan]") {
  CHECK(scanned(page_member(mixed_bytes(100))).scan.shape.page_bits == 18);
  CHECK(scanned(page_member(mixed_bytes(1 << 18))).scan.shape.page_bits == 18);
  CHECK(scanned(page_member(mixed_bytes((1 << 18) + 1))).scan.shape.page_bits == 19);
  CHECK(scanned(page_member(Bytes(3 << 20))).scan.shape.page_bits == 22);
  // The footer knows better.
  CHECK(scanned(ragzip_of(mixed_bytes(100), 3, 12)).scan.shape.page_bits == 12);
}

TEST_CASE("page_scan: nothing at all is a scan without pages", "[page_scan]") {
  for (const Bytes& file : {Bytes(), page_member({}), ragzip_of({}, 10, 18)}) {
    const Scanned out = scanned(file);
    CHECK(out.scan.pages.empty());
    CHECK(out.scan.pages_end() == GzOffset(0));
    CHECK(out.scan.logical_size == 0);
    CHECK(out.scan.end.value() == file.size());
    CHECK_FALSE(out.scan.damage);
  }
}

TEST_CASE("page_scan: an index among the pages settles the exponents of both", "[page_scan]") {
  for (const int index_bits : {1, 2, 3}) {
    const std::size_t full = std::size_t{1} << index_bits;
    const Bytes content = mixed_bytes((full + 2) * 1024);
    const Bytes file = ragzip_of(content, index_bits, 10);
    const std::vector<GzRange> pages = pages_of(file);
    INFO("indexes of 2^" << index_bits);
    // Behind the page that follows the first index.
    const Scanned behind = scanned(cut_to(file, pages[full + 1].end().value()));
    CHECK(behind.scan.index_bits_known);
    CHECK(behind.scan.shape.index_bits == index_bits);
    // In front of it: the index may be one that is not full.
    const Scanned before = scanned(cut_to(file, pages[full + 1].begin.value()));
    CHECK_FALSE(before.scan.index_bits_known);
    CHECK(before.scan.shape.index_bits == 10);
    CHECK(before.scan.shape.page_bits == 10);
  }
}

TEST_CASE("page_scan: an index settles the page size where members are smaller", "[page_scan]") {
  const Bytes content = mixed_bytes(8 * kPage);
  const Bytes pages = members_of(content, std::vector<std::size_t>(8, kPage));
  const std::vector<GzRange> members = pages_of(pages);
  CHECK(scanned(pages).scan.shape.page_bits == 9);
  const Bytes index = ra_member(encode_index({members[0].begin, members[4].begin}));
  const Scanned out = scanned(joined({pages, index}));
  CHECK(out.scan.shape.page_bits == 11);
  REQUIRE(out.scan.pages.size() == 2);
  CHECK(out.scan.pages[0].end() == members[3].end());
}

TEST_CASE("page_scan: only a footer at the very end is one", "[page_scan]") {
  const Bytes content = mixed_bytes(2 * kPage);
  const Bytes file = ragzip_of(content, 4);
  CHECK(scanned(file).scan.claimed_size == content.size());
  CHECK(scanned(file).scan.shape.index_bits == 4);
  const Scanned followed = scanned(joined({file, page_member({})}));
  CHECK_FALSE(followed.scan.claimed_size);
  CHECK_FALSE(followed.scan.index_bits_known);
  // One that breaks a rule says nothing.
  const Scanned unsound = scanned(last_bytes_with(16 + 4, 1, file));
  CHECK_FALSE(unsound.scan.claimed_size);
  CHECK_FALSE(unsound.scan.index_bits_known);
}

TEST_CASE("page_scan: a page size that a footer claims and the members contradict is not believed",
          "[page_scan]") {
  const Bytes content = mixed_bytes(2058);
  const Bytes pages = members_of(content, {1024, 1024, 10});
  const Scanned out = scanned(joined({pages, encode_footer({1, 10, 9, 2058, 0, -1})}));
  CHECK(out.scan.claimed_size == 2058);
  CHECK(out.scan.shape.page_bits == 10);
  CHECK(same(out.scan.pages, pages_of(pages)));
}

TEST_CASE("page_scan: more pages than a usual index holds behind one index make it larger",
          "[page_scan]") {
  const Bytes content(1500 * kPage, 7);
  const Bytes file = ragzip_of(content, 11);
  const Scanned whole = scanned(file);
  CHECK(whole.scan.index_bits_known);
  CHECK(whole.scan.shape.index_bits == 11);
  const Scanned cut = scanned(cut_to(file, file.size() - 1));
  CHECK_FALSE(cut.scan.index_bits_known);
  CHECK(cut.scan.shape.index_bits == 11);
  CHECK_FALSE(cut.scan.shape.compat);
  // No sign of an index: pages were made by any program.
  const Scanned pages = scanned(cut_to(file, pages_end_of(file).value()));
  CHECK(pages.scan.shape.index_bits == 10);
  CHECK(pages.scan.shape.compat);
}

TEST_CASE("page_scan: a hint goes before all other signs", "[page_scan]") {
  const Bytes content = mixed_bytes(9 * kPage);
  const Bytes file = ragzip_of(content, 1);
  const Scanned out = scanned(file, {11, 5});
  CHECK(out.scan.shape.page_bits == 11);
  CHECK(out.scan.shape.index_bits == 5);
  CHECK(out.scan.index_bits_known);
  CHECK(out.scan.pages.size() == 3);
  CHECK(out.content == content);
  CHECK(scanned(page_member(mixed_bytes(100)), {9, {}}).scan.shape.page_bits == 9);
}

TEST_CASE("page_scan: a page size that the members contradict is a usage error", "[page_scan]") {
  const Bytes content = mixed_bytes(5 * 1024 + 1);
  const Bytes file = ragzip_of(content, 2, 10);
  const Error error = failed([&] { return scanned(file, {9, {}}); });
  CHECK(error.kind() == ErrorKind::usage);
  CHECK(says(error, "--page-size"));
  // A single member is no page of less than it holds.
  CHECK(failed([&] {
          return scanned(page_member(mixed_bytes(513)), {9, {}});
        }).kind() == ErrorKind::usage);
}

TEST_CASE("page_scan: members of odd sizes are one page, as long as a page can be that large",
          "[page_scan]") {
  const Bytes content = mixed_bytes(2000);
  const Scanned out = scanned(members_of(content, {700, 900, 400}));
  CHECK(out.scan.shape.page_bits == 11);
  CHECK(out.scan.pages.size() == 1);
  CHECK(out.content == content);
}

TEST_CASE("page_scan: members that fall into pages of no size are corrupt", "[page_scan]") {
  // More than the largest page, and no member begins at a multiple of any.
  constexpr std::size_t kMember = std::size_t{1} << 20;
  Bytes file = page_member(Bytes(kMember + 1));
  const Bytes next = page_member(Bytes(kMember));
  for (int i = 0; i < 1023; ++i)
    file.insert(file.end(), next.begin(), next.end());
  const MemorySource source(file);
  const Error error = failed([&] { return scan_pages(source, {}, {}, {}); });
  CHECK(error.kind() == ErrorKind::corrupt);
  CHECK(says(error, "do not fall into pages of one size"));
  CHECK_FALSE(error.hint().empty());
}

TEST_CASE("page_scan: a damaged member in the middle ends the pages in front of it",
          "[page_scan]") {
  const Bytes content = mixed_bytes(6 * kPage + 9);
  const Bytes file = ragzip_of(content, 1);
  const std::vector<GzRange> pages = pages_of(file);
  for (std::size_t number = 0; number < pages.size(); ++number) {
    INFO("page " << number);
    Bytes bad = file;
    set_last_isize_wrong(bad, pages[number]);
    const Scanned out = scanned(bad);
    CHECK(
        same(out.scan.pages, {pages.begin(), pages.begin() + static_cast<std::ptrdiff_t>(number)}));
    REQUIRE(out.scan.damage);
    CHECK(says(*out.scan.damage, "offset " + std::to_string(pages[number].begin.value()) + ":"));
    CHECK(says(*out.scan.damage, "ISIZE"));
    CHECK(out.scan.end <= pages[number].begin);
    CHECK(out.scan.logical_size == number * kPage);
    // The last 64 bytes are a footer all the same.
    CHECK(out.scan.claimed_size == content.size());
    CHECK(out.scan.shape.page_bits == 9);
    CHECK(out.scan.shape.index_bits == 1);
    CHECK(out.scan.index_bits_known);
  }
}

TEST_CASE("page_scan: last bytes that are no footer claim nothing", "[page_scan]") {
  const Bytes content = mixed_bytes(3 * kPage);
  Bytes file = ragzip_of(content, 1);
  set_last_isize_wrong(file, pages_of(file)[1]);
  REQUIRE(scanned(file).scan.claimed_size == content.size());
  for (const std::size_t at : {0U, 1U, 12U, 13U, 16U, 20U, 21U, 22U, 23U}) {
    INFO("byte " << at);
    Bytes bad = file;
    bad[bad.size() - kFooterSize + at] ^= 0x80;
    const Scanned out = scanned(bad);
    CHECK(out.scan.damage);
    CHECK_FALSE(out.scan.claimed_size);
  }
}

TEST_CASE("page_scan: whole extensions behind the pages are found in order, with their flags",
          "[page_scan]") {
  ThreePages parts;
  std::vector<std::size_t> ends;
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto at = static_cast<std::int64_t>(parts.footer_at());
    const auto flags = static_cast<std::uint8_t>(i == 2 ? 0x80 : i);
    const Bytes one = extension(parts.footer.extension_tail, flags, 1000 + i, Bytes(i + 1, 0x33));
    parts.extensions = joined({parts.extensions, one});
    parts.footer.extension_tail = at;
    ends.push_back(parts.footer_at());
  }
  const Bytes file = parts.file();
  for (std::size_t cut = parts.extension_at(); cut <= file.size(); ++cut) {
    const auto whole = static_cast<std::size_t>(
        std::count_if(ends.begin(), ends.end(), [&](std::size_t end) { return end <= cut; }));
    const Scanned out = scanned(cut_to(file, cut));
    INFO("cut at " << cut);
    REQUIRE(out.scan.extensions.size() == whole);
    for (std::size_t i = 0; i < whole; ++i) {
      const RagzipExtension& found = out.scan.extensions[i];
      REQUIRE(found.id == 1000 + i);
      REQUIRE(found.flags == (i == 2 ? 0x80 : i));
      REQUIRE(found.payload == Bytes(i + 1, 0x33));
      REQUIRE(found.offset.value() == (i == 0 ? parts.extension_at() : ends[i - 1]));
    }
  }
}

TEST_CASE("page_scan: what looks like an extension among the pages, or in no chain, is none",
          "[page_scan]") {
  const Bytes content = mixed_bytes(2 * kPage);
  const Bytes first = page_member(piece(content, 0, kPage));
  const Bytes second = page_member(piece(content, kPage, kPage));
  const Bytes one = extension(-1, 0, 1, {});
  CHECK(scanned(joined({first, one, second})).scan.extensions.empty());
  CHECK(scanned(joined({first, second, one})).scan.extensions.size() == 1);
  CHECK(scanned(joined({first, second, extension(5, 0, 1, {})})).scan.extensions.empty());
  CHECK(scanned(joined({first, second, one, one})).scan.extensions.size() == 1);
  CHECK(
      scanned(joined({first, second, extension(-1, 0, 1, Bytes(32769))})).scan.extensions.empty());
}

TEST_CASE("page_scan: an index that lies settles nothing", "[page_scan]") {
  const Bytes content = mixed_bytes(4 * kPage);
  const Bytes pages = members_of(content, {kPage, kPage, kPage});
  const Bytes last = page_member(piece(content, 3 * kPage, kPage));
  const std::vector<GzRange> members = pages_of(pages);
  const GzOffset end(pages.size());
  struct Case {
    const char* what;
    std::vector<GzOffset> slots;
  };
  const Case cases[] = {
      {"slots that fall", {members[1].begin, members[0].begin}},
      {"slots that are equal", {members[1].begin, members[1].begin}},
      {"a slot that names itself", {members[0].begin, end}},
      {"slots behind the file", {GzOffset(1'000'000), GzOffset(2'000'000)}},
      {"pages of a size that is none", {members[0].begin, members[0].begin + 1, end}},
      {"slots of the largest number", {GzOffset(0), GzOffset(~std::uint64_t{0})}},
      {"one slot", {members[0].begin}},
      {"no slot", {}},
  };
  for (const Case& c : cases) {
    DYNAMIC_SECTION(c.what) {
      const Scanned out = scanned(joined({pages, ra_member(encode_index(c.slots)), last}));
      CHECK(out.content == content);
      CHECK(out.scan.shape.page_bits == 9);
      CHECK(out.scan.pages.size() == 4);
      CHECK_FALSE(out.scan.index_bits_known);
    }
  }
}

TEST_CASE("page_scan: an index of a higher level settles nothing", "[page_scan]") {
  const Bytes content = mixed_bytes(9 * kPage);
  Bytes file = ragzip_of(content, 1);
  // Each index of level 1 lies, so that one of level 2 is the first that could be believed.
  int levels_2 = 0;
  for (const GzipPart& part : parts_of(file)) {
    if (part.ident != "RA" || part.payload.size() != 16) continue;
    const GzOffset first = slots_of(part).front();
    const std::vector<GzRange> pages = pages_of(file);
    const bool names_a_page = std::any_of(pages.begin(), pages.end(),
                                          [&](const GzRange& page) { return page.begin == first; });
    if (!names_a_page) ++levels_2;
    for (std::size_t i = 0; names_a_page && i < 8; ++i)
      file[part.offset.value() + 24 + i] = file[part.offset.value() + 16 + i];
  }
  REQUIRE(levels_2 > 1);
  file.resize(file.size() - kFooterSize);
  const Scanned out = scanned(file);
  CHECK(out.scan.shape.page_bits == 9);
  CHECK_FALSE(out.scan.index_bits_known);
  CHECK(out.content == content);
}

TEST_CASE("page_scan: whatever RA members claim, there is a scan or an error of the format",
          "[page_scan]") {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Random random(seed);
    INFO("seed " << seed);
    const Bytes content = mixed_bytes(6 * kPage, seed);
    Bytes file;
    for (std::size_t page = 0; page < 6; ++page) {
      file = joined({file, page_member(piece(content, page * kPage, kPage))});
      for (std::uint64_t more = below(random, 3); more > 0; --more) {
        Bytes payload = random_bytes(random, below(random, 5) * 8 + below(random, 2) * 6);
        // Small numbers are likelier to name something.
        for (std::size_t at = 0; at < payload.size(); ++at)
          if (at % 8 < 6) payload[at] = 0;
        file = joined({file, ra_member(payload)});
      }
    }
    const auto failure = failure_of([&] {
      const Scanned out = scanned(file);
      CHECK(out.content == content);
      CHECK(out.scan.logical_size == content.size());
      CHECK_FALSE(out.scan.pages.empty());
    });
    if (failure) CHECK(failure->kind() == ErrorKind::corrupt);
  }
}

TEST_CASE("page_scan: with any byte changed there is a scan or an error of the format",
          "[page_scan]") {
  const Bytes content = mixed_bytes(5 * kPage + 20, 9);
  const Bytes file = ragzip_of(content, 1);
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (const int flip : {1, 8, 64, 128, 255}) {
      Bytes bad = file;
      bad[at] = static_cast<std::uint8_t>(bad[at] ^ flip);
      const auto failure = failure_of([&] {
        const Scanned out = scanned(bad);
        const auto whole = static_cast<std::size_t>(out.scan.logical_size);
        if (whole > content.size() || piece(out.content, 0, whole) != piece(content, 0, whole))
          FAIL("byte " << at << " ^ " << flip << ": other bytes in whole members");
        if (!out.scan.damage && whole != content.size())
          FAIL("byte " << at << " ^ " << flip << ": bytes are missing, no damage");
      });
      if (failure && failure->kind() != ErrorKind::corrupt)
        FAIL("byte " << at << " ^ " << flip << ": " << failure->what());
    }
  }
}

TEST_CASE("page_scan: a failing read comes out as it is, wherever", "[page_scan]") {
  const Bytes file = ragzip_of(mixed_bytes(3 * kPage), 1);
  Bytes damaged = file;
  set_last_isize_wrong(damaged, pages_of(file)[1]);
  const MemorySource source(damaged);
  Faults none = Faults::none();
  scan_pages(FaultySource(source, none), {}, {}, {});
  REQUIRE(none.calls() == 2);  // all of it, then the last 64 bytes
  for (std::uint64_t call = 1; call <= none.calls(); ++call) {
    Faults faults = Faults::at_call(call, Error(ErrorKind::transient, "line cut"));
    const FaultySource faulty(source, faults);
    CHECK(failed([&] { return scan_pages(faulty, {}, {}, {}); }).kind() == ErrorKind::transient);
  }
}

TEST_CASE("page_scan: progress is told behind each member, up to the end", "[page_scan]") {
  const Bytes file = ragzip_of(mixed_bytes(3 * kPage), 1);
  const MemorySource source(file);
  std::vector<GzOffset> told;
  scan_pages(source, {}, {}, [&](GzOffset at) { told.push_back(at); });
  std::vector<GzOffset> ends;
  for (const GzipPart& part : parts_of(file))
    ends.push_back(part.offset + part.size);
  CHECK(told == ends);
}
