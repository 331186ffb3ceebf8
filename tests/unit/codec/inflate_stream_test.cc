#include "codec/inflate_stream.h"

#include <algorithm>

#include "codec/deflate.h"
#include "support/expect.h"
#include "support/samples.h"

using namespace tape;

namespace {

using Outcome = StreamInflater::Outcome;

Bytes deflated(ByteView in) {
  Bytes out;
  make_zlib_deflater(6)->deflate(in, out);
  return out;
}

struct Inflated {
  Bytes bytes;
  std::size_t consumed = 0;
  Outcome outcome = Outcome::more_in;
};

// In steps of random sizes up to `most` on both sides, until the stream or the input ends.
Inflated inflated(StreamInflater& inflater, ByteView in, std::size_t most, Random& random) {
  Inflated out;
  while (true) {
    Bytes room(below(random, most + 1));
    const ByteView some =
        in.subspan(out.consumed)
            .first(std::min<std::size_t>(below(random, most + 1), in.size() - out.consumed));
    const auto step = inflater.step(some, room);
    out.bytes.insert(out.bytes.end(), room.begin(),
                     room.begin() + static_cast<std::ptrdiff_t>(step.produced));
    out.consumed += step.consumed;
    out.outcome = step.outcome;
    if (step.outcome == Outcome::done || step.outcome == Outcome::bad) return out;
    if (step.outcome == Outcome::more_in && out.consumed == in.size()) return out;
  }
}

}  // namespace

TEST_CASE("inflate_stream: a stream in steps of any sizes gives its bytes and ends where it ends",
          "[inflate_stream]") {
  Random random(41);
  StreamInflater inflater;
  for (const std::size_t most : {1U, 7U, 500U, 100'000U}) {
    for (const Bytes& content :
         {Bytes(), Bytes{7}, Bytes(100'000), mixed_bytes(20'000), random_bytes(random, 20'000)}) {
      INFO("seed 41, steps up to " << most << ", " << content.size() << " bytes");
      Bytes stream = deflated(content);
      const std::size_t size = stream.size();
      stream.insert(stream.end(), 20, 0xAB);
      inflater.reset();
      const Inflated out = inflated(inflater, stream, most, random);
      CHECK(out.outcome == Outcome::done);
      CHECK(out.consumed == size);
      CHECK(out.bytes == content);
    }
  }
}

TEST_CASE("inflate_stream: a stream that is cut anywhere never ends", "[inflate_stream]") {
  Random random(42);
  const Bytes content = mixed_bytes(3000);
  const Bytes stream = deflated(content);
  StreamInflater inflater;
  for (std::size_t size = 0; size < stream.size(); ++size) {
    inflater.reset();
    const Inflated out = inflated(inflater, ByteView(stream).first(size), 5000, random);
    CHECK(out.outcome == Outcome::more_in);
    CHECK(std::equal(out.bytes.begin(), out.bytes.end(), content.begin()));
  }
}

TEST_CASE("inflate_stream: what is no deflate stream is bad, and stays bad until a reset",
          "[inflate_stream]") {
  StreamInflater inflater;
  Bytes room(100);
  const Bytes reserved = {7, 0, 0};  // a last block of type 3
  CHECK(inflater.step(reserved, room).outcome == Outcome::bad);
  const Bytes empty = {3, 0};
  CHECK(inflater.step(empty, room).outcome == Outcome::bad);
  inflater.reset();
  const auto step = inflater.step(empty, {});
  CHECK(step.outcome == Outcome::done);
  CHECK(step.consumed == 2);
}

TEST_CASE("inflate_stream: nothing to take and no room are no failure", "[inflate_stream]") {
  StreamInflater inflater;
  const Bytes stream = deflated(Bytes{1, 2, 3});
  CHECK(inflater.step({}, {}).outcome == Outcome::more_out);
  CHECK(inflater.step(stream, {}).outcome == Outcome::more_out);
  Bytes room(10);
  CHECK(inflater.step({}, room).outcome == Outcome::more_in);
}

TEST_CASE("crc32: of two halves is that of the whole", "[inflate_stream]") {
  const Bytes bytes = mixed_bytes(1000);
  for (const std::size_t at : {0U, 1U, 500U, 1000U})
    CHECK(crc32(crc32(ByteView(bytes).first(at)), ByteView(bytes).subspan(at)) == crc32(bytes));
}
