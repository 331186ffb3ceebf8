// Sources that change under --on-change mark: docs/format.md §2.
#include <map>

#include "codec/digest.h"
#include "format/filling.h"
#include "support/expect.h"
#include "support/faulty.h"
#include "support/samples.h"
#include "support/scanned.h"

using namespace tape;

namespace {

struct Ends {
  std::map<std::string, bool> omitted;
  std::map<std::string, MemberEnd> ends;
};

class Heard final : public MemberObserver, public Ends {
 public:
  void member_starts(const Entry& entry, const Start& start) override {
    omitted[entry.path] = start.omitted;
  }
  void member_ends(const Entry& entry, const MemberEnd& end) override { ends[entry.path] = end; }
};

void change_before(MemoryTree& tree,
                   const MemoryTree::Access& access,
                   int count,
                   std::function<void(MemoryTree&)> change) {
  tree.before = [&tree, access, count, change, seen = 0](const MemoryTree::Access& now) mutable {
    if (now == access && ++seen == count) change(tree);
  };
}

struct Played {
  Bytes bytes;
  Ends heard;
};

Played play_marked(Catalog& catalog, SourceTree& tree, std::size_t piece = 1000) {
  Heard heard;
  TapeStream stream(catalog, tree, &heard, OnChange::mark);
  Bytes bytes = rest_of(stream, piece);
  return {std::move(bytes), heard};
}

// Everything but the range of `path` is as it was.
void only_differs_at(const Bytes& whole, const Bytes& found, const Entry& entry) {
  REQUIRE(found.size() == whole.size());
  const auto begin = static_cast<std::ptrdiff_t>(entry.offset.value());
  const auto end = static_cast<std::ptrdiff_t>(entry.end().value());
  CHECK(std::equal(whole.begin(), whole.begin() + begin, found.begin()));
  CHECK(std::equal(whole.begin() + end, whole.end(), found.begin() + end));
}

}  // namespace

TEST_CASE("tape_stream: under mark each change has its outcome and the layout stays",
          "[tape_stream]") {
  struct Case {
    const char* what;
    std::function<void(MemoryTree&)> change;
    MemoryTree::Access at;
    int count;
    Outcome outcome;
    bool hash;
  };
  const MemoryTree::Access open{MemoryTree::Verb::open, "f"};
  const MemoryTree::Access read{MemoryTree::Verb::file_read, "f"};
  const Case kCases[] = {
      {"gone", [](MemoryTree& t) { t.remove("f"); }, open, 1, Outcome::omitted, false},
      {"unreadable", [](MemoryTree& t) { t.inode("f").denied = true; }, open, 1, Outcome::omitted,
       false},
      {"a symlink now",
       [](MemoryTree& t) {
         t.remove("f");
         t.add_symlink("f", "elsewhere");
       },
       open, 1, Outcome::omitted, false},
      {"rewritten in equal size before",
       [](MemoryTree& t) { t.rewrite("f", mixed_bytes(5000, 9)); }, open, 1, Outcome::changed,
       true},
      {"shorter before", [](MemoryTree& t) { t.rewrite("f", mixed_bytes(100)); }, open, 1,
       Outcome::torn, false},
      {"longer before", [](MemoryTree& t) { t.rewrite("f", mixed_bytes(9000)); }, open, 1,
       Outcome::grew, true},
      {"shorter during", [](MemoryTree& t) { t.rewrite("f", mixed_bytes(3000)); }, read, 3,
       Outcome::torn, false},
      {"longer during", [](MemoryTree& t) { t.rewrite("f", mixed_bytes(5001)); }, read, 3,
       Outcome::grew, true},
      {"written during", [](MemoryTree& t) { t.rewrite("f", mixed_bytes(5000, 3)); }, read, 3,
       Outcome::torn, false},
      {"chmod during", [](MemoryTree& t) { t.inode("f").stat.ctime.seconds += 1; }, read, 3,
       Outcome::torn, false},
      {"name gone during", [](MemoryTree& t) { t.remove("f"); }, read, 3, Outcome::as_recorded,
       true},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      MemoryTree tree;
      tree.add_file("a", "in front");
      tree.add_file("f", mixed_bytes(5000));
      tree.add_file("z", "behind");
      const auto catalog = scanned(tree);
      const Bytes whole = played(*catalog, tree);
      change_before(tree, c.at, c.count, c.change);
      const Played found = play_marked(*catalog, tree);
      only_differs_at(whole, found.bytes, *catalog->find("r/f"));
      const MemberEnd& end = found.heard.ends.at("f");
      CHECK(end.outcome == c.outcome);
      CHECK(end.hash.has_value() == c.hash);
      CHECK(end.why.empty() == (c.outcome == Outcome::as_recorded));
      CHECK(found.heard.omitted.at("f") == (c.outcome == Outcome::omitted));
      CHECK(found.heard.ends.at("z").outcome == Outcome::as_recorded);
    }
  }
}

TEST_CASE("tape_stream: what has no content is changed, never omitted", "[tape_stream]") {
  MemoryTree tree;
  tree.add_directory("dir");
  tree.add_file("empty", "");
  tree.add_symlink("link", "old");
  tree.add("pipe", SourceKind::fifo, 0600);
  const auto catalog = scanned(tree);
  const Bytes whole = played(*catalog, tree);
  tree.remove("dir");
  tree.rewrite("empty", {1, 2, 3});
  tree.inode("link").target = "new";
  tree.remove("pipe");
  const Played found = play_marked(*catalog, tree);
  CHECK(found.bytes == whole);
  for (const char* path : {"dir", "empty", "link", "pipe"})
    CHECK(found.heard.ends.at(path).outcome == Outcome::changed);
  CHECK(found.heard.ends.at("empty").hash);
}

TEST_CASE("tape_stream: links to an omitted file are omitted too, also behind a seek",
          "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("a", mixed_bytes(1000));
  tree.add_link("b", "a");
  tree.add_file("c", "there");
  tree.add_link("d", "c");
  const auto catalog = scanned(tree);
  tree.inode("a").denied = true;
  const Played found = play_marked(*catalog, tree);
  CHECK(found.heard.ends.at("a").outcome == Outcome::omitted);
  CHECK(found.heard.ends.at("b").outcome == Outcome::omitted);
  CHECK(found.heard.ends.at("d").outcome == Outcome::as_recorded);
  for (std::size_t at = 0; at <= found.bytes.size(); at += 256) {
    Heard heard;
    TapeStream stream(*catalog, tree, &heard, OnChange::mark);
    stream.seek(TapeOffset(at));
    const Bytes rest = rest_of(stream);
    CHECK(std::equal(rest.begin(), rest.end(),
                     found.bytes.begin() + static_cast<std::ptrdiff_t>(at), found.bytes.end()));
  }
}

TEST_CASE("tape_stream: an omitted range is filled with its nearest short-named directory",
          "[tape_stream]") {
  MemoryTree tree;
  tree.add_directory("d");
  tree.inode("d").stat.mode = 0555;
  const std::string deep = "d/" + std::string(120, 'n');
  tree.add_directory(deep);
  tree.add_file(deep + "/f", mixed_bytes(3000));
  ScanOptions options;
  options.metadata = Metadata::full;
  const auto catalog = scanned(tree, options);
  tree.remove(deep + "/f");
  const Played found = play_marked(*catalog, tree);
  const Entry entry = *catalog->find("r/" + deep + "/f");
  const Filling filling((entry.end() - entry.offset) / kBlockSize,
                        directory_block(catalog->find("r/d")->member));
  Bytes expected(entry.end() - entry.offset);
  filling.read(0, expected);
  CHECK(std::equal(expected.begin(), expected.end(),
                   found.bytes.begin() + static_cast<std::ptrdiff_t>(entry.offset.value())));
}

TEST_CASE("tape_stream: a single file that is omitted fails the run", "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("f", "content");
  ScanOptions options;
  options.single_file = "f";
  const auto catalog = scanned(tree, options);
  tree.remove("f");
  const auto failure = failure_of([&] { play_marked(*catalog, tree); });
  REQUIRE(failure);
  CHECK(failure->kind() == ErrorKind::source_changed);
}

TEST_CASE("tape_stream: a full table of files ends the run, also under mark", "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("f", mixed_bytes(2000));
  const auto catalog = scanned(tree);
  for (std::uint64_t call = 1; call <= 4; ++call) {
    Faults faults = Faults::at_call(call, Error(ErrorKind::exhausted, "no descriptors"));
    FaultyTree faulty(tree, faults);
    const auto failure = failure_of([&] { play_marked(*catalog, faulty); });
    REQUIRE(failure);
    CHECK(failure->kind() == ErrorKind::exhausted);
  }
}

TEST_CASE("tape_stream: a stream goes on from every state of another one, with equal ends",
          "[tape_stream]") {
  MemoryTree tree;
  tree.add_directory("d");
  tree.add_file("d/f", mixed_bytes(3000));
  tree.add_file("d/g", mixed_bytes(1537, 2));
  tree.add_symlink("l", "d/f");
  tree.add_file("x", "");
  const auto catalog = scanned(tree);
  const Played whole = play_marked(*catalog, tree);
  for (std::size_t at = 0; at <= whole.bytes.size(); at += 97) {
    Heard first;
    Bytes head(at);
    Bytes saved;
    {
      TapeStream stream(*catalog, tree, &first, OnChange::mark);
      REQUIRE(stream.read(head) == at);
      saved = encode_position(stream.state());
    }
    Heard second;
    TapeStream stream(*catalog, tree, nullptr, OnChange::mark);
    stream.resume(decode_position(saved), {});
    stream.hand_to(&second);
    const Bytes rest = rest_of(stream, 333);
    INFO("at " << at);
    CHECK(std::equal(rest.begin(), rest.end(),
                     whole.bytes.begin() + static_cast<std::ptrdiff_t>(at), whole.bytes.end()));
    CHECK(stream.read_again() == 0);
    // Each member ends once, with the hash of the whole.
    for (const auto& [path, end] : whole.heard.ends) {
      CHECK(first.ends.contains(path) != second.ends.contains(path));
      const MemberEnd& heard = first.ends.contains(path) ? first.ends[path] : second.ends[path];
      CHECK(heard.hash == end.hash);
    }
  }
}

TEST_CASE("tape_stream: a file that is another one after an interruption is torn, or ends the run",
          "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("f", mixed_bytes(3000));
  const auto catalog = scanned(tree);
  Bytes saved;
  {
    TapeStream stream(*catalog, tree, nullptr, OnChange::mark);
    Bytes head(512 + 512 + 1000);
    stream.read(head);
    saved = encode_position(stream.state());
  }
  SECTION("replaced") {
    tree.remove("f");
    tree.add_file("f", mixed_bytes(3000));
    tree.inode("f").stat.mtime = catalog->find("r/f")->source.mtime;
  }
  SECTION("touched") {
    tree.inode("f").stat.ctime.seconds += 1;
  }
  SECTION("gone") {
    tree.remove("f");
  }
  Heard heard;
  TapeStream marked(*catalog, tree, nullptr, OnChange::mark);
  marked.resume(decode_position(saved), {});
  marked.hand_to(&heard);
  rest_of(marked);
  CHECK(heard.ends.at("f").outcome == Outcome::torn);
  CHECK_FALSE(heard.ends.at("f").hash);
  TapeStream strict(*catalog, tree, nullptr, OnChange::stop);
  CHECK(failed([&] { strict.resume(decode_position(saved), {}); }).kind() ==
        ErrorKind::source_changed);
}

TEST_CASE("tape_stream: a hash of another version of its library is made once more",
          "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("f", mixed_bytes(3000));
  const auto catalog = scanned(tree);
  TapePosition position;
  {
    TapeStream stream(*catalog, tree, nullptr);
    Bytes head(512 + 512 + 1000);
    stream.read(head);
    position = stream.state();
  }
  REQUIRE(position.member);
  position.member->hash[0] ^= 1;
  Heard heard;
  TapeStream stream(*catalog, tree, nullptr);
  stream.resume(position, {});
  stream.hand_to(&heard);
  rest_of(stream);
  CHECK(stream.read_again() == 1000);
  CHECK(heard.ends.at("f").hash == xxh3_128(mixed_bytes(3000)));
}

TEST_CASE("tape_stream: a saved position that was cut is corrupt", "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("f", mixed_bytes(3000));
  const auto catalog = scanned(tree);
  TapeStream stream(*catalog, tree, nullptr);
  Bytes head(1500);
  stream.read(head);
  const Bytes saved = encode_position(stream.state());
  for (std::size_t size = 0; size < saved.size(); ++size)
    CHECK(failed([&] { decode_position(ByteView(saved).first(size)); }).kind() ==
          ErrorKind::corrupt);
}

TEST_CASE("tape_stream: going on inside an omitted range, later links are omitted too",
          "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("a", mixed_bytes(3000));
  tree.add_link("b", "a");
  const auto catalog = scanned(tree);
  tree.inode("a").denied = true;
  const Played whole = play_marked(*catalog, tree);
  for (std::size_t at = 512; at < whole.bytes.size(); at += 512) {
    TapeStream first(*catalog, tree, nullptr, OnChange::mark);
    Bytes head(at);
    first.read(head);
    // As a journal has it: what has ended in front.
    std::set<TapeOffset> omitted;
    const Entry a = *catalog->find("r/a");
    if (a.end().value() <= at) omitted.insert(a.offset);
    TapeStream second(*catalog, tree, nullptr, OnChange::mark);
    second.resume(first.state(), omitted);
    const Bytes rest = rest_of(second);
    INFO("at " << at);
    CHECK(std::equal(rest.begin(), rest.end(),
                     whole.bytes.begin() + static_cast<std::ptrdiff_t>(at), whole.bytes.end()));
  }
}

TEST_CASE("tape_stream: going on inside a torn file that is still the same gives the same bytes",
          "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("f", mixed_bytes(5000));
  const auto catalog = scanned(tree);
  tree.rewrite("f", mixed_bytes(4900));
  const Played whole = play_marked(*catalog, tree);
  TapeStream first(*catalog, tree, nullptr, OnChange::mark);
  Bytes head(2000);
  first.read(head);
  TapeStream second(*catalog, tree, nullptr, OnChange::mark);
  second.resume(first.state(), {});
  const Bytes rest = rest_of(second);
  CHECK(std::equal(rest.begin(), rest.end(), whole.bytes.begin() + 2000, whole.bytes.end()));
}

TEST_CASE("tape_stream: a hard link's name that another file has now is changed", "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("a", mixed_bytes(1000));
  tree.add_link("b", "a");
  const auto catalog = scanned(tree);
  tree.remove("b");
  tree.add_file("b", "another");
  const Played found = play_marked(*catalog, tree);
  CHECK(found.heard.ends.at("b").outcome == Outcome::changed);
  CHECK(found.heard.ends.at("a").outcome == Outcome::as_recorded);
  TapeStream strict(*catalog, tree, nullptr);
  CHECK(failed([&] { rest_of(strict); }).kind() == ErrorKind::source_changed);
}

TEST_CASE("tape_stream: a torn file's first reason stays, however often it is read behind its end",
          "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("f", mixed_bytes(5000));
  const auto catalog = scanned(tree);
  const auto cut = [](MemoryTree& t) { t.rewrite("f", mixed_bytes(1500)); };
  SECTION("cut while it is read") {
    change_before(tree, {MemoryTree::Verb::file_read, "f"}, 2, cut);
    const Played found = play_marked(*catalog, tree, 1000);
    CHECK(found.heard.ends.at("f").outcome == Outcome::torn);
    CHECK(found.heard.ends.at("f").why == "it ended at byte 1500 of 5000");
  }
  SECTION("cut before") {
    cut(tree);
    const Played found = play_marked(*catalog, tree, 1000);
    CHECK(found.heard.ends.at("f").why == "it has 1500 bytes, had 5000");
  }
  SECTION("cut before, and read once more behind an interruption") {
    cut(tree);
    TapeStream first(*catalog, tree, nullptr, OnChange::mark);
    Bytes head(512 + 512 + 2000);
    first.read(head);
    TapePosition position = first.state();
    REQUIRE(position.member);
    position.member->hash[0] ^= 1;
    Heard heard;
    TapeStream second(*catalog, tree, nullptr, OnChange::mark);
    second.resume(position, {});
    second.hand_to(&heard);
    rest_of(second);
    CHECK(second.read_again() == 2000);
    CHECK(heard.ends.at("f").why == "it has 1500 bytes, had 5000");
  }
}

TEST_CASE("tape_stream: no member begins in the end blocks", "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("f", "x");
  const auto catalog = scanned(tree);
  TapeStream stream(*catalog, tree, nullptr);
  for (const ByteCount before : {ByteCount{1024}, ByteCount{1}, ByteCount{0}}) {
    stream.seek(TapeOffset(stream.size() - before));
    CHECK(failed([&] { stream.begin_member(); }).kind() == ErrorKind::usage);
  }
  stream.seek(TapeOffset(stream.size() - 1025));
  stream.begin_member();
  CHECK(stream.current() == "f");
}
