#include "base/endian.h"

#include "support/catch.h"

using namespace tape;

TEST_CASE("endian: loads read the bytes in the order that their name says", "[endian]") {
  constexpr std::uint8_t kBytes[] = {0x81, 0x02, 0x03, 0x84, 0x05, 0x06, 0x07, 0x88};
  CHECK(load_be16(kBytes) == 0x8102);
  CHECK(load_be32(kBytes) == 0x81020384);
  CHECK(load_be64(kBytes) == 0x8102038405060788);
  CHECK(load_le16(kBytes) == 0x0281);
  CHECK(load_le32(kBytes) == 0x84030281);
}

TEST_CASE("endian: appends write the low bytes of a value, as many as asked for", "[endian]") {
  Bytes out = {0xEE};
  append_be(out, 0x8102038405060788, 8);
  append_be(out, 0x1122334455, 2);
  append_be(out, 0x7F, 1);
  append_le(out, 0x8102038405060788, 8);
  append_le(out, 0x1122334455, 4);
  append_be(out, ~std::uint64_t{0}, 0);
  CHECK(out == Bytes{0xEE, 0x81, 0x02, 0x03, 0x84, 0x05, 0x06, 0x07, 0x88, 0x44, 0x55, 0x7F,
                     0x88, 0x07, 0x06, 0x05, 0x84, 0x03, 0x02, 0x81, 0x55, 0x44, 0x33, 0x22});
}
