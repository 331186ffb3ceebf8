#include "tape/tape_events.h"

#include <map>

#include "support/expect.h"
#include "support/samples.h"
#include "support/scanned.h"
#include "tape/digest.h"
#include "tape/volume_plan.h"
#include "tape/volume_reader.h"

using namespace tape;

namespace {

void fill(MemoryTree& tree) {
  tree.add_file("a", mixed_bytes(1000));
  tree.add_directory("d");
  tree.add_link("d/a2", "a");
  tree.add_file("d/empty", "");
  tree.add_file("d/" + text(120, 'n'), mixed_bytes(70'000, 3));
  tree.add_symlink("d/s", "../a");
}

struct Told {
  Bytes bytes;
  std::vector<std::string> words;  // of starts and ends
  bool completed = false;
};

Told told(TapeEvents& events, TapeOffset from) {
  Told out;
  events.seek(from);
  while (const auto event = events.next()) {
    const auto path = [&] { return event->entry->path; };
    switch (event->kind) {
      case TapeEvent::Kind::member_starts:
        out.words.push_back("+" + path() + (event->resumed ? " resumed" : ""));
        break;
      case TapeEvent::Kind::data:
        CHECK(event->offset == from + out.bytes.size());
        CHECK(event->bytes.size() <= kEventBytesMax);
        out.bytes.insert(out.bytes.end(), event->bytes.begin(), event->bytes.end());
        break;
      case TapeEvent::Kind::member_ends:
        CHECK(from + out.bytes.size() == event->entry->end());
        out.words.push_back("-" + path() + (event->md5 ? " " + hex(*event->md5) : ""));
        break;
      case TapeEvent::Kind::completed:
        CHECK_FALSE(out.completed);
        CHECK(event->offset == TapeOffset(events.size()));
        out.completed = true;
        break;
    }
  }
  return out;
}

// Of one member in a slice.
struct Line {
  std::string path;
  MemberState state;
  std::uint64_t begin, size;
  friend bool operator==(const Line&, const Line&) = default;
};

}  // namespace

TEST_CASE("tape_events: members start and end around their bytes", "[events]") {
  MemoryTree tree;
  tree.add_file("a", "abc");
  tree.add_directory("d");
  tree.add_file("d/empty", "");
  const auto catalog = scanned(tree);
  TapeEvents events(*catalog, tree, {OnChange::stop, true});
  const Told whole = told(events, TapeOffset(0));
  CHECK(whole.words == std::vector<std::string>{"+", "-", "+a",
                                                "-a 900150983cd24fb0d6963f7d28e17f72", "+d", "-d",
                                                "+d/empty", "-d/empty"});
  CHECK(whole.bytes == played(*catalog, tree));
  CHECK(whole.completed);
  // Behind the body's first byte: no digest of a part.
  const Told part = told(events, TapeOffset(512 + 512 + 1));
  CHECK(part.words.at(0) == "+a resumed");
  CHECK(part.words.at(1) == "-a");
  TapeEvents quiet(*catalog, tree, {});
  CHECK(told(quiet, TapeOffset(0)).words.at(3) == "-a");
}

TEST_CASE("tape_events: from every offset their bytes are the tape's", "[events]") {
  MemoryTree tree;
  fill(tree);
  const auto catalog = scanned(tree);
  const Bytes whole = played(*catalog, tree);
  TapeEvents events(*catalog, tree, {});
  for (std::size_t at = 0; at <= whole.size(); at += at % 512 < 3 || at % 512 > 509 ? 1 : 53) {
    INFO(at);
    const Told rest = told(events, TapeOffset(at));
    REQUIRE(rest.bytes == Bytes(whole.begin() + static_cast<std::ptrdiff_t>(at), whole.end()));
    REQUIRE(rest.completed);
  }
  CHECK(failed([&] { events.seek(TapeOffset(whole.size() + 1)); }).kind() == ErrorKind::usage);
}

TEST_CASE("tape_events: what was told to stop ends there, completed only at the tape's end",
          "[events]") {
  MemoryTree tree;
  fill(tree);
  const auto catalog = scanned(tree);
  const Bytes whole = played(*catalog, tree);
  for (const std::size_t end : {std::size_t{0}, std::size_t{1}, std::size_t{512}, whole.size() - 1,
                                whole.size(), whole.size() + 1, whole.size() + kEventBytesMax}) {
    TapeEvents events(*catalog, tree, {});
    events.stop_at(TapeOffset(end));
    const Told some = told(events, TapeOffset(0));
    const std::size_t size = std::min(end, whole.size());
    CHECK(some.bytes == Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    CHECK(some.completed == (end >= whole.size()));
  }
}

TEST_CASE("tape_events: an omitted member's range comes, and its end says so", "[events]") {
  MemoryTree tree;
  fill(tree);
  const auto catalog = scanned(tree);
  tree.remove("a");
  tree.remove("d/a2");  // under its other name it would be found
  TapeEvents events(*catalog, tree, {OnChange::mark, true});
  std::size_t omitted = 0;
  ByteCount bytes = 0;
  while (const auto event = events.next()) {
    bytes += event->bytes.size();
    if (event->kind == TapeEvent::Kind::member_ends && event->end.outcome == Outcome::omitted) {
      ++omitted;
      CHECK_FALSE(event->md5);
    }
  }
  CHECK(omitted == 2);  // and the hard link to it
  CHECK(bytes == events.size());
}

TEST_CASE("tape_events: a torn body has no digest, an empty one no MD5", "[events]") {
  MemoryTree tree;
  tree.add_file("a", mixed_bytes(1000));
  tree.add_file("b", mixed_bytes(1000));
  tree.add_file("empty", "");
  const auto catalog = scanned(tree);
  tree.rewrite("b", mixed_bytes(900));
  TapeEvents events(*catalog, tree, {OnChange::mark, true});
  std::map<std::string, std::string> digests;
  while (const auto event = events.next()) {
    if (event->kind == TapeEvent::Kind::member_ends)
      digests[event->entry->path] = std::string(event->end.hash ? "xxh3 " : "") +
                                    (event->md5 ? "md5 " : "") +
                                    (event->end.outcome == Outcome::torn ? "torn" : "");
  }
  CHECK(digests == std::map<std::string, std::string>{
                       {"", ""}, {"a", "xxh3 md5 "}, {"b", "torn"}, {"empty", "xxh3 "}});
}

TEST_CASE("volume_reader: the slices of any size are the tape, one behind the other", "[volume]") {
  MemoryTree tree;
  fill(tree);
  const auto catalog = scanned(tree);
  const Bytes whole = played(*catalog, tree);
  for (const ByteCount size : {ByteCount{100}, ByteCount{512}, ByteCount{4096}, ByteCount{65'536},
                               ByteCount{0}, ByteCount{whole.size() - 1024}}) {
    INFO(size);
    const VolumePlan plan = VolumePlan::fixed(whole.size(), size, 0);
    Bytes all;
    for (std::uint64_t number = 0; number < plan.count(); ++number) {
      VolumeReader volume(*catalog, tree, {plan.slice(number), "v"});
      Bytes bytes(volume.size() + 10);
      bytes.resize(volume.read(bytes));
      CHECK(bytes.size() == volume.size());
      CHECK(volume.tell() == volume.size());
      CHECK(volume.read(bytes) == 0);
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
    CHECK(all == whole);
  }
}

TEST_CASE("volume_reader: any place in it can be sought", "[volume]") {
  MemoryTree tree;
  fill(tree);
  const auto catalog = scanned(tree);
  const Bytes whole = played(*catalog, tree);
  VolumeReader volume(*catalog, tree, {{TapeOffset(1000), 5000}, "the slice"});
  CHECK(volume.name() == "the slice");
  for (const std::uint64_t place : {4999U, 0U, 512U, 5000U, 1U}) {
    volume.seek(place);
    CHECK(volume.tell() == place);
    Bytes bytes(5000);
    bytes.resize(volume.read(bytes));
    CHECK(bytes ==
          Bytes(whole.begin() + 1000 + static_cast<std::ptrdiff_t>(place), whole.begin() + 6000));
  }
  const Error error = failed([&] { volume.seek(5001); });
  CHECK(error.kind() == ErrorKind::usage);
}

TEST_CASE("volume_reader: its members, by what of them lies in the slice", "[volume]") {
  MemoryTree tree;
  tree.add_file("a", mixed_bytes(3000));  // 512 to 4096
  tree.add_file("b", "x");                // 4096 to 5120
  const auto catalog = scanned(tree);
  const auto lines = [&](std::uint64_t begin, ByteCount size) {
    std::vector<Line> out;
    SliceMembers members(*catalog, {TapeOffset(begin), size});
    while (const auto member = members.next()) {
      CHECK(member->tape.begin.value() == begin + member->begin);
      out.push_back({member->entry.path, member->state, member->begin, member->tape.size});
    }
    return out;
  };
  using State = MemberState;
  CHECK(lines(0, 1024) ==
        std::vector<Line>{{"", State::complete, 0, 512}, {"a", State::head, 512, 512}});
  CHECK(lines(1024, 1024) == std::vector<Line>{{"a", State::body, 0, 1024}});
  CHECK(lines(2048, 2048) == std::vector<Line>{{"a", State::tail, 0, 2048}});
  CHECK(lines(4096, 4096) == std::vector<Line>{{"b", State::complete, 0, 1024}});
  CHECK(lines(5120, 1024).empty());  // the end blocks
}
