#include "tape/gzip_writer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "codec/deflate.h"
#include "format/gzip_format.h"
#include "support/expect.h"
#include "support/faulty.h"
#include "support/memory_io.h"
#include "support/samples.h"
#include "support/temporary_folder.h"

using namespace tape;

namespace {

Bytes zipped(const Bytes& content, int level = 6, std::size_t piece = std::size_t{1} << 20) {
  MemorySink sink;
  GzipWriter writer(sink, level);
  for (std::size_t at = 0; at < content.size(); at += piece)
    writer.write(ByteView(content).subspan(at, std::min(piece, content.size() - at)));
  writer.finish();
  CHECK(writer.size() == content.size());
  return sink.bytes;
}

// What gzip itself makes of it.
std::string gunzipped(const Bytes& file) {
  const test::TemporaryFolder folder;
  test::write_file(folder / "x.gz", as_text(file));
  std::FILE* const pipe = ::popen(("gzip -dc '" + folder / "x.gz'").c_str(), "re");
  REQUIRE(pipe);
  std::string out;
  std::array<char, 65536> piece{};
  while (const std::size_t n = std::fread(piece.data(), 1, piece.size(), pipe))
    out.append(piece.data(), n);
  CHECK(::pclose(pipe) == 0);
  return out;
}

std::vector<Bytes> contents() {
  Random random(3);
  return {{},
          {0},
          mixed_bytes(1000),
          Bytes(std::size_t{3} << 20),
          random_bytes(random, 300'000),
          mixed_bytes(std::size_t{3} << 20)};
}

}  // namespace

TEST_CASE("gzip_writer: what it writes is one member with a plain header, CRC32 and size",
          "[gzip_writer]") {
  for (const Bytes& content : contents()) {
    INFO(content.size() << " bytes");
    const Bytes file = zipped(content);
    REQUIRE(file.size() > kPageHeader.size() + kTrailerSize);
    CHECK(std::equal(kPageHeader.begin(), kPageHeader.end(), file.begin()));
    const ByteView body = ByteView(file).subspan(kPageHeader.size());
    for (const auto& inflater : {make_libdeflate_inflater(), make_zlib_inflater()}) {
      Bytes out(content.size());
      const auto result = inflater->inflate(body, out);
      CHECK(result.outcome == InflateOutcome::done);
      CHECK(result.consumed == body.size() - kTrailerSize);
      CHECK((out == content));
    }
    Bytes trailer;
    append_trailer(trailer, crc32(content), content.size());
    CHECK(Bytes(file.end() - kTrailerSize, file.end()) == trailer);
  }
}

TEST_CASE("gzip_writer: gzip reads it", "[gzip_writer]") {
  for (const Bytes& content : contents())
    CHECK((gunzipped(zipped(content)) == as_text(content)));
}

TEST_CASE("gzip_writer: any cutting of the input gives the same bytes", "[gzip_writer]") {
  const Bytes content = mixed_bytes(300'000);
  const Bytes whole = zipped(content);
  for (const std::size_t piece : {1U, 2U, 1000U, 65'536U, 99'999U}) {
    INFO(piece);
    CHECK((zipped(content, 6, piece) == whole));
  }
}

TEST_CASE("gzip_writer: what it holds does not grow with what it was given", "[gzip_writer]") {
  Random random(5);
  const Bytes noise = random_bytes(random, std::size_t{1} << 20);
  MemorySink sink;
  GzipWriter writer(sink, 1);
  for (int i = 1; i <= 20; ++i) {
    writer.write(noise);
    CHECK(sink.bytes.size() + (std::size_t{512} << 10) > writer.size());
  }
}

TEST_CASE("gzip_writer: levels are 1 to 9, and the higher is the denser", "[gzip_writer]") {
  const Bytes content = mixed_bytes(100'000);
  CHECK(zipped(content, 9).size() < zipped(content, 1).size());
  for (const int level : {-1, 0, 10}) {
    MemorySink sink;
    CHECK(failed([&] { GzipWriter(sink, level); }).kind() == ErrorKind::usage);
    CHECK(sink.bytes.empty());
  }
}

TEST_CASE("gzip_writer: what the sink fails with comes out at whichever write it fails",
          "[gzip_writer]") {
  Random random(9);
  const Bytes content = random_bytes(random, 500'000);
  for (std::uint64_t k = 1;; ++k) {
    MemorySink memory;
    Faults faults = Faults::at_call(k, Error(ErrorKind::io, "planted"));
    FaultySink sink(memory, faults);
    const auto failure = failure_of([&] {
      GzipWriter writer(sink, 1);
      writer.write(content);
      writer.finish();
    });
    if (!failure) {
      CHECK(k > 5);
      break;
    }
    CHECK(failure->kind() == ErrorKind::io);
  }
}
