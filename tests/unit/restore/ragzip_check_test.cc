#include "tape/ragzip_check.h"

#include <algorithm>
#include <tuple>

#include "support/expect.h"
#include "support/faulty.h"
#include "support/ragzip_cases.h"
#include "support/ragzip_parts.h"
#include "tape/ragzip_decode.h"

using namespace tape;

namespace {

struct Checked {
  RagzipCheck result;
  std::vector<Violation> violations;
};

Checked checked(const Bytes& file, unsigned workers = 0) {
  const SharedSource source(file);
  Checked out;
  out.result = check_ragzip(source, workers,
                            [&](const Violation& found) { out.violations.push_back(found); }, {});
  CHECK(out.result.violations == out.violations.size());
  return out;
}

std::string shown(const Checked& checked) {
  std::string out;
  for (const Violation& found : checked.violations)
    out += std::to_string(found.at.value()) + ": " + found.error.what() + "\n";
  return out;
}

// Where, kind and text, in no order.
std::vector<std::tuple<std::uint64_t, ErrorKind, std::string>> told(const Checked& checked) {
  std::vector<std::tuple<std::uint64_t, ErrorKind, std::string>> out;
  for (const Violation& found : checked.violations)
    out.emplace_back(found.at.value(), found.error.kind(), found.error.what());
  std::sort(out.begin(), out.end());
  return out;
}

bool has(const Checked& checked, std::size_t at, std::string_view words) {
  return std::any_of(
      checked.violations.begin(), checked.violations.end(),
      [&](const Violation& found) { return found.at.value() == at && says(found.error, words); });
}

template <std::size_t N>
void check_reported(const BrokenRagzip (&cases)[N]) {
  for (const BrokenRagzip& c : cases) {
    DYNAMIC_SECTION(c.what) {
      ThreePages parts;
      c.change(parts);
      const Checked out = checked(parts.file());
      INFO(shown(out));
      CHECK(has(out, (parts.*c.about)(), c.says));
      for (const Violation& found : out.violations)
        CHECK((found.error.kind() == c.kind || found.error.kind() == ErrorKind::corrupt));
    }
  }
}

bool decodes(const Bytes& file, const Bytes& content) {
  const MemorySource source(file);
  MemorySink sink;
  const bool success = !failure_of([&] { decode_ragzip(source, sink, {}); });
  return success && sink.bytes == content;
}

// Pages that deflate to 26 bytes.
Bytes letters(std::size_t pages) {
  Bytes out;
  for (std::size_t i = 0; i < pages; ++i)
    out.insert(out.end(), kPage, static_cast<std::uint8_t>('a' + i));
  return out;
}

void flip_crc(Bytes& file, const GzipPart& page) {
  file[page.offset.value() + page.size - 8] ^= 1;
}

void set_slot_at(Bytes& file, GzOffset index, std::size_t slot, std::uint64_t value) {
  for (std::size_t i = 0; i < 8; ++i)
    file[index.value() + 16 + 8 * slot + i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
}

// P P P 1:2 P P 1:2 P 1:2 2:2 2:1 3:2
struct SixPages {
  Bytes content = letters(6);
  Bytes file = ragzip_of(content, 1);
  std::vector<GzipPart> parts = parts_of(file);
};

}  // namespace

TEST_CASE("ragzip_check: a sound file of any geometry breaks no rule", "[ragzip_check]") {
  for (const int page_bits : {9, 11, 18}) {
    for (const int index_bits : {1, 2, 10, 12}) {
      for (const std::size_t size : {0U, 1U, 512U, 513U, 2048U, 2049U, 30'001U}) {
        const Bytes file = ragzip_of(mixed_bytes(size), index_bits, page_bits);
        const Checked out = checked(file);
        INFO(size << " bytes, pages of 2^" << page_bits << ", indexes of 2^" << index_bits);
        INFO(shown(out));
        CHECK(out.violations.empty());
        CHECK(out.result.bytes_checked == size);
        CHECK(out.result.pages_checked == pages_for(size, page_bits));
        REQUIRE(out.result.geometry);
        CHECK(out.result.geometry->page_bits == page_bits);
        CHECK(out.result.geometry->index_bits == index_bits);
        CHECK(out.result.geometry->logical_size == size);
      }
    }
  }
}

TEST_CASE("ragzip_check: what other writers may do breaks no rule", "[ragzip_check]") {
  for (const ForeignRagzip& c : kForeign) {
    DYNAMIC_SECTION(c.what) {
      ThreePages parts;
      c.change(parts);
      const Checked out = checked(parts.file());
      INFO(shown(out));
      CHECK(out.violations.empty());
      CHECK(out.result.pages_checked == 3);
    }
  }
}

TEST_CASE("ragzip_check: a page that is not what it should be is reported at its begin",
          "[ragzip_check]") {
  check_reported(kBrokenPages);
}

TEST_CASE("ragzip_check: an index that breaks one rule is reported at its begin",
          "[ragzip_check]") {
  check_reported(kBrokenIndexes);
}

TEST_CASE("ragzip_check: a slot too many is one report, the pages are sound", "[ragzip_check]") {
  ThreePages parts;
  parts.slots = {GzOffset(0), GzOffset(parts.page1_at()), GzOffset(parts.page2_at()),
                 GzOffset(parts.page2_at() + 1)};
  const Checked out = checked(parts.file());
  INFO(shown(out));
  CHECK(out.violations.size() == 1);
  CHECK(out.result.pages_checked == 3);
}

TEST_CASE("ragzip_check: a footer that breaks one rule is reported", "[ragzip_check]") {
  check_reported(kBrokenFooters);
}

TEST_CASE("ragzip_check: an extension that breaks one rule is reported", "[ragzip_check]") {
  check_reported(kBrokenExtensions);
}

TEST_CASE("ragzip_check: content that belongs to no page is reported", "[ragzip_check]") {
  const Bytes lone = page_member(as_bytes("x"));
  const char* const words = "belongs to no page";
  SECTION("in front of the first page") {
    ThreePages parts;
    const std::size_t page1 = parts.page1_at();
    const std::size_t page2 = parts.page2_at();
    parts.page0 = joined({lone, parts.page0});
    parts.slots = {GzOffset(lone.size()), GzOffset(lone.size() + page1),
                   GzOffset(lone.size() + page2)};
    const Checked out = checked(parts.file());
    CHECK(out.violations.size() == 1);
    CHECK(has(out, 0, words));
    CHECK(out.result.pages_checked == 3);
  }
  SECTION("behind a page") {
    ThreePages parts;
    parts.page1 = joined({parts.page1, lone});
    const Checked out = checked(parts.file());
    CHECK(out.violations.size() == 1);
    CHECK(has(out, parts.page1_at(), words));
  }
  SECTION("between the index and the footer") {
    ThreePages parts;
    parts.extensions = lone;
    const Checked out = checked(parts.file());
    CHECK(out.violations.size() == 1);
    CHECK(has(out, parts.page2_at(), words));
  }
  SECTION("in a file of nothing") {
    const Checked out = checked(joined({lone, encode_footer({0, 10, 18, 0, 0, -1})}));
    CHECK(out.violations.size() == 1);
    CHECK(has(out, 0, words));
  }
}

TEST_CASE("ragzip_check: what is no ragzip file is one violation, of the whole", "[ragzip_check]") {
  CHECK(has(checked({}), 0, "a footer alone has 64"));
  CHECK(has(checked(Bytes(63)), 0, "63 bytes"));
  const Bytes gzip = page_member(mixed_bytes(1000));
  const Checked out = checked(gzip);
  CHECK(out.violations.size() == 1);
  CHECK(has(out, gzip.size() - 64, "footer"));
  CHECK_FALSE(out.result.geometry);
  CHECK(out.result.bytes_checked == 1000);
}

TEST_CASE("ragzip_check: three faults are three reports", "[ragzip_check]") {
  SECTION("in three pages") {
    SixPages six;
    for (const std::size_t part : {0U, 4U, 7U})
      flip_crc(six.file, six.parts[part]);
    const Checked out = checked(six.file);
    INFO(shown(out));
    CHECK(out.violations.size() == 3);
    for (const std::size_t part : {0U, 4U, 7U})
      CHECK(has(out, six.parts[part].offset.value(), "CRC32"));
    CHECK(out.result.pages_checked == 3);
  }
  SECTION("in a footer, an extension and a page") {
    ThreePages parts;
    parts.page1[parts.page1.size() - 8] ^= 1;
    const auto at = static_cast<std::int64_t>(parts.footer_at());
    parts.extensions = extension(-1, 0x80, 7, {});
    parts.footer.extension_tail = at;
    Bytes file = parts.file();
    file[file.size() - kFooterSize + 16 + 4] = 9;
    const Checked out = checked(file);
    INFO(shown(out));
    CHECK(out.violations.size() == 3);
    CHECK(has(out, parts.footer_at(), "reserved byte is 9"));
    CHECK(has(out, parts.extension_at(), "later ragzip specification"));
    CHECK(has(out, parts.page1_at(), "CRC32"));
  }
  SECTION("in one footer") {
    ThreePages parts;
    Bytes file = parts.file();
    const std::size_t footer = parts.footer_at();
    file[footer + 16 + 3] = 1;
    file[footer + 16 + 4] = 1;
    file[footer + 16 + 7] = 8;
    const Checked out = checked(file);
    INFO(shown(out));
    CHECK(out.violations.size() == 3);
    CHECK(has(out, footer, "version 1.1"));
    CHECK(has(out, footer, "reserved byte"));
    CHECK(has(out, footer, "page exponent 8"));
  }
}

TEST_CASE("ragzip_check: a broken index does not hide a broken page elsewhere", "[ragzip_check]") {
  for (const std::size_t index : {3U, 6U, 8U}) {
    for (const std::size_t page : {0U, 1U, 2U, 4U, 5U, 7U}) {
      SixPages six;
      six.file[six.parts[index].offset.value() + 12] = 'X';
      flip_crc(six.file, six.parts[page]);
      const Checked out = checked(six.file);
      INFO("part " << index << " and part " << page << "\n" << shown(out));
      CHECK(out.violations.size() == 2);
      CHECK(has(out, six.parts[index].offset.value(), "not RA"));
      CHECK(has(out, six.parts[page].offset.value(), "CRC32"));
    }
  }
}

TEST_CASE("ragzip_check: behind a top index that cannot be read the members are walked",
          "[ragzip_check]") {
  SixPages six;
  six.file[six.parts.end()[-2].offset.value() + 12] = 'X';
  const Checked sound = checked(six.file);
  CHECK(sound.violations.size() == 1);
  CHECK(sound.result.bytes_checked == six.content.size());
  flip_crc(six.file, six.parts[5]);
  const Checked out = checked(six.file);
  INFO(shown(out));
  CHECK(out.violations.size() == 2);
  CHECK(has(out, six.parts[5].offset.value(), "CRC32"));
}

TEST_CASE("ragzip_check: what decode_ragzip refuses breaks a rule, what it accepts breaks none",
          "[ragzip_check]") {
  ThreePages with_extension;
  with_extension.footer.extension_tail = static_cast<std::int64_t>(with_extension.footer_at());
  with_extension.extensions = extension(-1, 1, 7, {1, 2, 3});
  struct Case {
    const char* what;
    Bytes content;
    Bytes file;
  };
  const Case cases[] = {{"six pages", letters(6), ragzip_of(letters(6), 1)},
                        {"one page", letters(1), ragzip_of(letters(1), 1)},
                        {"no page", {}, ragzip_of({}, 1)},
                        {"an extension", with_extension.content, with_extension.file()}};
  for (const Case& c : cases) {
    DYNAMIC_SECTION(c.what) {
      const auto check_same = [&](const Bytes& file, const std::string& what) {
        const bool accepted = decodes(file, c.content);
        const Checked out = checked(file);
        if (accepted != out.violations.empty())
          FAIL(what << ": " << (accepted ? "decoded" : "refused") << ", but check says\n"
                    << shown(out));
      };
      for (std::size_t size = 0; size < c.file.size(); ++size) {
        check_same({c.file.begin(), c.file.begin() + static_cast<std::ptrdiff_t>(size)},
                   "cut at " + std::to_string(size));
      }
      for (std::size_t at = 0; at < c.file.size(); ++at) {
        for (const int flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
          Bytes bad = c.file;
          bad[at] = static_cast<std::uint8_t>(bad[at] ^ flip);
          check_same(bad, "byte " + std::to_string(at) + " ^ " + std::to_string(flip));
        }
      }
    }
  }
}

TEST_CASE("ragzip_check: with any slot naming any member it agrees with decode_ragzip",
          "[ragzip_check]") {
  const SixPages six;
  std::size_t changed = 0;
  for (const GzipPart& index : six.parts) {
    if (index.ident != "RA" || index.payload.size() % 8 != 0) continue;
    for (std::size_t slot = 0; slot < index.payload.size() / 8; ++slot) {
      for (const GzipPart& other : six.parts) {
        Bytes bad = six.file;
        set_slot_at(bad, index.offset, slot, other.offset.value());
        const Checked out = checked(bad);
        INFO("slot " << slot << " of the index at " << index.offset.value() << " names "
                     << other.offset.value() << "\n"
                     << shown(out));
        CHECK(out.violations.empty() == decodes(bad, six.content));
        ++changed;
      }
    }
  }
  CHECK(changed > 100);
}

TEST_CASE("ragzip_check: an index that names itself or an earlier index does not loop",
          "[ragzip_check]") {
  // 33 levels: each visit of a slot that was visited before would double the work.
  const Bytes content = letters(2);
  const std::vector<GzipPart> pages = parts_of(ragzip_of(content, 1));
  Bytes file = ragzip_of(content, 1);
  file.resize(pages[2].offset.value());
  std::vector<GzOffset> indexes;
  for (int level = 1; level <= 33; ++level) {
    const std::vector<GzOffset> slots =
        level == 1 ? std::vector<GzOffset>{pages[0].offset, pages[1].offset}
                   : std::vector<GzOffset>{indexes.back(), indexes.back() + 1};
    indexes.emplace_back(file.size());
    file = joined({file, encode_metadata_member("RA", encode_index(slots))});
  }
  const ByteCount size = (ByteCount{1} << 33) * kPage;
  const Bytes hostile = joined(
      {file,
       encode_footer({33, 1, 9, size, static_cast<std::int64_t>(indexes.back().value()), -1})});
  const Checked out = checked(hostile);
  CHECK_FALSE(out.violations.empty());
  CHECK(out.violations.size() < 200);
  SECTION("each slot names the same index") {
    Bytes twice = hostile;
    for (std::size_t level = 1; level < indexes.size(); ++level) {
      set_slot_at(twice, indexes[level], 0, indexes[level - 1].value());
      set_slot_at(twice, indexes[level], 1, indexes[level - 1].value());
    }
    CHECK(checked(twice).violations.size() < 200);
  }
  SECTION("each index names itself") {
    Bytes itself = hostile;
    for (const GzOffset index : indexes) {
      set_slot_at(itself, index, 0, index.value());
      set_slot_at(itself, index, 1, index.value());
    }
    CHECK(has(checked(itself), indexes.back().value(), "slot 0"));
  }
}

TEST_CASE("ragzip_check: a footer that claims 2^60 bytes costs no memory and little reading",
          "[ragzip_check]") {
  const ByteCount claimed = ByteCount{1} << 60;
  for (const int page_bits : {9, 30}) {
    for (const int index_bits : {1, 10, 12}) {
      const int levels = levels_for(pages_for(claimed, page_bits), index_bits);
      Bytes file = page_member(mixed_bytes(100));
      const auto top = static_cast<std::int64_t>(file.size());
      const std::vector<GzOffset> slots = {GzOffset(0), GzOffset(3)};
      file = joined({file, encode_metadata_member("RA", encode_index(slots)),
                     encode_footer({levels, index_bits, page_bits, claimed, top, -1})});
      const MemorySource source(file);
      std::uint64_t told = 0;
      const RagzipCheck result = check_ragzip(source, 0, [&](const Violation&) { ++told; }, {});
      INFO("pages of 2^" << page_bits << ", indexes of 2^" << index_bits);
      CHECK(told > 0);
      CHECK(told < 10);
      CHECK(result.pages_checked == 0);
      CHECK(source.bytes_read() < 100 * file.size());
    }
  }
  // The same with a single page, which must be looked at.
  const Bytes one = joined(
      {page_member(mixed_bytes(100)), encode_footer({0, 10, 30, ByteCount{1} << 30, 0, -1})});
  CHECK(has(checked(one), 0, "cannot come out of"));
}

TEST_CASE("ragzip_check: any number of workers reports the same", "[ragzip_check]") {
  const SixPages six;
  for (std::size_t at = 0; at < six.file.size(); ++at) {
    Bytes bad = six.file;
    bad[at] ^= 0x24;
    const Checked alone = checked(bad, 0);
    for (const unsigned workers : {1U, 7U}) {
      const Checked many = checked(bad, workers);
      INFO("byte " << at << ", " << workers << " workers");
      REQUIRE(told(many) == told(alone));
      REQUIRE(many.result.pages_checked == alone.result.pages_checked);
      REQUIRE(many.result.bytes_checked == alone.result.bytes_checked);
    }
  }
}

TEST_CASE("ragzip_check: a failing read is no violation, it comes out", "[ragzip_check]") {
  const Bytes file = ragzip_of(mixed_bytes(60'000), 2);
  const MemorySource source(file);
  Faults none = Faults::none();
  check_ragzip(FaultySource(source, none), 0, [](const Violation&) {}, {});
  REQUIRE(none.calls() > 3);
  for (std::uint64_t call = 1; call <= none.calls(); ++call) {
    Faults faults = Faults::at_call(call, Error(ErrorKind::transient, "line cut"));
    const FaultySource faulty(source, faults);
    std::uint64_t told = 0;
    const Error error =
        failed([&] { return check_ragzip(faulty, 0, [&](const Violation&) { ++told; }, {}); });
    CHECK(error.kind() == ErrorKind::transient);
    CHECK(told == 0);
  }
}
