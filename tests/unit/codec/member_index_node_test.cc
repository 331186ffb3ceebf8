#include "codec/member_index_node.h"

#include "base/endian.h"
#include "codec/digest.h"
#include "format/gzip_format.h"
#include "support/expect.h"
#include "support/samples.h"

using namespace tape;

namespace {

Bytes payload_of(const Bytes& member) {
  return {member.begin() + 16, member.end() - 10};
}

Bytes node_of(NodeKind kind, std::uint16_t records, const Bytes& body) {
  return encode_node(kind, records, body, *make_zlib_deflater(6));
}

// Makes the XXH3-64 of a node's payload right again.
void seal(Bytes& payload) {
  Bytes covered(payload.begin(), payload.begin() + 8);
  covered.insert(covered.end(), payload.begin() + 16, payload.end());
  Bytes sum;
  append_be(sum, xxh3_64(covered), 8);
  std::copy(sum.begin(), sum.end(), payload.begin() + 8);
}

Tmix example_tmix() {
  Tmix tmix;
  tmix.root.height = 2;
  tmix.root.records = 5000;
  tmix.root.root = {GzOffset(900'000), 300};
  tmix.root.leaves = {GzOffset(800'000), 100'000};
  tmix.root.slice_hash = {1, 2, 3};
  tmix.logical_size = 12'345'678;
  tmix.top_index = 790'000;
  return tmix;
}

}  // namespace

TEST_CASE("member_index_node: a node comes back from its member", "[member_index_node]") {
  Random random(7);
  const auto inflater = make_libdeflate_inflater();
  for (const std::size_t size : {std::size_t{1}, std::size_t{700}, kNodeInflatedMax}) {
    for (const Bytes& body : {mixed_bytes(size), random_bytes(random, size)}) {
      for (const NodeKind kind : {NodeKind::leaf, NodeKind::inner}) {
        const Bytes member = node_of(kind, 7, body);
        CHECK(member.size() <= kNodePayloadMax + kMetadataOverhead);
        const Node node = decode_node(payload_of(member), kind, *inflater);
        CHECK(node.records == 7);
        CHECK(node.body == body);
      }
    }
  }
}

TEST_CASE("member_index_node: the payload is version, kind, records, length, XXH3-64, deflate",
          "[member_index_node]") {
  const Bytes payload = payload_of(node_of(NodeKind::inner, 0x0203, mixed_bytes(0x1122)));
  CHECK(Bytes(payload.begin(), payload.begin() + 8) == Bytes{1, 1, 2, 3, 0, 0, 0x11, 0x22});
  Bytes covered(payload.begin(), payload.begin() + 8);
  covered.insert(covered.end(), payload.begin() + 16, payload.end());
  CHECK(load_be64(&payload[8]) == xxh3_64(covered));
}

TEST_CASE("member_index_node: a node with any bit turned or cut anywhere is corrupt",
          "[member_index_node]") {
  const Bytes good = payload_of(node_of(NodeKind::leaf, 7, mixed_bytes(300)));
  const auto inflater = make_libdeflate_inflater();
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1U << bit % 8);
    const auto failure =
        failure_of([&] { static_cast<void>(decode_node(bad, NodeKind::leaf, *inflater)); });
    if (!failure || failure->kind() != ErrorKind::corrupt) FAIL("bit " << bit);
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto failure = failure_of([&] {
      static_cast<void>(decode_node(ByteView(good).first(size), NodeKind::leaf, *inflater));
    });
    if (!failure || failure->kind() != ErrorKind::corrupt) FAIL("size " << size);
  }
}

TEST_CASE("member_index_node: fields that lie under a right checksum are refused",
          "[member_index_node]") {
  struct Case {
    const char* what;
    void (*change)(Bytes& payload);
    ErrorKind kind;
    const char* says;
  };
  const Case kCases[] = {
      {"version 2", [](Bytes& p) { p[0] = 2; }, ErrorKind::unsupported, "version 2"},
      {"kind 2", [](Bytes& p) { p[1] = 2; }, ErrorKind::corrupt, "kind 2"},
      {"inner where a leaf belongs", [](Bytes& p) { p[1] = 1; }, ErrorKind::corrupt, "leaf"},
      {"no records", [](Bytes& p) { p[2] = p[3] = 0; }, ErrorKind::corrupt, "without records"},
      {"inflated length past the limit", [](Bytes& p) { p[6] = 0x3F, p[7] = 0xAD; },
       ErrorKind::corrupt, "16301"},
      {"inflated length one less", [](Bytes& p) { --p[7]; }, ErrorKind::corrupt, "inflate"},
      {"inflated length one more", [](Bytes& p) { ++p[7]; }, ErrorKind::corrupt, "inflate"},
      {"a byte behind the stream", [](Bytes& p) { p.push_back(0); }, ErrorKind::corrupt, "inflate"},
      {"a stream cut", [](Bytes& p) { p.pop_back(); }, ErrorKind::corrupt, "inflate"},
      {"no stream", [](Bytes& p) { p.resize(16); }, ErrorKind::corrupt, "inflate"},
  };
  const auto inflater = make_libdeflate_inflater();
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      Bytes payload = payload_of(node_of(NodeKind::leaf, 7, mixed_bytes(300)));
      c.change(payload);
      seal(payload);
      const Error error = failed([&] { return decode_node(payload, NodeKind::leaf, *inflater); });
      CHECK(error.kind() == c.kind);
      CHECK(says(error, c.says));
    }
  }
}

TEST_CASE("member_index_node: TMIX comes back, field by field", "[member_index_node]") {
  const Tmix tmix = example_tmix();
  const Bytes payload = encode_tmix(tmix);
  REQUIRE(payload.size() == 80);
  const auto back = decode_tmix(payload);
  REQUIRE(back);
  CHECK(back->root.height == 2);
  CHECK(back->root.records == 5000);
  CHECK(back->root.root.begin == GzOffset(900'000));
  CHECK(back->root.root.size == 300);
  CHECK(back->root.leaves.begin == GzOffset(800'000));
  CHECK(back->root.leaves.size == 100'000);
  CHECK(back->root.slice_hash == tmix.root.slice_hash);
  CHECK(back->logical_size == 12'345'678);
  CHECK(back->top_index == 790'000);
}

TEST_CASE("member_index_node: the TMIX of docs/format.md §4.5 is these bytes",
          "[member_index_node]") {
  Tmix tmix;
  tmix.root.height = 1;
  tmix.root.records = 2;
  tmix.root.root = tmix.root.leaves = {GzOffset(311), 95};
  tmix.root.slice_hash = {0x2d, 0x2e, 0xe1, 0x9a, 0x87, 0x36, 0x9c, 0x7a,
                          0x1c, 0xdf, 0x79, 0xd3, 0xb3, 0x7b, 0xd1, 0xa1};
  tmix.logical_size = 2560;
  tmix.top_index = 245;
  Bytes expected = {0,    1,    0, 1, 0,    0, 0, 0, 0,    0, 0, 2, 0,    0, 0, 0, 0, 0,   1,
                    0x37, 0,    0, 0, 0x5f, 0, 0, 0, 0,    0, 0, 1, 0x37, 0, 0, 0, 0, 0,   0,
                    0,    0x5f, 0, 0, 0,    0, 0, 0, 0x0a, 0, 0, 0, 0,    0, 0, 0, 0, 0xf5};
  expected.insert(expected.end(), tmix.root.slice_hash.begin(), tmix.root.slice_hash.end());
  expected.insert(expected.end(), {0xaf, 0x84, 0xc5, 0xe9, 0xda, 0x9f, 0xdb, 0x65});
  CHECK(encode_tmix(tmix) == expected);
}

TEST_CASE("member_index_node: TMIX without records has height 0, lengths 0 and offsets -1",
          "[member_index_node]") {
  Tmix tmix;
  tmix.logical_size = 1024;
  const Bytes payload = encode_tmix(tmix);
  CHECK(Bytes(payload.begin(), payload.begin() + 40) ==
        Bytes{0,    1,    0,    0,    0,    0,    0, 0, 0, 0, 0,    0,    0xff, 0xff,
              0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
              0xff, 0xff, 0xff, 0xff, 0,    0,    0, 0, 0, 0, 0,    0});
  const auto back = decode_tmix(payload);
  REQUIRE(back);
  CHECK(back->root.records == 0);
  CHECK(back->root.root.size == 0);
  CHECK(back->logical_size == 1024);
}

TEST_CASE("member_index_node: a TMIX with any bit turned or another size is corrupt",
          "[member_index_node]") {
  const Bytes good = encode_tmix(example_tmix());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1U << bit % 8);
    if (failed([&] { return decode_tmix(bad); }).kind() != ErrorKind::corrupt) FAIL("bit " << bit);
  }
  for (std::size_t size = 0; size <= good.size() + 1; ++size) {
    if (size == good.size()) continue;
    Bytes bad = good;
    bad.resize(size);
    CHECK(failed([&] { return decode_tmix(bad); }).kind() == ErrorKind::corrupt);
  }
}

TEST_CASE("member_index_node: a TMIX that lies under a right checksum is refused",
          "[member_index_node]") {
  struct Case {
    const char* what;
    std::size_t at;
    int width;
    std::uint64_t value;
    bool empty;  // the one without records
  };
  constexpr std::uint64_t kBeyond = std::uint64_t{1} << 62;
  constexpr Case kCases[] = {
      {"height 0 with records", 2, 2, 0, false},
      {"height 9", 2, 2, 9, false},
      {"root offset 2^62", 12, 8, kBeyond, false},
      {"root offset -1", 12, 8, ~std::uint64_t{0}, false},
      {"leaf offset 2^62", 24, 8, kBeyond, false},
      {"leaf length 2^62", 32, 8, kBeyond, false},
      {"height 1 without records", 2, 2, 1, true},
      {"a root without records", 12, 8, 0, true},
      {"a root's length without records", 20, 4, 1, true},
      {"leaves without records", 24, 8, 0, true},
      {"leaves' length without records", 32, 8, 1, true},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      Bytes payload = encode_tmix(c.empty ? Tmix() : example_tmix());
      payload.resize(72);
      Bytes value;
      append_be(value, c.value, c.width);
      std::copy(value.begin(), value.end(), payload.begin() + static_cast<std::ptrdiff_t>(c.at));
      append_be(payload, xxh3_64(payload), 8);
      CHECK(failed([&] { return decode_tmix(payload); }).kind() == ErrorKind::corrupt);
    }
  }
}

TEST_CASE("member_index_node: a TMIX of another version is none", "[member_index_node]") {
  Bytes payload = encode_tmix(example_tmix());
  payload.resize(72);
  payload[1] = 2;
  append_be(payload, xxh3_64(payload), 8);
  CHECK_FALSE(decode_tmix(payload));
}
