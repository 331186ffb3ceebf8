#include "tape/ragzip_decode.h"

#include <algorithm>

#include "support/expect.h"
#include "support/ragzip_cases.h"
#include "support/ragzip_parts.h"

using namespace tape;

namespace {

constexpr unsigned kWorkers[] = {0, 1, 2, 7};

DecodeOptions with(unsigned workers) {
  DecodeOptions options;
  options.workers = workers;
  return options;
}

struct Decoded {
  Bytes bytes;
  std::optional<Error> failure;
};

Decoded decoded(const Bytes& file, unsigned workers = 0) {
  const SharedSource source(file);
  MemorySink sink;
  Decoded out;
  out.failure = failure_of([&] { decode_ragzip(source, sink, with(workers)); });
  CHECK_FALSE(sink.finished);
  out.bytes = std::move(sink.bytes);
  return out;
}

bool is_prefix(const Bytes& bytes, const Bytes& content) {
  return bytes.size() <= content.size() && std::equal(bytes.begin(), bytes.end(), content.begin());
}

bool of_the_format(const Error& error) {
  return error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::unsupported;
}

// The content and success, or a failure behind a part of the content.
void right_or_refused(const Bytes& file, const Bytes& content, const std::string& what) {
  for (const unsigned workers : {0U, 2U}) {
    const Decoded out = decoded(file, workers);
    const std::string where = what + ", " + std::to_string(workers) + " workers: ";
    if (!is_prefix(out.bytes, content)) FAIL(where << "other bytes were written");
    if (!out.failure && out.bytes != content) FAIL(where << "bytes are missing, no error");
    if (out.failure && !of_the_format(*out.failure)) FAIL(where << out.failure->what());
  }
}

// Refused with these words by any number of workers, and nothing but `content` was written.
void check_refused(const Bytes& file, const Bytes& content, const char* words) {
  for (const unsigned workers : kWorkers) {
    INFO(workers << " workers");
    const Decoded out = decoded(file, workers);
    REQUIRE(out.failure);
    INFO(out.failure->what());
    CHECK(out.failure->kind() == ErrorKind::corrupt);
    CHECK(says(*out.failure, words));
    CHECK(is_prefix(out.bytes, content));
  }
}

template <std::size_t N>
void check_all_refused(const BrokenRagzip (&cases)[N]) {
  for (const BrokenRagzip& c : cases) {
    DYNAMIC_SECTION(c.what) {
      ThreePages parts;
      const Bytes content = parts.content;
      c.change(parts);
      const Bytes file = parts.file();
      for (const unsigned workers : kWorkers) {
        const Decoded out = decoded(file, workers);
        REQUIRE(out.failure);
        INFO(out.failure->what());
        CHECK(out.failure->kind() == c.kind);
        CHECK(says(*out.failure, c.says));
        CHECK(is_prefix(out.bytes, content));
      }
    }
  }
}

// Pages that deflate to 26 bytes, the last one of 76.
Bytes letters(std::size_t pages) {
  Bytes out;
  for (std::size_t i = 0; i < pages; ++i)
    out.insert(out.end(), i + 1 < pages ? kPage : 76, static_cast<std::uint8_t>('a' + i));
  return out;
}

}  // namespace

TEST_CASE("ragzip_decode: any number of workers gives the content of any geometry",
          "[ragzip_decode]") {
  for (const int page_bits : {9, 11, 18}) {
    for (const int index_bits : {1, 2, 10, 12}) {
      for (const std::size_t size : {0U, 1U, 512U, 513U, 2048U, 2049U, 30'001U}) {
        const Bytes content = mixed_bytes(size);
        const Bytes file = ragzip_of(content, index_bits, page_bits);
        for (const unsigned workers : kWorkers) {
          INFO(size << " bytes, pages of 2^" << page_bits << ", indexes of 2^" << index_bits << ", "
                    << workers << " workers");
          const Decoded out = decoded(file, workers);
          CHECK_FALSE(out.failure);
          CHECK(out.bytes == content);
        }
      }
    }
  }
}

TEST_CASE("ragzip_decode: the geometry is returned, progress is told up to the end",
          "[ragzip_decode]") {
  const Bytes content = mixed_bytes(4 * kPage + 1);
  const Bytes file = ragzip_of(content, 1);
  const SharedSource source(file);
  for (const unsigned workers : kWorkers) {
    MemorySink sink;
    std::vector<ByteCount> told;
    DecodeOptions options = with(workers);
    options.progress = [&](ByteCount done) { told.push_back(done); };
    const RagzipGeometry geometry = decode_ragzip(source, sink, options);
    CHECK(geometry.page_bits == 9);
    CHECK(geometry.levels == 3);
    CHECK(geometry.page_count == 5);
    CHECK(geometry.logical_size == content.size());
    CHECK(told == std::vector<ByteCount>{512, 1024, 1536, 2048, 2049});
  }
}

TEST_CASE("ragzip_decode: what other writers may do is decoded", "[ragzip_decode]") {
  for (const ForeignRagzip& c : kForeign) {
    DYNAMIC_SECTION(c.what) {
      ThreePages parts;
      const Bytes content = parts.content;
      c.change(parts);
      const Bytes file = parts.file();
      for (const unsigned workers : kWorkers) {
        const Decoded out = decoded(file, workers);
        INFO((out.failure ? out.failure->what() : ""));
        CHECK_FALSE(out.failure);
        CHECK(out.bytes == content);
      }
    }
  }
}

TEST_CASE("ragzip_decode: a page that is not what it should be is refused", "[ragzip_decode]") {
  check_all_refused(kBrokenPages);
}

TEST_CASE("ragzip_decode: an index that breaks one rule is refused", "[ragzip_decode]") {
  check_all_refused(kBrokenIndexes);
}

TEST_CASE("ragzip_decode: a footer that breaks one rule is refused", "[ragzip_decode]") {
  check_all_refused(kBrokenFooters);
}

TEST_CASE("ragzip_decode: an extension that breaks one rule is refused", "[ragzip_decode]") {
  check_all_refused(kBrokenExtensions);
}

TEST_CASE("ragzip_decode: content in front of the first page is refused", "[ragzip_decode]") {
  ThreePages parts;
  const Bytes lone = page_member(as_bytes("x"));
  const std::size_t page1 = parts.page1_at();
  const std::size_t page2 = parts.page2_at();
  parts.page0 = joined({lone, parts.page0});
  parts.slots = {GzOffset(lone.size()), GzOffset(lone.size() + page1),
                 GzOffset(lone.size() + page2)};
  check_refused(parts.file(), {}, "belongs to no page");
}

TEST_CASE("ragzip_decode: content between two pages is refused", "[ragzip_decode]") {
  for (const std::size_t page : {0U, 1U}) {
    ThreePages parts;
    Bytes& before = page == 0 ? parts.page0 : parts.page1;
    before = joined({before, page_member(as_bytes("x"))});
    const Bytes file = parts.file();
    Bytes upto = parts.content;
    upto.resize(page * kPage);
    check_refused(file, upto, "belongs to no page");
  }
}

TEST_CASE("ragzip_decode: content between an index and the next page is refused",
          "[ragzip_decode]") {
  const Bytes content = letters(4);
  const Bytes file = ragzip_of(content, 1);
  REQUIRE(layout_of(file) == "P P P 1:2 P 1:2 2:2");
  const std::vector<GzipPart> parts = parts_of(file);
  const Bytes lone = page_member(as_bytes("x"));
  MemorySink sink;
  RagzipAssembler assembler(sink, {9, 1, true});
  for (const std::size_t part : {0U, 1U, 2U, 4U}) {
    const auto begin = file.begin() + static_cast<std::ptrdiff_t>(parts[part].offset.value());
    Bytes members(begin, begin + static_cast<std::ptrdiff_t>(parts[part].size));
    if (part == 2) members = joined({members, lone});
    assembler.add_page(members, parts[part].content.size());
  }
  assembler.finish_pages();
  assembler.finish();
  Bytes upto = content;
  upto.resize(2 * kPage);
  check_refused(sink.bytes, upto, "belongs to no page");
}

TEST_CASE("ragzip_decode: content behind the last page is refused, wherever it stands",
          "[ragzip_decode]") {
  const Bytes lone = page_member(as_bytes("x"));
  SECTION("in front of the index") {
    ThreePages parts;
    parts.page2 = joined({parts.page2, lone});
    check_refused(parts.file(), parts.content, "belongs to no page");
  }
  SECTION("between the index and the footer") {
    ThreePages parts;
    parts.extensions = lone;
    check_refused(parts.file(), parts.content, "belongs to no page");
  }
  SECTION("between two extensions") {
    ThreePages parts;
    const auto first = static_cast<std::int64_t>(parts.footer_at());
    const Bytes one = joined({extension(-1, 0, 1, {}), lone});
    parts.footer.extension_tail = first + static_cast<std::int64_t>(one.size());
    parts.extensions = joined({one, extension(first, 0, 2, {})});
    check_refused(parts.file(), parts.content, "belongs to no page");
  }
  SECTION("behind a single page") {
    const Bytes page = mixed_bytes(100);
    RagzipFooter footer{0, 2, 9, 100, 0, -1};
    check_refused(joined({page_member(page), lone, encode_footer(footer)}), page,
                  "belongs to no page");
  }
  SECTION("zero bytes, which gzip passes over") {
    ThreePages parts;
    parts.extensions = Bytes(20);
    check_refused(parts.file(), parts.content, "magic");
  }
}

TEST_CASE("ragzip_decode: a wrong CRC32 of any page is refused behind the pages in front of it",
          "[ragzip_decode]") {
  const Bytes content = letters(7);
  const Bytes file = ragzip_of(content, 1);
  std::size_t page = 0;
  for (const GzipPart& part : parts_of(file)) {
    if (part.content.empty()) continue;
    Bytes bad = file;
    bad[part.offset.value() + part.size - 8] ^= 0x10;
    Bytes upto = content;
    upto.resize(page * kPage);
    check_refused(bad, upto, "CRC32");
    for (const unsigned workers : kWorkers)
      CHECK(decoded(bad, workers).bytes == upto);
    ++page;
  }
  CHECK(page == 7);
}

TEST_CASE("ragzip_decode: a file cut anywhere is refused", "[ragzip_decode]") {
  const Bytes content = letters(5);
  const Bytes file = ragzip_of(content, 1);
  for (std::size_t size = 0; size < file.size(); ++size) {
    const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    right_or_refused(cut, content, "cut at " + std::to_string(size));
    if (!decoded(cut).failure) FAIL("cut at " << size << " was decoded");
  }
}

TEST_CASE("ragzip_decode: with any byte changed the content is right or refused",
          "[ragzip_decode]") {
  const Bytes content = letters(6);
  const Bytes file = ragzip_of(content, 1);
  REQUIRE(layout_of(file) == "P P P 1:2 P P 1:2 P 1:2 2:2 2:1 3:2");
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (const int flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
      Bytes bad = file;
      bad[at] = static_cast<std::uint8_t>(bad[at] ^ flip);
      right_or_refused(bad, content, "byte " + std::to_string(at) + " ^ " + std::to_string(flip));
    }
  }
}

TEST_CASE("ragzip_decode: nothing is decoded as nothing, with and without a page of nothing",
          "[ragzip_decode]") {
  RagzipFooter footer{0, 10, 18, 0, 0, -1};
  const Bytes alone = encode_footer(footer);
  REQUIRE(alone.size() == 64);
  const Bytes empty_page = joined({page_member({}), alone});
  REQUIRE(empty_page.size() == 84);
  for (const Bytes& file : {alone, empty_page}) {
    for (const unsigned workers : kWorkers) {
      const Decoded out = decoded(file, workers);
      CHECK_FALSE(out.failure);
      CHECK(out.bytes.empty());
    }
  }
}

TEST_CASE("ragzip_decode: content in front of the footer of an empty file is refused",
          "[ragzip_decode]") {
  RagzipFooter footer{0, 10, 18, 0, 0, -1};
  const Bytes end = encode_footer(footer);
  check_refused(joined({page_member(as_bytes("x")), end}), {}, "belongs to no page");
  check_refused(joined({page_member({}), page_member(as_bytes("x")), end}), {},
                "belongs to no page");
}

TEST_CASE("ragzip_decode: a footer is seen by its first bytes, sound or not", "[ragzip_decode]") {
  const auto has = [](const Bytes& file) {
    const MemorySource source(file);
    return has_ragzip_footer(source);
  };
  const Bytes file = ragzip_of(letters(3), 1);
  CHECK(has(file));
  CHECK(has(ragzip_of({}, 1)));
  const std::size_t footer = file.size() - 64;
  for (const std::size_t at : {0U, 1U, 12U, 13U}) {
    Bytes bad = file;
    bad[footer + at] ^= 1;
    CHECK_FALSE(has(bad));
  }
  for (const std::size_t at : {16U, 20U, 23U, 63U}) {
    Bytes unsound = file;
    unsound[footer + at] ^= 1;
    CHECK(has(unsound));
  }
  CHECK_FALSE(has({}));
  CHECK_FALSE(has(Bytes(file.end() - 63, file.end())));
  CHECK(has(Bytes(file.end() - 64, file.end())));
  CHECK_FALSE(has(page_member(mixed_bytes(1000))));
}

TEST_CASE("ragzip_decode: a failing read is reported as it is", "[ragzip_decode]") {
  class Failing final : public RangeSource {
   public:
    explicit Failing(const Bytes& all) : all_(all) {}
    ByteCount size() const override { return all_.size(); }
    std::string name() const override { return "memory"; }
    void read_at(GzOffset at, MutableBytes out) const override {
      if (at == GzOffset(0)) throw Error(ErrorKind::transient, "line cut");
      std::copy_n(all_.begin() + static_cast<std::ptrdiff_t>(at.value()), out.size(), out.begin());
    }

   private:
    const Bytes& all_;
  };
  const Bytes file = ragzip_of(mixed_bytes(60'000), 2);
  const Failing source(file);
  for (const unsigned workers : kWorkers) {
    MemorySink sink;
    CHECK(failed([&] { return decode_ragzip(source, sink, with(workers)); }).kind() ==
          ErrorKind::transient);
  }
}
