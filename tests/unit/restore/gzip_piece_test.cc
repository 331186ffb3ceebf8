#include "restore/gzip_piece.h"

#include <algorithm>

#include "support/expect.h"
#include "support/gzip_members.h"
#include "support/hand_made.h"
#include "support/memory_io.h"
#include "support/samples.h"

using namespace tape;
using test::append;
using test::gzip_member;
using test::GzipShape;

namespace {

struct Pieces {
  std::size_t count = 0;
  std::size_t whole = 0;  // of members, by their own room
  std::size_t untried = 0;
  std::size_t largest = 0;
  Bytes bytes;
};

Pieces pieces_of(ByteView file) {
  const ByteReader reader = [&](MutableBytes out) {
    const std::size_t n = std::min(file.size(), out.size());
    std::copy_n(file.begin(), n, out.begin());
    file = file.subspan(n);
    return n;
  };
  PieceCutter cutter(reader);
  WholeMembers engine;
  GzipPiece piece;
  Pieces out;
  while (cutter.next(piece)) {
    CHECK(piece.at == GzOffset(out.bytes.size()));
    CHECK(piece.room <= kPieceRoomMax);
    append(out.bytes, piece.bytes());
    ++out.count;
    out.largest = std::max(out.largest, piece.size);
    if (!piece.begins_member) ++out.untried;
    piece.inflate(0, engine);
    if (piece.done.consumed == piece.size) ++out.whole;
  }
  return out;
}

Bytes ragzip(ByteView content, int page_bits, int level = 6) {
  MemorySink sink;
  RagzipWriter writer(sink, small_geometry(page_bits, 3), nullptr,
                      [&] { return make_zlib_deflater(level); });
  writer.write(content);
  writer.finish_pages();
  writer.finish();
  return std::move(sink.bytes);
}

}  // namespace

TEST_CASE("gzip_piece: a ragzip file is cut between members only, into many pieces",
          "[gzip_piece]") {
  Bytes content = mixed_bytes(6'000'000);
  content.resize(content.size() + 20'000'000);
  for (const int page_bits : {12, 18, 20}) {
    const Bytes file = ragzip(content, page_bits);
    const Pieces pieces = pieces_of(file);
    INFO("pages of 2^" << page_bits << ", " << pieces.count << " pieces");
    CHECK((pieces.bytes == file));
    CHECK(pieces.count >= 10);
    CHECK(pieces.whole == pieces.count);
  }
}

TEST_CASE("gzip_piece: members of other writers are cut between them only", "[gzip_piece]") {
  Random random(71);
  GzipShape named;
  named.name = "name";
  GzipShape tagged;
  tagged.extra = test::subfield("BC", Bytes{0, 0});
  for (const GzipShape& shape : {named, tagged}) {
    Bytes file;
    for (int i = 0; i < 100; ++i)
      append(file, gzip_member(mixed_bytes(65'000, random()), shape));
    const Pieces pieces = pieces_of(file);
    CHECK((pieces.bytes == file));
    CHECK(pieces.count >= 5);
    CHECK(pieces.whole == pieces.count);
  }
}

TEST_CASE("gzip_piece: headers of members in a page are no place for a cut where one can tell",
          "[gzip_piece]") {
  GzipShape named;
  named.name = "name";
  struct Case {
    const char* what;
    GzipShape shape;
    Bytes before;
  };
  const Case cases[] = {
      {"another header than ours", named, {}},
      {"behind zero bytes, as in a tar", {}, Bytes(512)},
      {"behind what is no ISIZE", {}, Bytes(4, 0xFF)},
  };
  Random random(72);
  for (const Case& c : cases) {
    DYNAMIC_SECTION(c.what) {
      Bytes content;
      while (content.size() < 3'000'000) {
        append(content, c.before);
        append(content, gzip_member(random_bytes(random, 5000), c.shape));
      }
      const Pieces pieces = pieces_of(ragzip(content, 19, 0));  // stored: the headers show
      CHECK(pieces.count >= 5);
      CHECK(pieces.whole == pieces.count);
    }
  }
}

TEST_CASE("gzip_piece: of a member larger than a piece, later parts are not tried",
          "[gzip_piece]") {
  Random random(73);
  Bytes file = gzip_member(random_bytes(random, 3 * kPieceSizeMax));
  for (int i = 0; i < 30; ++i)
    append(file, gzip_member(random_bytes(random, 65'000)));
  const Pieces pieces = pieces_of(file);
  CHECK((pieces.bytes == file));
  CHECK(pieces.largest == kPieceSizeMax);
  CHECK(pieces.untried == 3);
  CHECK(pieces.whole == pieces.count - 4);
}
