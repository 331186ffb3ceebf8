#include "format/member_index_format.h"

#include <algorithm>

#include "format/ragzip_format.h"
#include "support/expect.h"
#include "support/samples.h"

using namespace tape;

namespace {

// The first record of docs/format.md §4.5, and the second without its hash.
const Bytes kDirectory = {0x00, 0x01, 0x72, 0x35, 0x00, 0x00, 0x01, 0x00, 0xed,
                          0x03, 0x80, 0xc4, 0x9f, 0xd5, 0x0c, 0x00, 0x00, 0x51};
const Bytes kFile = {0x01, 0x02, 0x2f, 0x61, 0x30, 0x04, 0x80, 0x08, 0x01, 0x06, 0xa4, 0x03, 0x80,
                     0xc4, 0x9f, 0xd5, 0x0c, 0x00, 0x6b, 0xba, 0x86, 0xc7, 0xe0, 0x69, 0xf5, 0x6d,
                     0x5a, 0x10, 0xb4, 0x35, 0xf1, 0xc8, 0xe4, 0x9c, 0xa2, 0x01, 0x70};

MemberRecord directory_of_the_example() {
  MemberRecord record;
  record.path = "r";
  record.type = MemberType::directory;
  record.header_blocks = 1;
  record.mode = 0755;
  record.mtime.seconds = 1700000000;
  record.pages = {GzOffset(0), 81};
  return record;
}

MemberRecord file_of_the_example() {
  MemberRecord record;
  record.path = "r/a";
  record.flags = kRecordHash;
  record.offset = 512;
  record.header_blocks = 1;
  record.size = 6;
  record.mode = 0644;
  record.mtime.seconds = 1700000000;
  record.hash = {0x6b, 0xba, 0x86, 0xc7, 0xe0, 0x69, 0xf5, 0x6d,
                 0x5a, 0x10, 0xb4, 0x35, 0xf1, 0xc8, 0xe4, 0x9c};
  record.pages = {GzOffset(81), 112};
  return record;
}

Bytes body_of(const std::vector<MemberRecord>& records) {
  Bytes body;
  for (std::size_t i = 0; i < records.size(); ++i)
    append_record(body, records[i], i == 0 ? nullptr : &records[i - 1]);
  return body;
}

std::vector<MemberRecord> records_of(const Bytes& body) {
  std::vector<MemberRecord> out;
  RecordDecoder decoder(body);
  while (!decoder.at_end())
    out.push_back(decoder.member(out.empty() ? nullptr : &out.back()));
  return out;
}

void check_same(const MemberRecord& found, const MemberRecord& expected) {
  CHECK(found.path == expected.path);
  CHECK(found.type == expected.type);
  CHECK(int{found.flags} == int{expected.flags});
  CHECK(found.offset == expected.offset);
  CHECK(found.header_blocks == expected.header_blocks);
  CHECK(found.size == expected.size);
  CHECK(found.mode == expected.mode);
  CHECK(found.mtime == expected.mtime);
  CHECK(found.uid == expected.uid);
  CHECK(found.gid == expected.gid);
  CHECK(found.target == expected.target);
  CHECK(found.hash == expected.hash);
  CHECK(found.pages.begin == expected.pages.begin);
  CHECK(found.pages.size == expected.pages.size);
}

MemberRecord random_record(Random& random) {
  const auto spread = [&](std::uint64_t bits) {
    return random() >> (64 - 1 - below(random, bits));
  };
  MemberRecord record;
  record.path = random_name(random, 1 + below(random, 30));
  for (std::uint64_t parts = below(random, 3); parts > 0; --parts)
    record.path = "dir/" + record.path;
  record.type = static_cast<MemberType>('0' + below(random, 7));
  record.flags = static_cast<std::uint8_t>(random());
  record.offset = static_cast<std::int64_t>(spread(61)) * (below(random, 3) == 0 ? -1 : 1);
  record.header_blocks = 1 + below(random, kHeaderSizeMax / kBlockSize);
  if (record.type == MemberType::regular) record.size = spread(62);
  record.mode = static_cast<std::uint32_t>(below(random, 010000));
  record.mtime.seconds = static_cast<std::int64_t>(spread(62)) * (below(random, 2) == 0 ? -1 : 1);
  record.mtime.nanoseconds = static_cast<std::uint32_t>(below(random, 1'000'000'000));
  if (record.has(kRecordOwner)) record.uid = spread(63), record.gid = spread(63);
  if (record.has(kRecordTarget)) record.target = random_name(random, below(random, 200));
  if (record.has(kRecordHash))
    std::generate(record.hash.begin(), record.hash.end(),
                  [&] { return static_cast<std::uint8_t>(random()); });
  record.pages = {GzOffset(spread(61)), 1 + spread(61)};
  return record;
}

Bytes varint(std::uint64_t value) {
  Bytes out;
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
  return out;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts)
    out.insert(out.end(), part.begin(), part.end());
  return out;
}

// A leaf record in its fields, each of them as its bytes.
struct RawRecord {
  Bytes shared = {0};
  Bytes length = {1};
  Bytes suffix = {'a'};
  Bytes type_flags = {'0', 0};
  Bytes offset = {0};
  Bytes header_blocks = {1};
  Bytes size = {0};
  Bytes mode = {0};
  Bytes seconds = {0};
  Bytes nanoseconds = {0};
  Bytes extras = {};
  Bytes page = {0};
  Bytes page_length = {1};

  Bytes bytes() const {
    return joined({shared, length, suffix, type_flags, offset, header_blocks, size, mode, seconds,
                   nanoseconds, extras, page, page_length});
  }
};

}  // namespace

TEST_CASE("member_index_format: the records of docs/format.md §4.5 are these bytes",
          "[member_index_format]") {
  CHECK(body_of({directory_of_the_example(), file_of_the_example()}) ==
        joined({kDirectory, kFile}));
  const auto back = records_of(joined({kDirectory, kFile}));
  REQUIRE(back.size() == 2);
  check_same(back[0], directory_of_the_example());
  check_same(back[1], file_of_the_example());
}

TEST_CASE("member_index_format: the inner records of docs/format.md §4.3 are these bytes",
          "[member_index_format]") {
  const ChildRecord first{"r", {GzOffset(311), 95}};
  const ChildRecord second{"r/m", {GzOffset(406), 200}};
  Bytes body;
  append_record(body, first, nullptr);
  append_record(body, second, &first);
  CHECK(body == Bytes{0, 1, 0x72, 0xb7, 2, 0x5f, 1, 2, 0x2f, 0x6d, 0x5f, 0xc8, 1});
  RecordDecoder decoder(body);
  const ChildRecord one = decoder.child(nullptr);
  const ChildRecord two = decoder.child(&one);
  CHECK(decoder.at_end());
  CHECK(one.path == "r");
  CHECK(one.place.begin == GzOffset(311));
  CHECK(one.place.size == 95);
  CHECK(two.path == "r/m");
  CHECK(two.place.begin == GzOffset(406));
  CHECK(two.place.size == 200);
}

TEST_CASE("member_index_format: random records come back, front-coded over one another",
          "[member_index_format]") {
  Random random(8);
  for (int round = 0; round < 300; ++round) {
    std::vector<MemberRecord> records;
    for (int i = 0; i < 20; ++i)
      records.push_back(random_record(random));
    std::sort(records.begin(), records.end(),
              [](const auto& a, const auto& b) { return path_before(a.path, b.path); });
    INFO("seed 8, round " << round);
    const auto back = records_of(body_of(records));
    REQUIRE(back.size() == records.size());
    for (std::size_t i = 0; i < records.size(); ++i)
      check_same(back[i], records[i]);
  }
}

TEST_CASE("member_index_format: paths share what they have in common and no more",
          "[member_index_format]") {
  const std::vector<std::string> paths = {"", "usr", "usr/lib", "usr/lib/a", "usr/lib64", "var"};
  const std::vector<Bytes> begins = {{0, 0},           {0, 3, 'u', 's', 'r'},
                                     {3, 4, '/', 'l'}, {7, 2, '/', 'a'},
                                     {7, 2, '6', '4'}, {0, 3, 'v', 'a', 'r'}};
  MemberRecord before = directory_of_the_example();
  for (std::size_t i = 0; i < paths.size(); ++i) {
    MemberRecord record = directory_of_the_example();
    record.path = paths[i];
    Bytes body;
    append_record(body, record, i == 0 ? nullptr : &before);
    INFO(paths[i]);
    CHECK(std::equal(begins[i].begin(), begins[i].end(), body.begin()));
    before = record;
  }
}

TEST_CASE("member_index_format: a node's records cut anywhere are corrupt",
          "[member_index_format]") {
  const Bytes body = joined({kDirectory, kFile});
  for (std::size_t size = 1; size < body.size(); ++size) {
    if (size == kDirectory.size()) continue;
    INFO(size);
    const Bytes cut(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(failed([&] { return records_of(cut); }).kind() == ErrorKind::corrupt);
  }
}

TEST_CASE("member_index_format: any byte of a node's records turned is other records or corrupt",
          "[member_index_format]") {
  const Bytes body = joined({kDirectory, kFile});
  for (std::size_t at = 0; at < body.size(); ++at) {
    for (unsigned flip = 1; flip < 256; ++flip) {
      Bytes bad = body;
      bad[at] = static_cast<std::uint8_t>(bad[at] ^ flip);
      const auto failure = failure_of([&] {
        const auto records = records_of(bad);
        // What was read is what these bytes say: nothing was guessed.
        if (body_of(records) != bad) FAIL("byte " << at << " ^ " << flip);
      });
      if (failure && failure->kind() != ErrorKind::corrupt) FAIL("byte " << at << " ^ " << flip);
    }
  }
}

TEST_CASE("member_index_format: each field's limit is read and one past it is corrupt",
          "[member_index_format]") {
  struct Case {
    const char* what;
    void (*set)(RawRecord& record, std::uint64_t value);
    std::uint64_t limit;
    const char* says;
  };
  constexpr std::uint64_t kMost = (std::uint64_t{1} << 62) - 1;
  const Case kCases[] = {
      {"path length",
       [](RawRecord& r, std::uint64_t n) { r.length = varint(n), r.suffix = Bytes(n, 'a'); },
       kMemberNameMax, "a path's length"},
      {"shared length of the first record",
       [](RawRecord& r, std::uint64_t n) { r.shared = varint(n); }, 0, "shared length"},
      {"type",
       [](RawRecord& r, std::uint64_t n) { r.type_flags[0] = static_cast<std::uint8_t>(n); }, '6',
       "type"},
      {"offset", [](RawRecord& r, std::uint64_t n) { r.offset = varint(2 * n); }, kMost,
       "too large"},
      {"offset below zero", [](RawRecord& r, std::uint64_t n) { r.offset = varint(2 * n + 1); },
       kMost - 1, "offset"},
      {"header blocks", [](RawRecord& r, std::uint64_t n) { r.header_blocks = varint(n); }, 32768,
       "header blocks"},
      {"size", [](RawRecord& r, std::uint64_t n) { r.size = varint(n); }, kMost, "body size"},
      {"size of a symlink",
       [](RawRecord& r, std::uint64_t n) { r.type_flags[0] = '2', r.size = varint(n); }, 0, "body"},
      {"mode", [](RawRecord& r, std::uint64_t n) { r.mode = varint(n); }, 07777, "mode"},
      {"nanoseconds", [](RawRecord& r, std::uint64_t n) { r.nanoseconds = varint(n); }, 999'999'999,
       "nanoseconds"},
      {"target length",
       [](RawRecord& r, std::uint64_t n) {
         r.type_flags[1] = kRecordTarget;
         r.extras = joined({varint(n), Bytes(n, 't')});
       },
       kMemberNameMax, "target"},
      {"page", [](RawRecord& r, std::uint64_t n) { r.page = varint(2 * n); }, kMost, "too large"},
      {"pages' length", [](RawRecord& r, std::uint64_t n) { r.page_length = varint(n); }, kMost,
       "length in the object"},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      RawRecord record;
      c.set(record, c.limit);
      CHECK(records_of(record.bytes()).size() == 1);
      c.set(record, c.limit + 1);
      const Error error = failed([&] { return records_of(record.bytes()); });
      CHECK(error.kind() == ErrorKind::corrupt);
      CHECK(says(error, c.says));
    }
  }
}

TEST_CASE("member_index_format: fields that may not be nothing or negative are corrupt so",
          "[member_index_format]") {
  struct Case {
    const char* what;
    void (*change)(RawRecord& record);
  };
  const Case kCases[] = {
      {"no header blocks", [](RawRecord& r) { r.header_blocks = {0}; }},
      {"no pages", [](RawRecord& r) { r.page_length = {0}; }},
      {"page -1", [](RawRecord& r) { r.page = {1}; }},
      {"type below 0", [](RawRecord& r) { r.type_flags[0] = '0' - 1; }},
      {"type NUL", [](RawRecord& r) { r.type_flags[0] = 0; }},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      RawRecord record;
      CHECK(records_of(record.bytes()).size() == 1);
      c.change(record);
      CHECK(failed([&] { return records_of(record.bytes()); }).kind() == ErrorKind::corrupt);
    }
  }
}

TEST_CASE("member_index_format: a varint must be minimal, whole and below 2^63",
          "[member_index_format]") {
  struct Case {
    const char* what;
    Bytes value;
    const char* says;
  };
  const Case kCases[] = {
      {"0 in two bytes", {0x80, 0x00}, "minimal"},
      {"1 in two bytes", {0x81, 0x00}, "minimal"},
      {"127 in three bytes", {0xFF, 0x80, 0x00}, "minimal"},
      {"2^63", {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, "too large"},
      {"ten bytes and no end", Bytes(11, 0xFF), "too large"},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      RawRecord record;
      record.size = c.value;
      CHECK(says(failed([&] { return records_of(record.bytes()); }), c.says));
    }
  }
  // 2^63 - 1 is a varint: an owner may have that number.
  RawRecord largest;
  largest.type_flags[1] = kRecordOwner;
  largest.extras = joined({Bytes(8, 0xFF), {0x7F}, {0}});
  CHECK(records_of(largest.bytes()).front().uid == ~std::uint64_t{0} >> 1);
  const Bytes unended = {0x80};
  CHECK(says(failed([&] { return RecordDecoder(unended).member(nullptr); }), "passes the end"));
}

TEST_CASE("member_index_format: sums of relative fields must stay in range",
          "[member_index_format]") {
  struct Case {
    const char* what;
    void (*change)(RawRecord& record);
    bool good;
  };
  const Case kCases[] = {
      {"both at the limit", [](RawRecord&) {}, true},
      {"offset one past it", [](RawRecord& r) { r.offset = {2}; }, false},
      {"page one past it", [](RawRecord& r) { r.page = {2}; }, false},
      {"offset far past it", [](RawRecord& r) { r.offset = varint(2 * kLogicalSizeMax); }, false},
      {"page back to 0", [](RawRecord& r) { r.page = varint(2 * kLogicalSizeMax - 1); }, true},
      {"page below 0", [](RawRecord& r) { r.page = varint(2 * kLogicalSizeMax + 1); }, false},
  };
  MemberRecord before = directory_of_the_example();
  before.path = "A";
  before.offset = static_cast<std::int64_t>(kLogicalSizeMax);
  before.pages.begin = GzOffset(kLogicalSizeMax);
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      RawRecord record;
      c.change(record);
      const Bytes body = record.bytes();
      const auto failure =
          failure_of([&] { static_cast<void>(RecordDecoder(body).member(&before)); });
      CHECK(!failure.has_value() == c.good);
      if (failure) CHECK(says(*failure, "out of range"));
    }
  }
}

TEST_CASE("member_index_format: paths must rise in tape order", "[member_index_format]") {
  struct Case {
    const char* what;
    const char* before;
    const char* path;
    bool good;
  };
  constexpr Case kCases[] = {
      {"the same", "a", "a", false},
      {"falling", "b", "a", false},
      {"a parent behind its child", "a/b", "a", false},
      {"a child", "a", "a/b", true},
      {"a sibling before a child", "a-", "a/b", false},
      {"a child before a sibling", "a/b", "a-", true},
      {"signed bytes", "a\x7f", "a\x80", true},
      {"the root first", "", "a", true},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      std::vector<MemberRecord> records(2, directory_of_the_example());
      records[0].path = c.before;
      records[1].path = c.path;
      const auto failure = failure_of([&] { static_cast<void>(records_of(body_of(records))); });
      CHECK(!failure.has_value() == c.good);
      if (failure) CHECK(says(*failure, "not in order"));
    }
  }
}

TEST_CASE("member_index_format: a shared length past the path before is corrupt",
          "[member_index_format]") {
  const MemberRecord before = directory_of_the_example();
  for (std::uint8_t shared = 0; shared < 3; ++shared) {
    RawRecord record;
    record.shared = {shared};
    record.suffix = {'z'};
    const Bytes body = record.bytes();
    const auto failure =
        failure_of([&] { static_cast<void>(RecordDecoder(body).member(&before)); });
    CHECK(failure.has_value() == (shared > before.path.size()));
  }
}

TEST_CASE("member_index_format: an inner record's limits", "[member_index_format]") {
  const auto decode = [](const Bytes& body) { return RecordDecoder(body).child(nullptr); };
  const Bytes path = {0, 1, 'a'};
  CHECK(decode(joined({path, varint(kLogicalSizeMax), {1}})).place.begin ==
        GzOffset(kLogicalSizeMax));
  CHECK(failed([&] {
          return decode(joined({path, varint(kLogicalSizeMax + 1), {1}}));
        }).kind() == ErrorKind::corrupt);
  CHECK(decode(joined({path, {1}, varint(65599)})).place.size == 65599);
  CHECK(failed([&] {
          return decode(joined({path, {1}, varint(65600)}));
        }).kind() == ErrorKind::corrupt);
}

TEST_CASE("member_index_format: a record names its member as tar does", "[member_index_format]") {
  MemberRecord record = directory_of_the_example();
  CHECK(record.name() == "r/");
  record.path = "";
  CHECK(record.name() == "./");
  record.type = MemberType::symlink;
  record.path = "r";
  CHECK(record.name() == "r");
}
