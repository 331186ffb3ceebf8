#include "tape/ragzip_file.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "codec/deflate.h"
#include "format/gzip_format.h"
#include "format/ragzip_format.h"
#include "support/expect.h"
#include "support/faulty.h"
#include "support/memory_io.h"
#include "support/ragzip_by_hand.h"
#include "support/ragzip_parts.h"
#include "support/samples.h"

using namespace tape;

namespace {

struct Mode {
  const char* what;
  IndexMode mode;
};
constexpr Mode kModes[] = {
    {"cached", IndexMode::cached}, {"loaded", IndexMode::loaded}, {"direct", IndexMode::direct}};

RagzipFileOptions with(IndexMode mode) {
  RagzipFileOptions options;
  options.index.mode = mode;
  return options;
}

bool reads_right(const RagzipFile& file, const Bytes& content, std::size_t at, std::size_t size) {
  Bytes out(size, 0xA5);
  const std::size_t n = file.read_at(LogicalOffset(at), out);
  const std::size_t expected = at < content.size() ? std::min(size, content.size() - at) : 0;
  return n == expected &&
         std::equal(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n),
                    content.begin() + static_cast<std::ptrdiff_t>(std::min(at, content.size())));
}

// Reads the beginning of every page, last page first, so that nothing is found behind the page
// before: each is the content or a failure of kind corrupt or unsupported.
void right_or_refused(const Bytes& file, const Bytes& content, const std::string& what) {
  const MemorySource source(file);
  for (const Mode& mode : kModes) {
    const auto may_refuse = [&](auto&& step) {
      const auto failure = failure_of(step);
      if (failure && failure->kind() != ErrorKind::corrupt &&
          failure->kind() != ErrorKind::unsupported)
        FAIL(what << ", " << mode.what << ": " << failure->kind() << ", " << failure->what());
    };
    may_refuse([&] {
      const RagzipFile opened(source, with(mode.mode));
      for (std::size_t page = content.size() / kPage + 2; page-- > 0;) {
        may_refuse([&] {
          if (!reads_right(opened, content, page * kPage + 7, 20))
            FAIL(what << ", " << mode.what << ": other bytes in page " << page << ", no error");
        });
      }
    });
  }
}

std::string all_of(RagzipCursor& cursor) {
  Bytes out(100'000);
  out.resize(cursor.read(out));
  return as_text(out);
}

}  // namespace

TEST_CASE("ragzip_file: read_at any offset gives the content in each mode", "[ragzip_file]") {
  for (const Mode& mode : kModes) {
    for (const int index_bits : {1, 2, 10}) {
      for (const std::size_t size : {0U, 1U, 512U, 513U, 1024U, 1025U, 8705U}) {
        DYNAMIC_SECTION(mode.what << ", " << size << " bytes, indexes of 2^" << index_bits) {
          const Bytes content = mixed_bytes(size);
          const Bytes bytes = ragzip_of(content, index_bits);
          const MemorySource source(bytes);
          const RagzipFile file(source, with(mode.mode));
          for (std::size_t at = 0; at <= size + 2; at += 1 + size / 1000) {
            for (const std::size_t n : {std::size_t{1}, std::size_t{511}, std::size_t{1500}}) {
              if (!reads_right(file, content, at, n)) FAIL(n << " bytes at " << at);
            }
          }
          CHECK(reads_right(file, content, ~std::size_t{0}, 1));
        }
      }
    }
  }
}

TEST_CASE("ragzip_file: with any byte changed each page is right or refused", "[ragzip_file]") {
  const Bytes content = mixed_bytes(5 * kPage + 100, 3);
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

TEST_CASE("ragzip_file: with any slot naming any member each page is right or refused",
          "[ragzip_file]") {
  const Bytes content = mixed_bytes(8 * kPage + 100, 4);
  const Bytes file = ragzip_of(content, 1);
  const std::vector<GzipPart> parts = parts_of(file);
  std::size_t changed = 0;
  for (const GzipPart& index : parts) {
    if (index.ident != "RA" || index.payload.size() % 8 != 0) continue;
    for (std::size_t slot = 0; slot < index.payload.size() / 8; ++slot) {
      for (const GzipPart& other : parts) {
        Bytes bad = file;
        const std::size_t at = index.offset.value() + 16 + 8 * slot;
        for (std::size_t i = 0; i < 8; ++i)
          bad[at + i] = static_cast<std::uint8_t>(other.offset.value() >> (56 - 8 * i));
        right_or_refused(bad, content,
                         "slot " + std::to_string(slot) + " of the index at " +
                             std::to_string(index.offset.value()) + " names " +
                             std::to_string(other.offset.value()));
        ++changed;
      }
    }
  }
  CHECK(changed > 200);
}

TEST_CASE("ragzip_file: an end that the footer invents is refused, not announced",
          "[ragzip_file]") {
  const Bytes content = mixed_bytes(2 * kPage + 100);
  Bytes file = ragzip_of(content, 2);
  const std::size_t size_at = file.size() - 64 + 16 + 8 + 7;
  file[size_at] = static_cast<std::uint8_t>(file[size_at] - 50);
  const MemorySource source(file);
  for (const Mode& mode : kModes) {
    DYNAMIC_SECTION(mode.what) {
      const RagzipFile opened(source, with(mode.mode));
      CHECK(reads_right(opened, content, 600, 100));
      Bytes out(10);
      CHECK(failed([&] { opened.read_at(LogicalOffset(2 * kPage + 60), out); }).kind() ==
            ErrorKind::corrupt);
      RagzipCursor cursor(opened);
      CHECK(failed([&] { cursor.seek(-1000, Whence::end); }).kind() == ErrorKind::corrupt);
    }
  }
}

TEST_CASE("ragzip_file: a page that no index names is never given out as content",
          "[ragzip_file]") {
  const Bytes content = mixed_bytes(5 * kPage);
  const std::vector<GzipPart> parts = parts_of(ragzip_of(content, 10));
  const Bytes file = ragzip_of(content, 10);
  const ByteView hidden = ByteView(file).first(parts[0].size);
  // Behind which page it stands; 4 is the last one.
  for (const std::size_t behind : {1U, 3U, 4U}) {
    MemorySink sink;
    RagzipAssembler assembler(sink, {9, 10, true});
    for (std::size_t page = 0; page < 5; ++page) {
      const ByteView own = ByteView(file).subspan(parts[page].offset.value(), parts[page].size);
      Bytes members(own.begin(), own.end());
      if (page == behind) members.insert(members.end(), hidden.begin(), hidden.end());
      assembler.add_page(members, parts[page].content.size());
    }
    assembler.finish_pages();
    assembler.finish();
    const MemorySource source(sink.bytes);
    for (const Mode& mode : kModes) {
      DYNAMIC_SECTION(mode.what << ", behind page " << behind) {
        const RagzipFile opened(source, with(mode.mode));
        for (std::size_t page = 4; page-- > 0;)
          CHECK(reads_right(opened, content, page * kPage, kPage));
        RagzipFileOptions options = with(mode.mode);
        options.page_cache_bytes = 0;
        const RagzipFile fresh(source, options);
        RagzipCursor cursor(fresh);
        Bytes out(content.size());
        CHECK(failed([&] { cursor.read(out); }).kind() == ErrorKind::corrupt);
        // Not at the end only, where the index costs nothing.
        if (mode.mode == IndexMode::direct || behind == 4) continue;
        cursor.seek(0, Whence::begin);
        CHECK(failed([&] { cursor.read(MutableBytes(out).first((behind + 2) * kPage)); }).kind() ==
              ErrorKind::corrupt);
      }
    }
  }
}

TEST_CASE("ragzip_file: another file behind, with the same indexes, is refused", "[ragzip_file]") {
  for (const std::size_t size : {0U, 100U, 5000U}) {
    const Bytes content = mixed_bytes(size);
    const Bytes once = ragzip_of(content, 2);
    Bytes twice = once;
    twice.insert(twice.end(), once.begin(), once.end());
    const MemorySource source(twice);
    INFO(size << " bytes");
    if (size == 0) {  // nothing, twice
      CHECK(reads_right(RagzipFile(source), content, 0, 10));
      continue;
    }
    CHECK(failed([&] { reads_right(RagzipFile(source), content, 0, 10); }).kind() ==
          ErrorKind::corrupt);
  }
}

TEST_CASE("ragzip_file: direct look-ups check a header again for other slots", "[ragzip_file]") {
  // The top index names the index of the last page, which has one slot, a second time, as a full
  // one: 4096 slots would reach behind the file.
  const auto append = [](Bytes& out, const Bytes& member) {
    out.insert(out.end(), member.begin(), member.end());
    return GzOffset(out.size() - member.size());
  };
  Bytes bytes = encode_metadata_member("ZZ", Bytes(40'000));
  Bytes page = {kPageHeader.begin(), kPageHeader.end()};
  const Bytes content(kPage, 'q');
  make_zlib_deflater(6)->deflate(content, page);
  append_trailer(page, crc32(content), content.size());
  const GzOffset first = append(bytes, page);
  const GzOffset index = append(bytes, encode_metadata_member("RA", encode_index({first})));
  RagzipFooter footer{2, 12, 9, (4 * 4096 + 1) * kPage, -1, -1};
  footer.top_index = static_cast<std::int64_t>(
      append(bytes, encode_metadata_member(
                        "RA", encode_index({GzOffset(1), index, GzOffset(index.value() + 1),
                                            GzOffset(0), index})))
          .value());
  append(bytes, encode_footer(footer));
  const MemorySource source(bytes);  // which throws another exception for a read behind its end
  const RagzipFile file(source, with(IndexMode::direct));
  Bytes out(10);
  static_cast<void>(failure_of([&] { file.read_at(LogicalOffset(4 * 4096 * kPage), out); }));
  for (const std::uint64_t number : {4096U, 4096U + 4000U, 2U * 4096U - 1U})
    CHECK(failed([&] { file.read_at(LogicalOffset(number * kPage), out); }).kind() ==
          ErrorKind::corrupt);
}

TEST_CASE("ragzip_file: a run of empty members in front of a page is not read again for each",
          "[ragzip_file]") {
  const Bytes content = mixed_bytes(2 * kPage);
  const Bytes file = ragzip_of(content, 2);
  const std::vector<GzipPart> parts = parts_of(file);
  MemorySink sink;
  RagzipAssembler assembler(sink, {9, 2, true});
  for (std::size_t page = 0; page < 2; ++page) {
    Bytes members;
    for (int i = 0; page == 1 && i < 100'000; ++i)
      members.insert(members.end(),
                     {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    const ByteView own = ByteView(file).subspan(parts[page].offset.value(), parts[page].size);
    members.insert(members.end(), own.begin(), own.end());
    assembler.add_page(members, kPage);
  }
  assembler.finish_pages();
  assembler.finish();
  const MemorySource source(sink.bytes);
  const RagzipFile opened(source);
  CHECK(reads_right(opened, content, kPage, kPage));
  CHECK(source.reads.size() < 100);
}

TEST_CASE("ragzip_file: direct look-ups read slots, never an index", "[ragzip_file]") {
  Random random(21);
  const Bytes content = random_bytes(random, 300 * kPage);
  const Bytes bytes = ragzip_of(content, 4);
  const MemorySource source(bytes);
  RagzipFileOptions options = with(IndexMode::direct);
  options.tail_bytes = 64;
  options.page_cache_bytes = 0;
  const RagzipFile file(source, options);
  for (const std::size_t at : {std::size_t{100} * kPage, std::size_t{17} * kPage}) {
    source.reads.clear();
    CHECK(reads_right(file, content, at, 10));
    std::size_t small = 0;
    for (const GzRange& read : source.reads)
      small += read.size <= 24 ? 1 : 0;
    CHECK(small == source.reads.size() - 1);  // all but the page
  }
}

TEST_CASE("ragzip_file: cached keeps as many indexes of a level as it is told", "[ragzip_file]") {
  Random random(22);
  const Bytes content = random_bytes(random, 64 * kPage);
  const Bytes bytes = ragzip_of(content, 3);  // 64 pages, 8 + 1 indexes
  for (const std::size_t kept : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
    DYNAMIC_SECTION(kept << " of each level") {
      const MemorySource source(bytes);
      RagzipFileOptions options = with(IndexMode::cached);
      options.index.indexes_a_level = kept;
      options.page_cache_bytes = 0;
      options.tail_bytes = 64;
      const RagzipFile file(source, options);
      const auto reads_for = [&](std::size_t page) {
        source.reads.clear();
        CHECK(reads_right(file, content, page * kPage + 1, 10));
        return source.reads.size() - 1;
      };
      // Pages 1, 9 and 17 lie below three level 1 indexes.
      CHECK(reads_for(1) == 2);
      CHECK(reads_for(9) == 1);
      CHECK(reads_for(17) == 1);
      CHECK(reads_for(19) == 0);
      CHECK(reads_for(11) == (kept >= 2 ? 0 : 1));
      CHECK(reads_for(3) == (kept >= 3 ? 0 : 1));
    }
  }
}

TEST_CASE("ragzip_file: loaded reads every index once, at the opening", "[ragzip_file]") {
  Random random(23);
  const Bytes content = random_bytes(random, 64 * kPage);
  const Bytes bytes = ragzip_of(content, 2);
  const MemorySource source(bytes);
  RagzipFileOptions options = with(IndexMode::loaded);
  options.tail_bytes = 64;
  options.page_cache_bytes = 0;
  const RagzipFile file(source, options);
  CHECK(source.reads.size() == 1 + 21);
  source.reads.clear();
  for (const std::size_t page : {60U, 3U, 31U})
    CHECK(reads_right(file, content, page * kPage, 10));
  CHECK(source.reads.size() == 3);
}

TEST_CASE("ragzip_file: loaded finds a broken index at the opening", "[ragzip_file]") {
  const Bytes content = mixed_bytes(64 * kPage);
  const Bytes bytes = ragzip_of(content, 2);
  for (const GzipPart& part : parts_of(bytes)) {
    if (part.ident != "RA" || part.payload.size() % 8 != 0) continue;
    Bytes bad = bytes;
    bad[part.offset.value() + 16] = 0x7F;
    const MemorySource source(bad);
    CHECK(failed([&] { RagzipFile(source, with(IndexMode::loaded)); }).kind() ==
          ErrorKind::corrupt);
  }
}

TEST_CASE("ragzip_file: a page that is kept is not read again, within the budget",
          "[ragzip_file]") {
  Random random(24);
  const Bytes content = random_bytes(random, 64 * kPage);
  const Bytes bytes = ragzip_of(content, 10);
  const MemorySource source(bytes);
  RagzipFileOptions options = with(IndexMode::loaded);
  options.page_cache_bytes = 3 * kPage;
  const RagzipFile file(source, options);
  const auto reads_for = [&](std::size_t page) {
    source.reads.clear();
    CHECK(reads_right(file, content, page * kPage + 1, 10));
    return source.reads.size();
  };
  for (const std::size_t page : {40U, 30U, 20U})
    CHECK(reads_for(page) == 1);
  for (const std::size_t page : {40U, 30U, 20U})
    CHECK(reads_for(page) == 0);
  CHECK(reads_for(10) == 1);  // 40 was used longest ago
  CHECK(reads_for(30) == 0);
  CHECK(reads_for(40) == 1);
}

TEST_CASE("ragzip_file: reading on does not ask the index again", "[ragzip_file]") {
  Random random(25);
  const Bytes content = random_bytes(random, 64 * kPage);
  const Bytes bytes = ragzip_of(content, 2);
  const MemorySource source(bytes);
  RagzipFileOptions options = with(IndexMode::direct);
  options.tail_bytes = 64;
  options.walk_bytes = 0;
  const RagzipFile file(source, options);
  RagzipCursor cursor(file);
  cursor.seek(5 * kPage, Whence::begin);
  Bytes out(10 * kPage);
  CHECK(cursor.read(MutableBytes(out).first(kPage)) == kPage);
  source.reads.clear();
  CHECK(cursor.read(out) == out.size());
  CHECK(std::equal(out.begin(), out.end(), content.begin() + 6 * kPage));
  for (const GzRange& read : source.reads)
    CHECK(read.size > 24);
}

TEST_CASE("ragzip_file: reading on asks for walk_bytes at once", "[ragzip_file]") {
  Random random(26);
  const Bytes content = random_bytes(random, 2000 * kPage);
  const Bytes bytes = ragzip_of(content, 10);
  const MemorySource source(bytes);
  RagzipFileOptions options;
  options.walk_bytes = ByteCount{400} << 10;
  const RagzipFile file(source, options);
  RagzipCursor cursor(file);
  Bytes out(content.size());
  source.reads.clear();
  CHECK(cursor.read(out) == out.size());
  CHECK(out == content);
  CHECK(source.reads.size() <= 8);  // two pages, and the rest in pieces
}

TEST_CASE("ragzip_cursor: seeks from the begin, from where it stands and from the end",
          "[ragzip_file]") {
  const Bytes content = mixed_bytes(3 * kPage + 10);
  const std::string text = as_text(content);
  const Bytes bytes = ragzip_of(content, 1);
  const MemorySource source(bytes);
  const RagzipFile file(source);
  RagzipCursor cursor(file);
  CHECK(cursor.tell().value() == 0);
  CHECK(all_of(cursor) == text);
  CHECK(cursor.tell().value() == content.size());
  CHECK(all_of(cursor).empty());
  CHECK(cursor.seek(-20, Whence::end).value() == content.size() - 20);
  CHECK(all_of(cursor) == text.substr(content.size() - 20));
  cursor.seek(700, Whence::begin);
  CHECK(cursor.seek(-100, Whence::current).value() == 600);
  CHECK(all_of(cursor) == text.substr(600));
  cursor.seek(100, Whence::end);
  CHECK(all_of(cursor).empty());
  cursor.seek(5, Whence::begin);
  const auto limit = static_cast<std::int64_t>((std::uint64_t{1} << 62) - 1);
  for (const std::int64_t bad : {std::int64_t{-6}, INT64_MIN, INT64_MAX, limit}) {
    INFO(bad);
    CHECK(failed([&] { cursor.seek(bad, Whence::current); }).kind() == ErrorKind::usage);
    CHECK(cursor.tell().value() == 5);
  }
  CHECK(cursor.seek(limit, Whence::begin).value() == static_cast<std::uint64_t>(limit));
}

TEST_CASE("ragzip_file: many threads and cursors read the right bytes", "[ragzip_file]") {
  const Bytes content = mixed_bytes(200 * kPage + 77);
  const Bytes bytes = ragzip_of(content, 2);
  const SharedSource source(bytes);
  for (const Mode& mode : kModes) {
    DYNAMIC_SECTION(mode.what) {
      RagzipFileOptions options = with(mode.mode);
      options.page_cache_bytes = 8 * kPage;
      const RagzipFile file(source, options);
      std::atomic<int> wrong = 0;
      std::vector<std::jthread> threads;
      for (std::uint64_t seed = 0; seed < 6; ++seed) {
        threads.emplace_back([&, seed] {
          Random random(seed);
          RagzipCursor cursor(file);
          for (int round = 0; round < 300; ++round) {
            const std::size_t at = below(random, content.size());
            const std::size_t size = below(random, 2000);
            if (seed % 2 == 0) {
              if (!reads_right(file, content, at, size)) ++wrong;
              continue;
            }
            Bytes out(std::min(size, content.size() - at));
            cursor.seek(static_cast<std::int64_t>(at), Whence::begin);
            if (cursor.read(out) != out.size() ||
                !std::equal(out.begin(), out.end(),
                            content.begin() + static_cast<std::ptrdiff_t>(at)))
              ++wrong;
          }
        });
      }
      threads.clear();
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("ragzip_file: whichever read fails, the failure comes out and a new try is right",
          "[ragzip_file]") {
  const Bytes content = mixed_bytes(40 * kPage);
  const Bytes bytes = ragzip_of(content, 1);
  const MemorySource source(bytes);
  for (const Mode& mode : kModes) {
    DYNAMIC_SECTION(mode.what) {
      RagzipFileOptions options = with(mode.mode);
      options.tail_bytes = 64;
      Faults none = Faults::none();
      {
        const FaultySource counted(source, none);
        const RagzipFile file(counted, options);
        CHECK(reads_right(file, content, 0, content.size()));
      }
      REQUIRE(none.calls() > 3);
      std::size_t failures = 0;
      for (std::uint64_t call = 1; call <= none.calls(); ++call) {
        Faults faults = Faults::at_call(call, Error(ErrorKind::transient, "line cut"));
        const FaultySource faulty(source, faults);
        std::unique_ptr<RagzipFile> file;
        if (failure_of([&] { file = std::make_unique<RagzipFile>(faulty, options); })) {
          ++failures;
          continue;
        }
        Bytes out(content.size());
        INFO("call " << call);
        CHECK(failed([&] { return file->read_at(LogicalOffset(0), out); }).kind() ==
              ErrorKind::transient);
        ++failures;
        CHECK(reads_right(*file, content, 0, content.size()));
      }
      CHECK(failures == none.calls());
    }
  }
}
