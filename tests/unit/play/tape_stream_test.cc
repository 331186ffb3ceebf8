#include "tape/tape_stream.h"

#include "support/expect.h"
#include "support/hand_made.h"
#include "support/memory_io.h"
#include "support/samples.h"
#include "support/scanned.h"

using namespace tape;

namespace {

// Every kind of member, bodies around the block size.
void fill(MemoryTree& tree) {
  tree.add_file("a", mixed_bytes(1000));
  tree.add_directory("d");
  tree.add_link("d/a2", "a");
  tree.add_file("d/block", mixed_bytes(512, 2));
  tree.add_file("d/empty", "");
  tree.add_file("d/one", "1");
  tree.add_symlink("d/s", "../a");
  tree.add_file("d/" + text(120, 'n'), mixed_bytes(513, 3));
  tree.add("pipe", SourceKind::fifo, 0600);
  MemoryTree::Inode& device = tree.add("tty", SourceKind::character_device, 0620);
  device.stat.device_major = 4;
  device.stat.device_minor = 64;
}

std::unique_ptr<Catalog> scanned_full(MemoryTree& tree) {
  ScanOptions options;
  options.metadata = Metadata::full;
  return scanned(tree, options);
}

Member member_of(MemoryTree& tree, const std::string& path, const std::string& name) {
  const SourceStat& stat = tree.inode(path).stat;
  Member member = plain_member(name);
  member.mode = stat.mode;
  member.mtime = stat.mtime;
  if (stat.kind == SourceKind::directory) member.type = MemberType::directory;
  if (stat.kind == SourceKind::fifo) member.type = MemberType::fifo;
  if (stat.kind == SourceKind::character_device) {
    member.type = MemberType::character_device;
    member.device_major = stat.device_major;
    member.device_minor = stat.device_minor;
  }
  if (stat.kind == SourceKind::symlink) {
    member.type = MemberType::symlink;
    member.target = tree.inode(path).target;
  }
  return member;
}

// The tape of fill() by hand, in tape order.
HandMadeTape expected_tape(MemoryTree& tree) {
  HandMadeTape tape;
  const auto add = [&](const std::string& path, const std::string& name) {
    tape.add(member_of(tree, path, name), tree.inode(path).content);
  };
  add("", "r/");
  add("a", "r/a");
  add("d", "r/d/");
  Member link = member_of(tree, "a", "r/d/a2");
  link.type = MemberType::hard_link;
  link.target = "r/a";
  tape.add(link);
  add("d/block", "r/d/block");
  add("d/empty", "r/d/empty");
  add("d/" + text(120, 'n'), "r/d/" + text(120, 'n'));
  add("d/one", "r/d/one");
  add("d/s", "r/d/s");
  add("pipe", "r/pipe");
  add("tty", "r/tty");
  tape.end();
  return tape;
}

// Writes down what it hears, with the place on the tape where it heard it.
class Listener final : public MemberObserver {
 public:
  struct Event {
    std::string path;
    bool start = false;
    bool resumed = false;
    std::optional<Hash128> hash;
    TapeOffset at;
  };

  void member_starts(const Entry& entry, const Start& start) override {
    events.push_back({entry.path, true, start.resumed, {}, stream->position()});
  }
  void member_ends(const Entry& entry, const MemberEnd& end) override {
    events.push_back({entry.path, false, false, end.hash, stream->position()});
  }

  const TapeStream* stream = nullptr;
  std::vector<Event> events;
};

}  // namespace

TEST_CASE("tape_stream: a tree of every kind plays as the headers and bodies of its members",
          "[tape_stream]") {
  MemoryTree tree;
  fill(tree);
  const auto catalog = scanned_full(tree);
  const HandMadeTape expected = expected_tape(tree);
  CHECK(played(*catalog, tree) == expected.bytes);
  CHECK(catalog->summary().tape_size == expected.bytes.size());
}

TEST_CASE("tape_stream: reads of any size give the same bytes", "[tape_stream]") {
  MemoryTree tree;
  fill(tree);
  const auto catalog = scanned(tree);
  const Bytes whole = played(*catalog, tree);
  for (const std::size_t piece : {1U, 3U, 511U, 512U, 513U, 1500U, 100'000U}) {
    INFO(piece);
    CHECK(played(*catalog, tree, piece) == whole);
  }
}

TEST_CASE("tape_stream: a read is short only at the end of the tape, and empty behind it",
          "[tape_stream]") {
  MemoryTree tree;
  fill(tree);
  const auto catalog = scanned(tree);
  TapeStream stream(*catalog, tree, nullptr);
  Bytes buffer(stream.size() - 1);
  CHECK(stream.read(buffer) == buffer.size());
  CHECK(stream.read(buffer) == 1);
  CHECK(stream.read(buffer) == 0);
  CHECK(stream.position().value() == stream.size());
}

TEST_CASE("tape_stream: the tape from every offset is the tail of the whole", "[tape_stream]") {
  struct Case {
    const char* what;
    void (*fill)(MemoryTree& tree);
    const char* single_file;
  };
  const Case kCases[] = {
      {"the root alone", [](MemoryTree&) {}, ""},
      {"one file", [](MemoryTree& t) { t.add_file("f", mixed_bytes(700)); }, "f"},
      {"one empty file", [](MemoryTree& t) { t.add_file("f", ""); }, "f"},
      {"every kind", fill, ""},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      MemoryTree tree;
      c.fill(tree);
      ScanOptions options;
      options.single_file = c.single_file;
      const auto catalog = scanned(tree, options);
      const Bytes whole = played(*catalog, tree);
      REQUIRE(whole.size() >= 1024);
      TapeStream stream(*catalog, tree, nullptr);
      for (std::size_t at = 0; at <= whole.size(); ++at) {
        stream.seek(TapeOffset(at));
        const Bytes rest = rest_of(stream);
        if (!std::equal(rest.begin(), rest.end(), whole.begin() + static_cast<std::ptrdiff_t>(at),
                        whole.end()))
          FAIL("offset " << at);
      }
    }
  }
}

TEST_CASE("tape_stream: seeking anywhere in the middle of reading leaves no trace",
          "[tape_stream]") {
  MemoryTree tree;
  fill(tree);
  const auto catalog = scanned(tree);
  const Bytes whole = played(*catalog, tree);
  TapeStream stream(*catalog, tree, nullptr);
  Random random(9);
  for (int round = 0; round < 500; ++round) {
    const std::size_t at = below(random, whole.size() + 1);
    Bytes some(below(random, 1500));
    stream.seek(TapeOffset(at));
    CHECK(stream.position() == TapeOffset(at));
    some.resize(stream.read(some));
    REQUIRE(some.size() <= whole.size() - at);
    INFO("seed 9, round " << round);
    CHECK(std::equal(some.begin(), some.end(), whole.begin() + static_cast<std::ptrdiff_t>(at)));
  }
}

TEST_CASE("tape_stream: the end blocks are 1024 zero bytes", "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("f", mixed_bytes(700));
  const auto catalog = scanned(tree);
  const Bytes whole = played(*catalog, tree);
  CHECK(Bytes(whole.end() - 1024, whole.end()) == Bytes(1024));
  CHECK(catalog->entry_at(TapeOffset(whole.size() - 1025))->path == "f");
  CHECK_FALSE(catalog->entry_at(TapeOffset(whole.size() - 1024)));
}

TEST_CASE("tape_stream: a seek beyond the end is a usage error", "[tape_stream]") {
  MemoryTree tree;
  const auto catalog = scanned(tree);
  TapeStream stream(*catalog, tree, nullptr);
  stream.seek(TapeOffset(stream.size()));
  CHECK(failed([&] { stream.seek(TapeOffset(stream.size() + 1)); }).kind() == ErrorKind::usage);
}

TEST_CASE("tape_stream: the observer hears members in order, at the places it is promised",
          "[tape_stream]") {
  MemoryTree tree;
  fill(tree);
  const auto catalog = scanned_full(tree);
  const HandMadeTape expected = expected_tape(tree);
  Listener listener;
  TapeStream stream(*catalog, tree, &listener);
  listener.stream = &stream;
  rest_of(stream, 1);
  REQUIRE(listener.events.size() == 2 * expected.entries.size());
  for (std::size_t i = 0; i < expected.entries.size(); ++i) {
    const Entry& entry = expected.entries[i];
    const Listener::Event& start = listener.events[2 * i];
    const Listener::Event& end = listener.events[2 * i + 1];
    INFO(entry.path);
    CHECK("r" + (start.path.empty() ? "" : "/" + start.path) == entry.path);
    CHECK(start.start);
    CHECK_FALSE(start.resumed);
    CHECK(start.at == entry.offset);
    CHECK(end.path == start.path);
    CHECK_FALSE(end.start);
    CHECK(end.at == entry.body() + entry.member.size);
    CHECK(end.hash == expected.hashes[i]);
  }
}

TEST_CASE("tape_stream: a member entered by a seek is resumed, and hashed only from its first byte",
          "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("f", mixed_bytes(700));
  const auto catalog = scanned(tree);
  const auto file = catalog->find("r/f");
  REQUIRE(file);
  struct Case {
    const char* what;
    TapeOffset at;
    bool resumed;
    bool hashed;
  };
  const Case kCases[] = {
      {"first header byte", file->offset, false, true},
      {"second header byte", file->offset + 1, true, true},
      {"first body byte", file->body(), true, true},
      {"second body byte", file->body() + 1, true, false},
      {"last body byte", file->body() + 699, true, false},
      {"padding", file->body() + 700, true, false},
      {"last byte", file->end() + ~ByteCount{0}, true, false},
  };
  for (const Case& c : kCases) {
    DYNAMIC_SECTION(c.what) {
      Listener listener;
      TapeStream stream(*catalog, tree, &listener);
      listener.stream = &stream;
      stream.seek(c.at);
      rest_of(stream);
      REQUIRE(listener.events.size() == 2);
      CHECK(listener.events[0].start);
      CHECK(listener.events[0].resumed == c.resumed);
      CHECK(listener.events[0].at == c.at);
      CHECK(listener.events[1].hash.has_value() == c.hashed);
      if (c.hashed) CHECK(listener.events[1].hash == xxh3_128(tree.inode("f").content));
    }
  }
}

TEST_CASE("tape_stream: what lies before a seek is not read from the source", "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("a", mixed_bytes(700));
  tree.add_file("b", mixed_bytes(700, 2));
  const auto catalog = scanned(tree);
  TapeStream stream(*catalog, tree, nullptr);
  stream.seek(catalog->find("r/b")->offset);
  tree.accesses.clear();
  rest_of(stream);
  for (const MemoryTree::Access& access : tree.accesses)
    CHECK(access.path == "b");
  CHECK_FALSE(tree.accesses.empty());
}

TEST_CASE("tape_stream: current names the member under way, escaped", "[tape_stream]") {
  MemoryTree tree;
  tree.add_file("a\nb", mixed_bytes(700));
  const auto catalog = scanned(tree);
  TapeStream stream(*catalog, tree, nullptr);
  CHECK(stream.current().empty());
  stream.seek(catalog->find("r/a\nb")->offset);
  Bytes one(1);
  stream.read(one);
  CHECK(stream.current() == "a\\x0ab");
  rest_of(stream);
  CHECK(stream.current().empty());
}

TEST_CASE("tape_stream: pushed into a sink it is what is read", "[tape_stream]") {
  MemoryTree tree;
  fill(tree);
  const auto catalog = scanned_full(tree);
  const Bytes whole = played(*catalog, tree);
  for (const std::uint64_t from : {std::uint64_t{0}, std::uint64_t{513}, whole.size() - 1}) {
    TapeStream stream(*catalog, tree, nullptr);
    stream.seek(TapeOffset(from));
    MemorySink sink;
    stream.write_to(sink);
    CHECK(sink.bytes == Bytes(whole.begin() + static_cast<std::ptrdiff_t>(from), whole.end()));
    CHECK_FALSE(sink.finished);
  }
}
