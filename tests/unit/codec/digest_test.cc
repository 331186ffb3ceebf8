#include "codec/digest.h"

#include "support/catch.h"
#include "support/samples.h"

using namespace tape;

TEST_CASE("digest: XXH3-128 is canonical, seed 0", "[digest]") {
  CHECK(hex(xxh3_128({})) == "99aa06d3014798d86001c324468d497f");
  // docs/format.md §4.5
  CHECK(hex(xxh3_128(as_bytes("hello\n"))) == "6bba86c7e069f56d5a10b435f1c8e49c");
}

TEST_CASE("digest: XXH3-64 is seed 0", "[digest]") {
  CHECK(xxh3_64({}) == 0x2D06800538D394C2);
}

TEST_CASE("digest: a stream in any cutting has the digest of the whole", "[digest]") {
  const Bytes bytes = mixed_bytes(10'000);
  Xxh3Stream stream;
  for (const std::size_t piece : {1U, 7U, 240U, 241U, 1024U, 9999U, 10'000U}) {
    stream.reset();
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      stream.update(ByteView(bytes).subspan(at, std::min(piece, bytes.size() - at)));
    INFO(piece);
    CHECK(stream.digest() == xxh3_128(bytes));
  }
}

TEST_CASE("digest: a stream goes on in another one at any place", "[digest]") {
  const Bytes bytes = mixed_bytes(5000);
  const ByteView all(bytes);
  // The sizes at which XXH3 changes its way: short inputs, its buffer, a block of stripes.
  for (const std::size_t size : {0U, 1U, 16U, 17U, 128U, 240U, 241U, 255U, 256U, 257U, 511U, 512U,
                                 513U, 1023U, 1024U, 1025U, 4096U, 5000U}) {
    INFO(size);
    Xxh3Stream first;
    first.update(all.first(size));
    Xxh3Stream second;
    second.update(as_bytes("what was there before is nobody's business"));
    REQUIRE(second.load(first.save()));
    CHECK(second.digest() == xxh3_128(all.first(size)));
    second.update(all.subspan(size));
    CHECK(second.digest() == xxh3_128(bytes));
  }
}

TEST_CASE("digest: a saved stream of another library or size is not gone on with", "[digest]") {
  Xxh3Stream stream;
  stream.update(as_bytes("hello"));
  const Bytes saved = stream.save();
  Bytes other = saved;
  other[3] ^= 1;  // of the version
  CHECK_FALSE(stream.load(other));
  CHECK_FALSE(stream.load(ByteView(saved).first(saved.size() - 1)));
  CHECK_FALSE(stream.load({}));
  Bytes full = saved;
  full[20] = 0xFF;  // more in the buffer than it holds
  CHECK_FALSE(stream.load(full));
  CHECK(stream.load(saved));
}

TEST_CASE("digest: reading a digest does not end the stream", "[digest]") {
  Xxh3Stream stream;
  stream.update(as_bytes("hel"));
  CHECK(stream.digest() == xxh3_128(as_bytes("hel")));
  stream.update(as_bytes("lo"));
  CHECK(stream.digest() == xxh3_128(as_bytes("hello")));
  stream.reset();
  CHECK(stream.digest() == xxh3_128({}));
}

TEST_CASE("digest: a frame is the length as u64 big endian, then the bytes", "[digest]") {
  Xxh3Stream framed;
  framed.update_framed(as_bytes("abc"));
  framed.update_framed({});
  const Bytes plain = {0, 0, 0, 0, 0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 0, 0, 0, 0, 0};
  CHECK(framed.digest() == xxh3_128(plain));
}

TEST_CASE("digest: hex is lower case, high digit first", "[digest]") {
  CHECK(hex(Hash128{0x01, 0x23, 0xAB}) == "0123ab00000000000000000000000000");
}
