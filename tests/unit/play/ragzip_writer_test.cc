#include "tape/ragzip_writer.h"

#include <algorithm>

#include "format/ragzip_format.h"
#include "support/expect.h"
#include "support/faulty.h"
#include "support/memory_io.h"
#include "support/ragzip_parts.h"
#include "support/samples.h"

using namespace tape;

namespace {

constexpr std::size_t kPage = 512;

RagzipOptions geometry(int index_bits, Engine engine = Engine::libdeflate) {
  RagzipOptions options;
  options.engine = engine;
  options.level = levels_of(engine).usual;
  options.page_bits = 9;
  options.index_bits = index_bits;
  return options;
}

Bytes written(const Bytes& content, const RagzipOptions& options, std::size_t piece = 1 << 20) {
  MemorySink sink;
  RagzipWriter writer(sink, options, nullptr);
  for (std::size_t at = 0; at < content.size(); at += piece)
    writer.write(ByteView(content).subspan(at, std::min(piece, content.size() - at)));
  writer.finish_pages();
  writer.finish();
  return std::move(sink.bytes);
}

Bytes unzipped(const Bytes& file) {
  Bytes out;
  for (const GzipPart& part : parts_of(file))
    out.insert(out.end(), part.content.begin(), part.content.end());
  return out;
}

// Whole pages, no two of them alike.
Bytes pages(std::size_t count) {
  Bytes out;
  for (std::size_t page = 0; page < count; ++page)
    out.resize(out.size() + kPage, static_cast<std::uint8_t>(page + 1));
  return out;
}

struct Layout {
  int index_bits;
  std::size_t pages;
  int levels;
  const char* parts;
};

// docs/format.md §3.3. An index is written when the next offset for it arrives, so several indexes
// of one level may stand in the tail.
constexpr Layout kLayouts[] = {
    {1, 0, 0, "P"},
    {1, 1, 0, "P"},
    {1, 2, 1, "P P 1:2"},
    {1, 3, 2, "P P P 1:2 1:1 2:2"},
    {1, 4, 2, "P P P 1:2 P 1:2 2:2"},
    {1, 5, 3, "P P P 1:2 P P 1:2 1:1 2:2 2:1 3:2"},
    {1, 9, 4, "P P P 1:2 P P 1:2 P P 1:2 2:2 P P 1:2 1:1 2:2 2:1 3:2 3:1 4:2"},
    {1, 16, 4,
     "P P P 1:2 P P 1:2 P P 1:2 2:2 P P 1:2 P P 1:2 2:2 P P 1:2 P P 1:2 2:2 3:2 "
     "P 1:2 2:2 3:2 4:2"},
    {1, 17, 5,
     "P P P 1:2 P P 1:2 P P 1:2 2:2 P P 1:2 P P 1:2 2:2 P P 1:2 P P 1:2 2:2 3:2 "
     "P P 1:2 1:1 2:2 2:1 3:2 3:1 4:2 4:1 5:2"},
    {2, 1, 0, "P"},
    {2, 2, 1, "P P 1:2"},
    {2, 4, 1, "P P P P 1:4"},
    {2, 5, 2, "P P P P P 1:4 1:1 2:2"},
    {2, 16, 2, "P P P P P 1:4 P P P P 1:4 P P P P 1:4 P P P 1:4 2:4"},
    {2, 17, 3, "P P P P P 1:4 P P P P 1:4 P P P P 1:4 P P P P 1:4 1:1 2:4 2:1 3:2"},
    {4, 16, 1, "P P P P P P P P P P P P P P P P 1:16"},
    {4, 17, 2, "P P P P P P P P P P P P P P P P P 1:16 1:1 2:2"},
};

class PlacesSeen final : public PageObserver {
 public:
  void page_written(std::uint64_t number, GzRange place, ByteView) override {
    CHECK(number == places.size());
    places.push_back(place);
  }
  std::vector<GzRange> places;
};

}  // namespace

TEST_CASE("ragzip_writer: pages and indexes stand as the table says", "[ragzip_writer]") {
  for (const Layout& c : kLayouts) {
    DYNAMIC_SECTION(c.pages << " pages, indexes of 2^" << c.index_bits) {
      const Bytes content = pages(c.pages);
      const Bytes file = written(content, geometry(c.index_bits));
      CHECK(layout_of(file) == c.parts);
      CHECK(unzipped(file) == content);
      const std::vector<GzipPart> parts = parts_of(file);
      REQUIRE(parts.back().size == kFooterSize);
      const RagzipFooter footer = decode_footer(parts.back().payload);
      CHECK(footer.levels == c.levels);
      CHECK(footer.index_bits == c.index_bits);
      CHECK(footer.page_bits == 9);
      CHECK(footer.logical_size == content.size());
      CHECK(footer.extension_tail == -1);
      const GzOffset top = c.levels == 0 ? GzOffset(0) : parts[parts.size() - 2].offset;
      CHECK(footer.top_index == static_cast<std::int64_t>(top.value()));
    }
  }
}

TEST_CASE("ragzip_writer: the slots of all indexes name each page once, in order",
          "[ragzip_writer]") {
  for (const Layout& c : kLayouts) {
    const Bytes file = written(pages(c.pages), geometry(c.index_bits));
    std::vector<GzOffset> found;
    std::vector<GzOffset> expected;
    for (const GzipPart& part : parts_of(file)) {
      if (part.ident.empty()) expected.push_back(part.offset);
      if (part.ident != "RA" || part.payload.size() % 8 != 0) continue;
      for (const GzOffset slot : slots_of(part)) {
        const bool page = Bytes(&file[slot.value()], &file[slot.value()] + 10) ==
                          Bytes(kPageHeader.begin(), kPageHeader.end());
        if (page) found.push_back(slot);
      }
    }
    INFO(c.pages << " pages, indexes of 2^" << c.index_bits);
    if (c.levels > 0) CHECK(found == expected);
    if (c.levels == 0) CHECK(expected == std::vector<GzOffset>{GzOffset(0)});
  }
}

TEST_CASE("ragzip_writer: the empty input is 84 bytes", "[ragzip_writer]") {
  const Bytes file = written({}, geometry(10));
  Bytes expected = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  RagzipFooter footer;
  footer.index_bits = 10;
  footer.page_bits = 9;
  const Bytes end = encode_footer(footer);
  expected.insert(expected.end(), end.begin(), end.end());
  CHECK(file == expected);
  CHECK(file.size() == 84);
}

TEST_CASE("ragzip_writer: a size that is a multiple of the page adds no empty page",
          "[ragzip_writer]") {
  for (std::size_t size = kPage - 1; size <= kPage + 1; ++size) {
    const Bytes file = written(mixed_bytes(size), geometry(10));
    CHECK(layout_of(file) == (size <= kPage ? "P" : "P P 1:2"));
    for (const GzipPart& part : parts_of(file))
      CHECK(part.content.empty() == !part.ident.empty());
  }
}

TEST_CASE("ragzip_writer: any cutting of the input gives the same bytes", "[ragzip_writer]") {
  for (const Engine engine : kEngines) {
    if (engine_version(engine).empty()) continue;
    for (const std::size_t size : {std::size_t{1}, kPage, std::size_t{5000}, 16 * kPage}) {
      const Bytes content = mixed_bytes(size);
      const Bytes whole = written(content, geometry(1, engine));
      CHECK(unzipped(whole) == content);
      for (const std::size_t piece : {1U, 2U, 511U, 512U, 513U, 1024U, 3000U}) {
        INFO(size << " bytes in pieces of " << piece);
        CHECK(written(content, geometry(1, engine), piece) == whole);
      }
    }
  }
}

TEST_CASE("ragzip_writer: zero pages have equal bytes, and nearly zero pages their own",
          "[ragzip_writer]") {
  Bytes content = pages(7);
  for (const std::size_t page : {1U, 2U, 4U, 5U, 6U})
    std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(page * kPage), kPage, 0);
  content[4 * kPage] = 1;                // page 4 begins with it
  content[6 * kPage - 1] = 1;            // page 5 ends with it
  content.resize(content.size() + 100);  // a short last page of zeros
  const Bytes file = written(content, geometry(10));
  CHECK(unzipped(file) == content);
  const std::vector<GzipPart> parts = parts_of(file);
  const auto member = [&](std::size_t page) {
    const auto begin = file.begin() + static_cast<std::ptrdiff_t>(parts[page].offset.value());
    return Bytes(begin, begin + static_cast<std::ptrdiff_t>(parts[page].size));
  };
  CHECK(member(1) == member(2));
  CHECK(member(1) == member(6));
  CHECK(member(4) != member(1));
  CHECK(member(5) != member(1));
  CHECK(member(7) != member(1));
}

TEST_CASE("ragzip_writer: the observer hears each page's number and place", "[ragzip_writer]") {
  MemorySink sink;
  PlacesSeen seen;
  RagzipWriter writer(sink, geometry(1), &seen);
  writer.write(pages(9));
  CHECK(seen.places.size() == 9);  // each as soon as it is full
  writer.finish_pages();
  writer.finish();
  std::vector<GzipPart> parts = parts_of(sink.bytes);
  std::erase_if(parts, [](const GzipPart& part) { return !part.ident.empty(); });
  REQUIRE(seen.places.size() == parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    CHECK(seen.places[i].begin == parts[i].offset);
    CHECK(seen.places[i].size == parts[i].size);
  }
  CHECK(writer.page_count() == 9);
  CHECK(writer.logical_size() == 9 * kPage);
  CHECK(writer.position().value() == sink.bytes.size());
}

TEST_CASE("ragzip_writer: extensions and members made elsewhere stand behind the indexes",
          "[ragzip_writer]") {
  MemorySink sink;
  RagzipWriter writer(sink, geometry(1), nullptr);
  writer.write(pages(3));
  writer.finish_pages();
  const GzOffset indexes_end = writer.position();
  CHECK(writer.append_member(encode_metadata_member("TM", Bytes{1, 2, 3})) == indexes_end);
  writer.add_extension(7, Bytes{0xAA});
  writer.add_extension(0xFFFFFFFF, {});
  writer.finish();
  const std::vector<GzipPart> parts = parts_of(sink.bytes);
  const std::size_t n = parts.size();
  CHECK(parts[n - 4].ident == "TM");
  CHECK(parts[n - 5].offset == writer.top_index());
  CHECK(parts[n - 4].offset == indexes_end);
  const ExtensionHead first = decode_extension(parts[n - 3].payload);
  const ExtensionHead second = decode_extension(parts[n - 2].payload);
  CHECK(first.previous == -1);
  CHECK(first.id == 7);
  CHECK(first.flags == 0);
  CHECK(parts[n - 3].payload.back() == 0xAA);
  CHECK(second.previous == static_cast<std::int64_t>(parts[n - 3].offset.value()));
  CHECK(second.id == 0xFFFFFFFF);
  CHECK(decode_footer(parts[n - 1].payload).extension_tail ==
        static_cast<std::int64_t>(parts[n - 2].offset.value()));
}

TEST_CASE("ragzip_writer: the 51st extension is refused at once", "[ragzip_writer]") {
  MemorySink sink;
  RagzipWriter writer(sink, geometry(1), nullptr);
  writer.finish_pages();
  for (std::uint32_t id = 0; id < 50; ++id)
    writer.add_extension(id, {});
  const GzOffset before = writer.position();
  const Error error = failed([&] { writer.add_extension(50, {}); });
  CHECK(error.kind() == ErrorKind::usage);
  CHECK(writer.position() == before);
  writer.finish();
  CHECK(parts_of(sink.bytes).size() == 1 + 50 + 1);
}

TEST_CASE("ragzip_writer: an extension past an EXTRA field of 16384 bytes is refused at once",
          "[ragzip_writer]") {
  for (const bool compat : {true, false}) {
    DYNAMIC_SECTION("compat " << compat) {
      RagzipOptions options = geometry(1);
      options.compat = compat;
      const std::size_t limit = compat ? 16384 - 4 - 13 : 32768;
      MemorySink sink;
      RagzipWriter writer(sink, options, nullptr);
      writer.finish_pages();
      const GzOffset before = writer.position();
      const Error error = failed([&] { writer.add_extension(1, Bytes(limit + 1)); });
      CHECK(error.kind() == ErrorKind::usage);
      CHECK(writer.position() == before);
      writer.add_extension(1, Bytes(limit));
      writer.finish();
      CHECK(parts_of(sink.bytes)[1].payload.size() == limit + 13);
    }
  }
}

TEST_CASE("ragzip_writer: no EXTRA field of a compatible file passes 16384 bytes",
          "[ragzip_writer]") {
  const Bytes content(1025 * kPage);
  const Bytes file = written(content, geometry(10));
  std::size_t largest = 0;
  for (const GzipPart& part : parts_of(file))
    largest = std::max(largest, part.payload.size() + kSubfieldHead);
  CHECK(largest == 8 * 1024 + 4);
  CHECK(largest <= kExtraMaxCompatible);
}

TEST_CASE("ragzip_writer: each option is taken at its limits and refused one past them",
          "[ragzip_writer]") {
  struct Case {
    const char* what;
    void (*set)(RagzipOptions& options, int value);
    int low;
    int high;
    const char* says;
  };
  constexpr Case kCases[] = {
      {"libdeflate level", [](RagzipOptions& o, int v) { o.level = v; }, 1, 12, "--level"},
      {"zlib level", [](RagzipOptions& o, int v) { o.level = v, o.engine = Engine::zlib; }, 1, 9,
       "--level"},
      {"isal level", [](RagzipOptions& o, int v) { o.level = v, o.engine = Engine::isal; }, 0, 3,
       "--level"},
      {"page", [](RagzipOptions& o, int v) { o.page_bits = v; }, 9, 30, "--page-size"},
      {"index, compatible", [](RagzipOptions& o, int v) { o.index_bits = v; }, 1, 10,
       "--index-exponent"},
      {"index", [](RagzipOptions& o, int v) { o.index_bits = v, o.compat = false; }, 1, 12,
       "--index-exponent"},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      RagzipOptions options;
      c.set(options, c.low);
      if (engine_version(options.engine).empty()) continue;
      for (const int value : {c.low, c.high}) {
        c.set(options, value);
        CHECK_FALSE(failure_of([&] { check_options(options); }));
      }
      for (const int value : {c.low - 1, c.high + 1}) {
        c.set(options, value);
        const Error error = failed([&] { check_options(options); });
        CHECK(error.kind() == ErrorKind::usage);
        CHECK(says(error, c.says));
        CHECK(says(error, std::to_string(c.low) + " to " + std::to_string(c.high)) ==
              (c.low != 9));  // page sizes are said as powers
        MemorySink sink;
        CHECK(failed([&] { RagzipWriter(sink, options, nullptr); }).kind() == ErrorKind::usage);
      }
    }
  }
}

TEST_CASE("ragzip_writer: what the sink fails with comes out at whichever write it fails",
          "[ragzip_writer]") {
  const auto write_all = [](ByteSink& sink) {
    RagzipWriter writer(sink, geometry(1), nullptr);
    writer.write(pages(5));
    writer.finish_pages();
    writer.add_extension(1, {});
    writer.finish();
  };
  MemorySink good;
  Faults none = Faults::none();
  FaultySink counted(good, none);
  write_all(counted);
  REQUIRE(none.calls() > 10);
  for (std::uint64_t call = 1; call <= none.calls(); ++call) {
    MemorySink sink;
    Faults faults = Faults::at_call(call, Error(ErrorKind::exhausted, "full"));
    FaultySink faulty(sink, faults);
    INFO("call " << call);
    CHECK(failed([&] { write_all(faulty); }).kind() == ErrorKind::exhausted);
    CHECK(faults.calls() == call);
    CHECK(std::equal(sink.bytes.begin(), sink.bytes.end(), good.bytes.begin()));
  }
}

TEST_CASE("ragzip_writer: an abandoned writer leaves no footer", "[ragzip_writer]") {
  MemorySink sink;
  {
    RagzipWriter writer(sink, geometry(1), nullptr);
    writer.write(pages(3));
    writer.finish_pages();
  }
  for (const GzipPart& part : parts_of(sink.bytes))
    CHECK((part.ident.empty() || part.payload.size() % 8 == 0));
}
