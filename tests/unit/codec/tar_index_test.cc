#include "tape/tar_index.h"

#include "support/expect.h"
#include "support/memory_io.h"

using namespace tape;

namespace {

ForeignMember member_at(std::uint64_t offset, const std::string& name, ByteCount size) {
  ForeignMember out;
  out.member.name = name;
  out.member.mode = 0640;
  out.member.mtime.seconds = -5;
  out.offset = offset;
  out.body = offset + 1024;
  out.size = size;
  return out;
}

std::string written(const std::vector<ForeignMember>& members) {
  MemorySink sink;
  TarIndexWriter writer(sink);
  for (const ForeignMember& member : members)
    writer.add(member);
  writer.finish();
  return as_text(sink.bytes);
}

}  // namespace

TEST_CASE("tar_index: a line a member, with what the seed's Python reads") {
  ForeignMember link = member_at(4096, "dir/", 0);
  link.typeflag = '5';
  CHECK(
      written({member_at(0, "a\"b", 700), link}) ==
      "[\n"
      R"({"mode":416,"mtime":-5,"name":"a\"b","offset":0,"offset_data":1024,"size":700,"type":"0"})"
      ",\n"
      R"({"mode":416,"mtime":-5,"name":"dir","offset":4096,"offset_data":5120,"size":0,"type":"5"})"
      "\n]\n");
  CHECK(written({}) == "[]\n");
  CHECK(parse_tar_index(as_bytes("[]\n")).empty());
}

TEST_CASE("tar_index: what is written is read, names of any bytes too") {
  std::vector<ForeignMember> members;
  for (std::uint64_t i = 0; i < 3000; ++i)
    members.push_back(member_at(i * 4096, "n" + std::to_string(i) + "\xFF\n", i));
  members[1].typeflag = '2';
  members[1].member.target = "t\x80";
  members[2].sparse = true;
  const std::string json = written(members);
  const auto found = parse_tar_index(as_bytes(json));
  REQUIRE(found.size() == members.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].name == members[i].member.name);
    CHECK(found[i].offset == members[i].offset);
    CHECK(found[i].body == members[i].body);
    CHECK(found[i].size == members[i].size);
    CHECK(found[i].mode == 0640);
    CHECK(found[i].mtime == -5);
  }
  CHECK(found[1].typeflag == '2');
  CHECK(found[1].target == "t\x80");
  CHECK(found[2].typeflag == 'S');
}

TEST_CASE("tar_index: an index of the seed's Python has four fields, others are passed over") {
  const auto found = parse_tar_index(as_bytes(
      R"([{"name": "a", "offset_data": 512, "offset": 0, "size": 3},
          {"size": 1, "x": null, "y": true, "z": {"a": 1}, "mtime": -1.5, "offset": 1024, "offset_data": 1536, "name": "b"}])"));
  REQUIRE(found.size() == 2);
  CHECK(found[0].name == "a");
  CHECK(found[0].body == 512);
  CHECK_FALSE(found[0].typeflag);
  CHECK(found[1].mtime == -2);
}

TEST_CASE("tar_index: what is no index is refused, by its element") {
  struct Row {
    const char* json;
    const char* says;
  };
  const Row rows[] = {
      {"", "no JSON at byte"},
      {"[", "no JSON at byte"},
      {"{}", "array of objects"},
      {"[1]", "element 0"},
      {R"(["a"])", "element 0"},
      {"[[]]", "element 0: an array"},
      {R"([{"name": "a", "offset": 0, "offset_data": 512}])", "element 0: name, offset"},
      {R"([{"name": 1, "offset": 0, "offset_data": 512, "size": 0}])", "name is a number"},
      {R"([{"name": "a", "offset": "0", "offset_data": 512, "size": 0}])", "offset is a string"},
      {R"([{"name": "a", "offset": -1, "offset_data": 512, "size": 0}])", "offset is negative"},
      {R"([{"name": "a", "offset": 0.5, "offset_data": 512, "size": 0}])", "offset is a fraction"},
      {R"([{"name": "a", "offset": 0, "offset_data": 512, "size": 4611686018427387904}])",
       "size is too large"},
      {R"([{"name": "a", "offset": 0, "offset_data": 511, "size": 0}])",
       "element 0: it does not lie"},
      {R"([{"name": "a", "offset": 0, "offset_data": 512, "size": 0, "type": "ab"}])",
       "type has 2 bytes"},
      {R"([{"name": {"base64": "?"}, "offset": 0, "offset_data": 512, "size": 0}])",
       "name is not base64"},
      {R"([{"name": {"a": {"b": 1}}, "offset": 0, "offset_data": 512, "size": 0}])",
       "objects in objects"},
      {R"([{"name": "a", "offset": 0, "offset_data": 1024, "size": 0},
           {"name": "b", "offset": 512, "offset_data": 2048, "size": 0}])",
       "element 1: it does not lie"},
  };
  for (const Row& row : rows) {
    INFO(row.json);
    const Error error = failed([&] { parse_tar_index(as_bytes(row.json)); });
    CHECK(error.kind() == ErrorKind::corrupt);
    CHECK(says(error, row.says));
  }
  const std::string whole = written({member_at(0, "a", 1), member_at(4096, "b", 1)});
  for (std::size_t size = 0; size + 2 < whole.size(); ++size)
    CHECK(failed([&] { parse_tar_index(as_bytes(whole.substr(0, size))); }).kind() ==
          ErrorKind::corrupt);
}
