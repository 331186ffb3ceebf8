#include "restore/tar_stream.h"

#include "support/expect.h"
#include "support/memory_tree.h"
#include "support/packed.h"
#include "tape/foreign_tar.h"

using namespace tape;
using namespace test;

namespace {

struct Streamed {
  agent::TarStreamReport report;
  Bytes bytes;
  std::vector<std::string> warnings;

  // `NAME`, of a link `NAME -> TARGET`, with the content of files behind a colon.
  std::vector<std::string> members() const {
    std::vector<std::string> out;
    ForeignTarParser parser([&](const ForeignMember& found) {
      std::string line = found.member.name;
      if (!found.member.target.empty()) line += " -> " + found.member.target;
      if (found.member.type == MemberType::regular)
        line += ": " + as_text(ByteView(bytes).subspan(found.body, found.size));
      out.push_back(line);
    });
    parser.write(bytes);
    parser.finish();
    CHECK(parser.complete());
    return out;
  }
};

Streamed stream(Archive& archive,
                const std::vector<std::string>& paths,
                PathFilter filter = {},
                unsigned strip = 0,
                bool damaged = false) {
  const agent::Wanted wanted(archive, agent::select(archive, paths), std::move(filter), strip);
  Streamed out;
  agent::RestoreEvents events;
  events.warning = [&](const std::string& what) { out.warnings.push_back(what); };
  MemorySink sink;
  out.report = agent::stream_tar(archive, wanted, {sink, false, damaged}, events);
  out.bytes = sink.bytes;
  return out;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("tar_stream: of everything it is the tape, byte for byte", "[tar_stream]") {
  MemoryTree tree;
  tree.add_directory("d");
  tree.add_file("d/long", Bytes(70'000, 'l'));
  tree.add_link("d/second", "d/long");
  tree.add_file(std::string(150, 'n'), "needs pax");
  tree.add_symlink("s", "d/long");
  for (const auto& options : {portable("p"), full("")}) {
    const auto catalog = sealed(tree, options);
    OpenedArchive opened(packed(*catalog, tree));
    MemorySink tape;
    TapeStream(*catalog, tree, nullptr).write_to(tape);
    CHECK(stream(opened.archive, {}).bytes == tape.bytes);
  }
}

TEST_CASE("tar_stream: a subtree, renamed, with links that hold in it", "[tar_stream]") {
  MemoryTree tree;
  tree.add_file("a", "first");
  tree.add_directory("d");
  tree.add_link("d/b", "a");
  tree.add_link("d/c", "a");
  tree.add_file("d/x", "x");
  tree.add_link("d/y", "d/x");
  OpenedArchive opened(packed(tree, portable("p")));
  // The first name is not in the stream: each has the content.
  CHECK(stream(opened.archive, {"d"}).members() ==
        Lines{"p/d/", "p/d/b: first", "p/d/c: first", "p/d/x: x", "p/d/y -> p/d/x"});
  CHECK(stream(opened.archive, {"d/x", "d/y"}, {}, 2).members() == Lines{"x: x", "y -> x"});
  PathFilter filter;
  filter.exclude("x");
  CHECK(stream(opened.archive, {"d"}, std::move(filter), 1).members() ==
        Lines{"d/", "d/b: first", "d/c: first", "d/y: x"});
}

TEST_CASE("tar_stream: torn members are left out, or marked", "[tar_stream]") {
  MadeMember torn = made_file("p/a", "torn");
  torn.torn = true;
  OpenedArchive opened(
      packed({torn, made(MemberType::hard_link, "p/b", "p/a"), made_file("p/c", "whole")}));
  const Streamed without = stream(opened.archive, {});
  CHECK(without.members() == Lines{"p/c: whole"});
  CHECK(without.report.left_out == 2);
  CHECK(without.warnings.size() == 2);
  const Streamed with = stream(opened.archive, {}, {}, 0, true);
  CHECK(with.members() == Lines{"p/a: torn", "p/b -> p/a", "p/c: whole"});
  CHECK(with.report.torn == 1);
  CHECK(with.warnings.size() == 1);
}

TEST_CASE("tar_stream: behind a wrong hash nothing comes, no end either", "[tar_stream]") {
  MadeMember wrong = made_file("p/a", std::string(700, 'x'));
  wrong.wrong_hash = true;
  OpenedArchive opened(packed({wrong, made_file("p/b", "b")}));
  const Streamed found = stream(opened.archive, {});
  REQUIRE(found.report.wrong_hash);
  CHECK(*found.report.wrong_hash == "p/a");
  CHECK(found.bytes.size() == 512 + 700);
}
