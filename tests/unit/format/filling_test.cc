#include "format/filling.h"

#include "format/tar_format.h"
#include "support/catch.h"

using namespace tape;

namespace {

// docs/format.md §2, "Filling", as it reads.
Bytes filling_by_the_book(std::uint64_t blocks, const Bytes& directory) {
  Bytes out;
  const auto append = [&](const Bytes& bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
  };
  while (blocks >= 3) {
    const std::uint64_t k = std::min<std::uint64_t>(blocks - 1, 2048);
    const ByteCount size = (k - 1) * kBlockSize;
    std::string comment = std::to_string(size) + " comment=";
    comment.resize(size - 1, '.');
    comment += '\n';
    append(encode_comment_header(size));
    append(Bytes(comment.begin(), comment.end()));
    append(directory);
    blocks -= k + 1;
  }
  while (blocks-- > 0)
    append(directory);
  return out;
}

}  // namespace

TEST_CASE("filling: every length is what the book says, from every byte", "[filling]") {
  const Bytes directory = directory_block({});
  for (const std::uint64_t blocks : std::initializer_list<std::uint64_t>{
           1, 2, 3, 4, 5, 2048, 2049, 2050, 2051, 2052, 4098, 4100, 9000}) {
    const Filling filling(blocks, directory);
    const Bytes expected = filling_by_the_book(blocks, directory);
    REQUIRE(expected.size() == blocks * kBlockSize);
    Bytes whole(expected.size());
    filling.read(0, whole);
    CHECK(whole == expected);
    for (const ByteCount at : {ByteCount{1}, ByteCount{511}, ByteCount{513}, expected.size() / 2,
                               ByteCount{expected.size() - 1}}) {
      if (at >= expected.size()) continue;
      Bytes rest(expected.size() - at);
      filling.read(at, rest);
      CHECK(
          std::equal(rest.begin(), rest.end(), expected.begin() + static_cast<std::ptrdiff_t>(at)));
    }
  }
}

TEST_CASE("filling: the directory block is a ustar header with its owner bits set", "[filling]") {
  Member ancestor;
  ancestor.name = "r/d/";
  ancestor.type = MemberType::directory;
  ancestor.mode = 0555;
  ancestor.xattrs = {{"user.a", "b"}};
  const Bytes block = directory_block(ancestor);
  REQUIRE(block.size() == kBlockSize);
  const Member back = decode_header(block);
  CHECK(back.name == "r/d/");
  CHECK(back.mode == 0755);
  CHECK(decode_header(directory_block({})).name == "PaxHeaders/omitted/");
  CHECK(decode_header(directory_block({})).mode == 0700);
}
