#include "support/expect.h"
#include "support/ragzip_cases.h"
#include "tape/ragzip_reader.h"

using namespace tape;

namespace {

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

template <std::size_t N>
void check_refused(const BrokenRagzip (&cases)[N]) {
  for (const BrokenRagzip& c : cases) {
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

}  // namespace

TEST_CASE("ragzip_reader: a page that is not what it should be is corrupt", "[ragzip_reader]") {
  check_refused(kBrokenPages);
}

TEST_CASE("ragzip_reader: an index that breaks one rule is corrupt", "[ragzip_reader]") {
  check_refused(kBrokenIndexes);
}

TEST_CASE("ragzip_reader: a footer that breaks one rule is refused", "[ragzip_reader]") {
  check_refused(kBrokenFooters);
}

TEST_CASE("ragzip_reader: an extension that breaks one rule is refused", "[ragzip_reader]") {
  check_refused(kBrokenExtensions);
}

TEST_CASE("ragzip_reader: what other writers may do is read", "[ragzip_reader]") {
  for (const ForeignRagzip& c : kForeign) {
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
