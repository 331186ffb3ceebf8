#include "codec/deflate.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "support/expect.h"
#include "support/samples.h"

using namespace tape;

namespace {

struct EngineCase {
  const char* what;
  Engine engine;
  int level;
};
constexpr EngineCase kEngineCases[] = {
    {"zlib 1", Engine::zlib, 1},
    {"zlib 6", Engine::zlib, 6},
    {"zlib 9", Engine::zlib, 9},
    {"libdeflate 1", Engine::libdeflate, 1},
    {"libdeflate 6", Engine::libdeflate, 6},
    {"libdeflate 12", Engine::libdeflate, 12},
    {"isal 0", Engine::isal, 0},
    {"isal 1", Engine::isal, 1},
    {"isal 2", Engine::isal, 2},
    {"isal 3", Engine::isal, 3},
};

// Of the engines that this build has.
std::vector<EngineCase> engines() {
  std::vector<EngineCase> out;
  for (const EngineCase& c : kEngineCases)
    if (!engine_version(c.engine).empty()) out.push_back(c);
  return out;
}

Bytes deflated(const EngineCase& c, ByteView in) {
  Bytes out;
  make_deflater(c.engine, c.level)->deflate(in, out);
  return out;
}

std::vector<std::unique_ptr<Inflater>> inflaters() {
  std::vector<std::unique_ptr<Inflater>> out;
  out.push_back(make_libdeflate_inflater());
  out.push_back(make_zlib_inflater());
  return out;
}

Bytes words(Random& random, std::size_t size) {
  constexpr const char* kWords[] = {"page ", "volume ", "member ", "index ", "tape ", "header\n"};
  std::string out;
  while (out.size() < size)
    out += kWords[below(random, std::size(kWords))];
  out.resize(size);
  return {out.begin(), out.end()};
}

std::vector<Bytes> inputs() {
  Random random(6);
  std::vector<Bytes> out;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{512},
                                 std::size_t{65'535}, std::size_t{65'536}, std::size_t{1} << 20}) {
    out.push_back(random_bytes(random, size));
    out.emplace_back(size);
    out.push_back(mixed_bytes(size));
    out.push_back(words(random, size));
  }
  return out;
}

}  // namespace

TEST_CASE("deflate: what was deflated inflates to the same bytes", "[deflate]") {
  for (const EngineCase& c : engines()) {
    for (const Bytes& in : inputs()) {
      INFO(c.what << ", " << in.size() << " bytes");
      const Bytes stream = deflated(c, in);
      for (const auto& inflater : inflaters()) {
        Bytes out(in.size());
        const auto result = inflater->inflate(stream, out);
        CHECK(result.outcome == InflateOutcome::done);
        CHECK(result.consumed == stream.size());
        CHECK(result.produced == in.size());
        CHECK((out == in));  // its bytes would fill the screen
      }
    }
  }
}

TEST_CASE("deflate: no stream is longer than its bound", "[deflate]") {
  Random random(7);
  for (const EngineCase& c : engines()) {
    const auto deflater = make_deflater(c.engine, c.level);
    for (const Bytes& in : inputs()) {
      INFO(c.what << ", " << in.size() << " bytes");
      CHECK(deflated(c, in).size() <= deflater->bound(in.size()));
    }
    for (std::size_t size = 0; size < 600; ++size) {
      INFO(c.what << ", " << size << " bytes of noise");
      CHECK(deflated(c, random_bytes(random, size)).size() <= deflater->bound(size));
    }
  }
}

TEST_CASE("deflate: an engine is found by its name, and no other name is one", "[deflate]") {
  for (const Engine engine : kEngines)
    CHECK(engine_named(engine_name(engine)) == engine);
  for (const char* name : {"", "lzma", "zlib ", "ISAL"})
    CHECK_FALSE(engine_named(name));
}

TEST_CASE("deflate: what an engine does where nothing is said is one of its levels", "[deflate]") {
  for (const Engine engine : kEngines) {
    const LevelRange levels = levels_of(engine);
    CHECK(levels.first <= levels.usual);
    CHECK(levels.usual <= levels.last);
  }
}

TEST_CASE("deflate: an engine is refused, by its library's name, just where it has no version",
          "[deflate]") {
  for (const Engine engine : kEngines) {
    const auto failure = failure_of([&] { check_engine(engine); });
    CHECK(failure.has_value() == engine_version(engine).empty());
    if (failure) CHECK(failure->kind() == ErrorKind::usage);
    if (failure) CHECK(says(*failure, "libisal"));
  }
}

TEST_CASE("deflate: one deflater gives equal bytes for equal input, whatever came between",
          "[deflate]") {
  for (const EngineCase& c : engines()) {
    DYNAMIC_SECTION(c.what) {
      const auto deflater = make_deflater(c.engine, c.level);
      const Bytes in = mixed_bytes(5000);
      Bytes first;
      deflater->deflate(in, first);
      Bytes other = {7, 7};
      deflater->deflate(mixed_bytes(60'000, 2), other);
      CHECK(Bytes(other.begin(), other.begin() + 2) == Bytes{7, 7});
      Bytes second;
      deflater->deflate(in, second);
      CHECK(second == first);
      CHECK(second == deflated(c, in));
    }
  }
}

TEST_CASE("deflate: the engines and levels are those asked for", "[deflate]") {
  const Bytes in = mixed_bytes(100'000);
  std::vector<Bytes> streams;
  for (const EngineCase& c : engines())
    streams.push_back(deflated(c, in));
  for (std::size_t i = 0; i < streams.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      INFO(kEngineCases[i].what << " and " << kEngineCases[j].what);
      CHECK((streams[i] != streams[j]));
    }
  }
}

TEST_CASE("deflate: a stream with more behind it says where it ended", "[deflate]") {
  const Bytes in = mixed_bytes(3000);
  Bytes stream = deflated(kEngineCases[1], in);
  const std::size_t size = stream.size();
  stream.resize(size + 100, 0xAB);
  for (const auto& inflater : inflaters()) {
    for (const std::size_t room : {in.size(), in.size() + 50}) {
      Bytes out(room);
      const auto result = inflater->inflate(stream, out);
      CHECK(result.outcome == InflateOutcome::done);
      CHECK(result.consumed == size);
      CHECK(result.produced == in.size());
    }
  }
}

TEST_CASE("deflate: a stream cut anywhere is bad_or_cut", "[deflate]") {
  const Bytes in = mixed_bytes(700);
  const Bytes stream = deflated(kEngineCases[1], in);
  for (const auto& inflater : inflaters()) {
    for (std::size_t size = 0; size < stream.size(); ++size) {
      Bytes out(in.size());
      if (inflater->inflate(ByteView(stream).first(size), out).outcome !=
          InflateOutcome::bad_or_cut)
        FAIL(size << " of " << stream.size());
    }
  }
}

TEST_CASE("deflate: more than the room is too_long, also with room for nothing", "[deflate]") {
  const Bytes in = mixed_bytes(700);
  const Bytes stream = deflated(kEngineCases[1], in);
  for (const auto& inflater : inflaters()) {
    for (const std::size_t room : {std::size_t{0}, std::size_t{1}, in.size() / 2, in.size() - 1}) {
      Bytes out(room);
      INFO(room);
      CHECK(inflater->inflate(stream, out).outcome == InflateOutcome::too_long);
    }
  }
}

TEST_CASE("deflate: nothing inflates to nothing in no room", "[deflate]") {
  const Bytes stored = {1, 0, 0, 0xFF, 0xFF};
  const Bytes fixed = {3, 0};
  for (const auto& inflater : inflaters()) {
    CHECK(inflater->inflate(stored, {}).outcome == InflateOutcome::done);
    CHECK(inflater->inflate(fixed, {}).consumed == 2);
    CHECK(inflater->inflate({}, {}).outcome == InflateOutcome::bad_or_cut);
  }
}

TEST_CASE("deflate: an inflater is as good after damage as before", "[deflate]") {
  const Bytes in = mixed_bytes(700);
  const Bytes stream = deflated(kEngineCases[1], in);
  Random random(17);
  for (const auto& inflater : inflaters()) {
    for (int round = 0; round < 300; ++round) {
      Bytes bad = stream;
      bad[below(random, bad.size())] = static_cast<std::uint8_t>(random());
      Bytes out(in.size());
      inflater->inflate(bad, out);
      CHECK(inflater->inflate(stream, out).outcome == InflateOutcome::done);
      CHECK(out == in);
    }
  }
}

TEST_CASE("deflate: crc32 is that of RFC 1952", "[deflate]") {
  CHECK(crc32({}) == 0);
  CHECK(crc32(as_bytes("123456789")) == 0xCBF43926);
  CHECK(crc32(crc32(as_bytes("1234")), as_bytes("56789")) == 0xCBF43926);
  CHECK(crc32(7, {}) == 7);
}
