#include "tape/member_index.h"

#include <algorithm>

#include "format/path_order.h"
#include "support/expect.h"
#include "support/faulty.h"
#include "support/hand_made.h"
#include "support/samples.h"

using namespace tape;

namespace {

// A volume in memory, open.
struct OpenIndex {
  explicit OpenIndex(Bytes volume) : bytes(std::move(volume)) {}
  Bytes bytes;
  MemorySource source{bytes};
  RagzipReader ragzip{source};
  MemberIndex index{ragzip};
};

MemberRecord record_of(const std::string& path, std::int64_t offset = 0) {
  MemberRecord record;
  record.path = path;
  record.offset = offset;
  record.header_blocks = 1;
  record.pages = {GzOffset(0), 1};
  return record;
}

// Paths at several depths, in tape order, with gaps between them.
std::vector<MemberRecord> forest(std::size_t count) {
  std::vector<std::string> paths = {"", "r"};
  for (std::size_t i = 0; paths.size() < count; ++i) {
    const std::string top = "r/d" + std::to_string(100 + i);
    paths.push_back(top);
    for (std::size_t j = 0; j < i % 4 && paths.size() < count; ++j)
      paths.push_back(top + "/f" + std::to_string(2 * j));
  }
  std::sort(paths.begin(), paths.end(),
            [](const auto& a, const auto& b) { return path_before(a, b); });
  std::vector<MemberRecord> out;
  for (const std::string& path : paths)
    out.push_back(record_of(path, static_cast<std::int64_t>(out.size() * 512)));
  return out;
}

// As forest(), with hashes: what does not deflate.
std::vector<MemberRecord> large_forest() {
  auto records = forest(5000);
  Random random(21);
  for (MemberRecord& record : records) {
    record.flags |= kRecordHash;
    std::generate(record.hash.begin(), record.hash.end(),
                  [&] { return static_cast<std::uint8_t>(random()); });
  }
  return records;
}

Bytes large_volume(const std::vector<MemberRecord>& records, std::size_t per_leaf) {
  IndexedVolume volume(mixed_bytes(700));
  volume.add_tree(records, per_leaf, 100);
  return volume.finish();
}

Bytes logical_for(const std::vector<MemberRecord>& records) {
  return mixed_bytes(records.size() * 512 + 1024);
}

struct Tree {
  const char* what;
  std::size_t records;
  std::size_t per_leaf;
  std::size_t per_inner;
  int height;
};
constexpr Tree kTrees[] = {
    {"one record", 1, 5, 2, 1}, {"one leaf", 60, 100, 2, 1},    {"two leaves", 60, 30, 2, 2},
    {"height 3", 60, 7, 3, 3},  {"leaves of one", 27, 1, 3, 4}, {"height 8", 120, 1, 2, 8},
};

Bytes volume_of_tree(const Tree& tree) {
  const auto records = forest(tree.records);
  IndexedVolume volume(logical_for(records));
  volume.add_tree(records, tree.per_leaf, tree.per_inner);
  CHECK(volume.tmix().root.height == tree.height);
  return volume.finish();
}

std::vector<std::string> paths_from(MemberIndex& index, const std::string& from) {
  std::vector<std::string> out;
  const auto cursor = index.records_from(from);
  while (const auto record = cursor->next())
    out.push_back(record->path);
  return out;
}

// In front of, between and behind the paths of forest().
std::vector<std::string> absent_paths() {
  return {"\x01",      "a",         "q",       "r/",      "r/a",  "r/d0",  "r/d100/", "r/d100/f",
          "r/d101/f1", "r/d103/f9", "r/d103-", "r/d104x", "r/d9", "r\x01", "s",       "\xff"};
}

}  // namespace

TEST_CASE("member_index: every path is found and no other, at any height", "[member_index]") {
  for (const Tree& tree : kTrees) {
    DYNAMIC_SECTION(tree.what) {
      const auto records = forest(tree.records);
      OpenIndex volume(volume_of_tree(tree));
      CHECK(volume.index.root().records == records.size());
      CHECK(volume.index.first_path() == "");
      for (int round = 0; round < 2; ++round) {
        for (const MemberRecord& record : records) {
          const auto found = volume.index.find(record.path);
          INFO(record.path);
          REQUIRE(found);
          CHECK(found->path == record.path);
          CHECK(found->offset == record.offset);
        }
      }
      for (const std::string& path : absent_paths()) {
        INFO(path);
        CHECK_FALSE(volume.index.find(path));
      }
    }
  }
}

TEST_CASE("member_index: records come from any path on, in tape order", "[member_index]") {
  for (const Tree& tree : kTrees) {
    DYNAMIC_SECTION(tree.what) {
      const auto records = forest(tree.records);
      OpenIndex volume(volume_of_tree(tree));
      std::vector<std::string> froms = absent_paths();
      for (const MemberRecord& record : records)
        froms.push_back(record.path);
      for (const std::string& from : froms) {
        std::vector<std::string> expected;
        for (const MemberRecord& record : records) {
          if (!path_before(record.path, from)) expected.push_back(record.path);
        }
        INFO("from " << from);
        CHECK(paths_from(volume.index, from) == expected);
      }
      volume.index.check();
    }
  }
}

TEST_CASE("member_index: a path in front of the first record is not found", "[member_index]") {
  const std::vector<MemberRecord> records = {record_of("m"), record_of("n"), record_of("o")};
  for (const std::size_t per_leaf : {1U, 3U}) {
    IndexedVolume made(logical_for(records));
    made.add_tree(records, per_leaf, 2);
    OpenIndex volume(made.finish());
    CHECK_FALSE(volume.index.find(""));
    CHECK_FALSE(volume.index.find("a"));
    CHECK(volume.index.first_path() == "m");
    CHECK(paths_from(volume.index, "a").size() == 3);
  }
}

TEST_CASE("member_index: an index without records finds nothing and is sound", "[member_index]") {
  IndexedVolume made(Bytes(1024));
  OpenIndex volume(made.finish());
  CHECK_FALSE(volume.index.find(""));
  CHECK_FALSE(volume.index.find("a"));
  CHECK_FALSE(volume.index.first_path());
  CHECK(paths_from(volume.index, "").empty());
  CHECK(volume.index.neighbours("a", 5).empty());
  volume.index.check();
}

TEST_CASE("member_index: neighbours are the paths around where one would be", "[member_index]") {
  std::vector<MemberRecord> records;
  for (const char letter : {'b', 'd', 'f', 'h', 'j', 'l', 'n'})
    records.push_back(record_of(std::string(1, letter)));
  IndexedVolume made(logical_for(records));
  made.add_tree(records, 100, 2);
  OpenIndex volume(made.finish());
  using Names = std::vector<std::string>;
  CHECK(volume.index.neighbours("i", 4) == Names{"f", "h", "j", "l"});
  CHECK(volume.index.neighbours("h", 2) == Names{"h", "j"});
  CHECK(volume.index.neighbours("a", 2) == Names{"b", "d"});
  CHECK(volume.index.neighbours("z", 4) == Names{"l", "n"});
}

TEST_CASE("member_index: what the volume writer cuts is found, heights 1 to 3", "[member_index]") {
  struct Case {
    int members;
    std::size_t name;
    int height;
  };
  for (const Case& c : {Case{10, 10, 1}, Case{1000, 10, 2}, Case{60, 4000, 3}}) {
    DYNAMIC_SECTION(c.members << " members, names of " << c.name) {
      HandMadeTape tape;
      for (int i = 0; i < c.members; ++i)
        tape.add(plain_member(std::to_string(10'000 + i) +
                              text(c.name, static_cast<char>('a' + i % 26))));
      tape.end();
      const MadeVolume made = volume_of(tape, {small_geometry(13, 4), whole(tape), {}});
      REQUIRE(made.summary.height == c.height);
      OpenIndex volume(made.bytes);
      volume.index.check();
      for (const Entry& entry : tape.entries) {
        const auto found = volume.index.find(entry.path);
        REQUIRE(found);
        CHECK(found->offset == static_cast<std::int64_t>(entry.offset.value()));
      }
      CHECK(paths_from(volume.index, "").size() == tape.entries.size());
      CHECK_FALSE(volume.index.find("1"));
    }
  }
}

TEST_CASE("member_index: a look-up beside the last one reads nothing", "[member_index]") {
  const auto records = large_forest();
  OpenIndex volume(large_volume(records, 400));
  CHECK(volume.source.reads.size() == 1);
  CHECK(volume.index.find(records[10].path));
  CHECK(volume.source.reads.size() == 2);
  CHECK(volume.index.find(records[11].path));
  CHECK(volume.source.reads.size() == 2);
}

TEST_CASE("member_index: a walk over all records reads its leaves in few requests",
          "[member_index]") {
  OpenIndex volume(large_volume(large_forest(), 400));
  volume.source.reads.clear();
  CHECK(paths_from(volume.index, "").size() == 5000);
  CHECK(volume.source.reads.size() <= 2);
}

namespace {

struct Planted {
  const char* what;
  // Adds nodes and says in tmix() what the case is about; the records are those of forest(6).
  void (*build)(IndexedVolume& volume, std::vector<MemberRecord> records);
  const char* says;
};

std::vector<MemberRecord> part(const std::vector<MemberRecord>& records,
                               std::size_t begin,
                               std::size_t end) {
  return {records.begin() + static_cast<std::ptrdiff_t>(begin),
          records.begin() + static_cast<std::ptrdiff_t>(end)};
}

// Two leaves of three records and a root over `children`.
void two_leaves(IndexedVolume& volume,
                const std::vector<MemberRecord>& first,
                const std::vector<MemberRecord>& second,
                void (*change)(std::vector<ChildRecord>& children)) {
  MemberIndexRoot& root = volume.tmix().root;
  const GzRange one = volume.add_node(NodeKind::leaf, first);
  const GzRange two = volume.add_node(NodeKind::leaf, second);
  std::vector<ChildRecord> children = {{first.front().path, one}, {second.front().path, two}};
  if (change != nullptr) change(children);
  root.root = volume.add_node(NodeKind::inner, children);
  root.leaves = {one.begin, two.end() - one.begin};
  root.height = 2;
  root.records = first.size() + second.size();
}

const Planted kPlanted[] = {
    {"both children one leaf",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       two_leaves(v, part(r, 0, 3), part(r, 3, 6),
                  [](auto& children) { children[1].place = children[0].place; });
     },
     "begins with"},
    {"a leaf missing",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       two_leaves(v, part(r, 0, 3), part(r, 3, 6), [](auto& children) { children.pop_back(); });
     },
     "3 records, TMIX says 6"},
    {"a record missing",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       v.add_tree(part(r, 0, 5), 2, 10);
       v.tmix().root.records = 6;
     },
     "5 records, TMIX says 6"},
    {"a record more",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       v.add_tree(r, 2, 10);
       v.tmix().root.records = 5;
     },
     "6 records, TMIX says 5"},
    {"first path other than the parent says",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       two_leaves(v, part(r, 0, 3), part(r, 3, 6), [](auto& children) { children[1].path += "x"; });
     },
     "begins with"},
    {"leaves that overlap",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       two_leaves(v, part(r, 0, 4), part(r, 3, 6), nullptr);
     },
     "not in order"},
    {"a leaf's place one byte long",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       two_leaves(v, part(r, 0, 3), part(r, 3, 6),
                  [](auto& children) { ++children[0].place.size; });
     },
     "expected"},
    {"a leaf's place one byte short",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       two_leaves(v, part(r, 0, 3), part(r, 3, 6),
                  [](auto& children) { --children[0].place.size; });
     },
     "expected"},
    {"a child behind its parent",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       const ChildRecord child{r[0].path, {v.position() + 200, 100}};
       v.tmix().root.root = v.add_node(NodeKind::inner, std::vector<ChildRecord>{child});
       v.tmix().root.leaves = v.add_node(NodeKind::leaf, r);
       v.tmix().root.height = 2;
       v.tmix().root.records = 6;
     },
     "a child behind it"},
    {"an inner node that is its own child",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       const ChildRecord child{r[0].path, {v.position(), 45}};
       v.tmix().root.root = v.add_node(NodeKind::inner, std::vector<ChildRecord>{child});
       v.tmix().root.leaves = v.tmix().root.root;
       v.tmix().root.height = 2;
       v.tmix().root.records = 6;
     },
     "a child behind it"},
    {"height one more",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       v.add_tree(r, 2, 10);
       ++v.tmix().root.height;
     },
     "leaf where an inner"},
    {"height one less",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       v.add_tree(r, 2, 10);
       --v.tmix().root.height;
     },
     "leaf where an inner"},
    {"root one byte long",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       v.add_tree(r, 2, 10);
       v.add_node(NodeKind::leaf, r);
       ++v.tmix().root.root.size;
     },
     "expected"},
    {"records behind those that the node counts",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       Bytes body;
       append_record(body, r[0], nullptr);
       append_record(body, r[1], &r[0]);
       v.tmix().root.root = v.tmix().root.leaves = v.add_node(NodeKind::leaf, 1, body);
       v.tmix().root.height = 1;
       v.tmix().root.records = 1;
     },
     "bytes behind the last record"},
    {"fewer records than the node counts",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       Bytes body;
       append_record(body, r[0], nullptr);
       v.tmix().root.root = v.tmix().root.leaves = v.add_node(NodeKind::leaf, 2, body);
       v.tmix().root.height = 1;
       v.tmix().root.records = 2;
     },
     "passes the end"},
    {"leaves outside of the run that TMIX names",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       v.add_tree(r, 2, 10);
       v.tmix().root.leaves.begin = v.tmix().root.leaves.begin + 1;
       --v.tmix().root.leaves.size;
     },
     ""},
    {"a run of leaves that is too short",
     [](IndexedVolume& v, std::vector<MemberRecord> r) {
       v.add_tree(r, 2, 10);
       --v.tmix().root.leaves.size;
     },
     ""},
};

}  // namespace

TEST_CASE("member_index: check finds what is wrong under right checksums", "[member_index]") {
  for (const Planted& c : kPlanted) {
    DYNAMIC_SECTION(c.what) {
      const auto records = forest(6);
      IndexedVolume made(logical_for(records));
      c.build(made, records);
      const Error error = failed([&] {
        OpenIndex volume(made.finish());
        volume.index.check();
      });
      CHECK(error.kind() == ErrorKind::corrupt);
      CHECK(says(error, c.says));
    }
  }
}

TEST_CASE("member_index: nodes of one size exchanged are found out", "[member_index]") {
  // Equal sizes by equal lengths of everything that differs; nothing in a leaf deflates here.
  const auto records = forest(40);
  for (std::size_t per_leaf = 1; per_leaf <= 4; ++per_leaf) {
    IndexedVolume made(logical_for(records));
    made.add_tree(records, per_leaf, 4);
    const MemberIndexRoot root = made.tmix().root;
    const Bytes good = made.finish();
    std::vector<GzRange> nodes;
    const auto take = [&](std::size_t at) {
      const std::size_t extra = good[at + 10] + good[at + 11] * 256U;
      return GzRange{GzOffset(at), 12 + extra + 10};
    };
    for (GzOffset at = root.leaves.begin; at < root.root.end(); at = nodes.back().end())
      nodes.push_back(take(at.value()));
    int exchanged = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      for (std::size_t j = i + 1; j < nodes.size(); ++j) {
        if (nodes[i].size != nodes[j].size) continue;
        Bytes bad = good;
        std::swap_ranges(bad.begin() + static_cast<std::ptrdiff_t>(nodes[i].begin.value()),
                         bad.begin() + static_cast<std::ptrdiff_t>(nodes[i].end().value()),
                         bad.begin() + static_cast<std::ptrdiff_t>(nodes[j].begin.value()));
        OpenIndex volume(std::move(bad));
        CHECK(failed([&] { volume.index.check(); }).kind() == ErrorKind::corrupt);
        ++exchanged;
      }
    }
    CHECK(exchanged > 0);
  }
}

TEST_CASE("member_index: a volume without a usable TMIX has no member index", "[member_index]") {
  struct Case {
    const char* what;
    void (*change)(IndexedVolume& volume);
    ErrorKind kind;
    const char* says;
  };
  const Case kCases[] = {
      {"stale by size", [](IndexedVolume& v) { ++v.tmix().logical_size; }, ErrorKind::unsupported,
       "appended"},
      {"stale by top index", [](IndexedVolume& v) { ++v.tmix().top_index; }, ErrorKind::unsupported,
       "appended"},
      {"root behind TMIX", [](IndexedVolume& v) { v.tmix().root.root.size = 100'000; },
       ErrorKind::corrupt, "reaches behind"},
      {"leaves behind TMIX", [](IndexedVolume& v) { v.tmix().root.leaves.size = 100'000; },
       ErrorKind::corrupt, "reaches behind"},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      const auto records = forest(6);
      IndexedVolume made(logical_for(records));
      made.add_tree(records, 2, 10);
      c.change(made);
      const Error error = failed([&] { OpenIndex volume(made.finish()); });
      CHECK(error.kind() == c.kind);
      CHECK(says(error, c.says));
    }
  }
}

TEST_CASE("member_index: a ragzip file of another program has no member index", "[member_index]") {
  MemorySink sink;
  RagzipWriter writer(sink, small_geometry(), nullptr);
  writer.write(mixed_bytes(700));
  writer.finish_pages();
  writer.add_extension(7, Bytes(80));
  writer.finish();
  const Error error = failed([&] { OpenIndex volume(sink.bytes); });
  CHECK(error.kind() == ErrorKind::unsupported);
  CHECK(says(error, "no member index"));
  CHECK_FALSE(error.hint().empty());
}

TEST_CASE("member_index: whichever read fails, a new look-up is right", "[member_index]") {
  const auto records = large_forest();
  const Bytes bytes = large_volume(records, 400);
  const MemorySource source(bytes);
  for (std::uint64_t call = 2; call <= 4; ++call) {
    Faults faults = Faults::at_call(call, Error(ErrorKind::transient, "line cut"));
    const FaultySource faulty(source, faults);
    RagzipReader ragzip(faulty);
    MemberIndex index(ragzip);
    int failures = 0;
    for (std::size_t i = 0; i < records.size(); i += 250) {
      bool found = false;
      const auto failure = failure_of([&] { found = index.find(records[i].path).has_value(); });
      CHECK(found == !failure.has_value());
      if (!failure) continue;
      CHECK(failure->kind() == ErrorKind::transient);
      ++failures;
      CHECK(index.find(records[i].path));
    }
    CHECK(failures == 1);
  }
}
