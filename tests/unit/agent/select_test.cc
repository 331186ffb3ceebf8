#include "restore/select.h"

#include "support/expect.h"
#include "support/memory_tree.h"
#include "support/packed.h"

using namespace tape;
using namespace test;

namespace {

// Root `docs`, with a folder of the root's own name in it.
void fill(MemoryTree& tree) {
  for (const char* folder : {"letters", "docs", "docs/letters"})
    tree.add_directory(folder);
  for (const char* file : {"letters/a", "letters/b", "docs/letters/c", "plain", "new\nline",
                           "back\\slash", "\xff", "-dash", "\\x41"})
    tree.add_file(file, file);
}

Bytes sample(const std::string& prefix) {
  MemoryTree tree;
  fill(tree);
  return packed(tree, portable(prefix));
}

std::unique_ptr<Catalog> sample_tape(const std::string& prefix) {
  MemoryTree tree;
  fill(tree);
  return sealed(tree, portable(prefix));
}

std::string path_of(const Entry& entry) {
  return member_path(entry.member.name, entry.member.type);
}

std::vector<std::string> names_of(Archive& archive, const agent::Selection& selection) {
  std::vector<std::string> names;
  agent::each_selected(archive, selection,
                       [&](const MemberRecord& record) { names.push_back(record.name()); });
  return names;
}

}  // namespace

TEST_CASE("select: a member is understood in every form that people type", "[select]") {
  const struct {
    const char* prefix;
    const char* typed;
    const char* path;
  } cases[] = {
      {"docs", "docs/letters/a", "docs/letters/a"},
      {"docs", "/docs/letters/a", "docs/letters/a"},
      {"docs", "./docs/letters/a", "docs/letters/a"},
      {"docs", "././docs/letters/a", "docs/letters/a"},
      {"docs", "docs/letters/", "docs/letters"},
      {"docs", "docs/letters", "docs/letters"},
      {"docs", "docs/", "docs"},
      {"docs", "letters/a", "docs/letters/a"},
      {"docs", "/letters/a", "docs/letters/a"},
      {"docs", "./letters/", "docs/letters"},
      {"docs", "plain", "docs/plain"},
      {"docs", "/home/me/docs/letters/a", "docs/letters/a"},
      {"docs", "/home/me/docs", "docs"},
      {"docs", "/home/me/docs/", "docs"},
      {"docs", "docs/new\\x0aline", "docs/new\nline"},
      {"docs", "docs/new\nline", "docs/new\nline"},
      {"docs", "new\\x0aline", "docs/new\nline"},
      {"docs", "docs/back\\\\slash", "docs/back\\slash"},
      {"docs", "docs/back\\slash", "docs/back\\slash"},
      {"docs", "docs/\\xff", "docs/\xff"},
      {"docs", "/home/me/docs/\\xff", "docs/\xff"},
      {"docs", "-dash", "docs/-dash"},
      {"docs", "/", "docs"},
      {"docs", ".", "docs"},
      {"docs", "./", "docs"},
      {"", "letters/a", "letters/a"},
      {"", "/letters/a", "letters/a"},
      {"", "./letters/a", "letters/a"},
      {"", "./", ""},
      {"", ".", ""},
      {"", "/", ""},
      {"a/b", "a/b/plain", "a/b/plain"},
      {"a/b", "plain", "a/b/plain"},
      {"a/b", "/srv/a/b/plain", "a/b/plain"},
  };
  for (const auto& c : cases) {
    OpenedArchive opened(sample(c.prefix));
    INFO("prefix " << c.prefix << ", typed " << c.typed);
    std::string found = "none";
    const auto failure =
        failure_of([&] { found = agent::member_for(opened.archive, c.typed).path; });
    CHECK(found == c.path);
    const auto tape = sample_tape(c.prefix);
    found = "none";
    const auto other = failure_of([&] { found = path_of(agent::member_for(*tape, c.typed)); });
    CHECK(found == c.path);
  }
}

TEST_CASE("select: a name as it is wins over what it may mean", "[select]") {
  OpenedArchive opened(sample("docs"));
  // docs/docs/letters, or the prefix and then docs/letters.
  CHECK(agent::member_for(opened.archive, "docs/letters").path == "docs/letters");
  CHECK(agent::member_for(opened.archive, "docs/docs/letters").path == "docs/docs/letters");
  CHECK(agent::member_for(opened.archive, "docs").path == "docs");
  // A file is named `\x41`; ls shows it as `\\x41`.
  CHECK(agent::member_for(opened.archive, "docs/\\x41").path == "docs/\\x41");
  CHECK(agent::member_for(opened.archive, "docs/\\\\x41").path == "docs/\\x41");
}

TEST_CASE("select: what fits several members is refused", "[select]") {
  MemoryTree tree;
  tree.add_directory("srv");
  tree.add_directory("srv/docs");
  tree.add_file("srv/docs/x", "1");
  tree.add_file("x", "2");
  const auto tape = sealed(tree, portable("docs"));
  OpenedArchive opened(packed(tree, portable("docs")));
  // The absolute source path of docs/x, or docs/srv/docs/x without its prefix.
  for (const auto& failure :
       {failed([&] { return agent::member_for(opened.archive, "/srv/docs/x"); }),
        failed([&] { return agent::member_for(*tape, "/srv/docs/x"); })}) {
    CHECK(failure.kind() == ErrorKind::not_found);
    CHECK(says(failure, "several members fit"));
  }
}

TEST_CASE("select: what is not there is not found, with the nearest names as hint", "[select]") {
  OpenedArchive opened(sample("docs"));
  for (const char* typed : {"docs/letters/aa", "letters/aa", "/letters/aa"}) {
    INFO(typed);
    const auto failure = failed([&] { return agent::member_for(opened.archive, typed); });
    CHECK(failure.kind() == ErrorKind::not_found);
    CHECK(says(failure, "letters/aa"));
    CHECK(failure.hint().find("docs/letters/a") != std::string::npos);
    CHECK(failure.hint().find("docs/letters/b") != std::string::npos);
    const auto of_tape = failed([&] { return agent::member_for(*sample_tape("docs"), typed); });
    CHECK(of_tape.kind() == ErrorKind::not_found);
    CHECK(of_tape.hint().find("docs/letters/a") != std::string::npos);
    CHECK(of_tape.hint().find("docs/letters/b") != std::string::npos);
  }
  for (const char* typed :
       {"other/plain", "docs/plain/x", "doc", "docsx", "..", "docs/../docs/plain"}) {
    INFO(typed);
    CHECK(failed([&] { return agent::member_for(opened.archive, typed); }).kind() ==
          ErrorKind::not_found);
  }
}

TEST_CASE("select: names in a message are escaped", "[select]") {
  OpenedArchive opened(sample("docs"));
  const auto failure = failed([&] { return agent::member_for(opened.archive, "new\nlinf\x1b"); });
  CHECK(says(failure, "new\\x0alinf\\x1b"));
  CHECK(failure.hint().find('\n') == std::string::npos);
}

TEST_CASE("select: an archive of a single file knows it by its name and by its source path",
          "[select]") {
  for (const char* prefix : {"", "p"}) {
    const std::string name = std::string(prefix) + (*prefix == '\0' ? "" : "/") + "notes.txt";
    OpenedArchive opened(packed({made_file(name, "x")}));
    for (const char* typed : {"notes.txt", "/notes.txt", "/home/me/notes.txt"}) {
      INFO("member " << name << ", typed " << typed);
      std::string found = "none";
      const auto failure =
          failure_of([&] { found = agent::member_for(opened.archive, typed).path; });
      CHECK(found == name);
    }
  }
}

TEST_CASE("select: a name as it is is found also where the first member is no root", "[select]") {
  OpenedArchive opened(packed({made_file("a/x", "1"), made_file("b", "2")}));
  std::string found = "none";
  const auto failure = failure_of([&] { found = agent::member_for(opened.archive, "b").path; });
  CHECK(found == "b");
}

TEST_CASE("select: an archive without members has none to find", "[select]") {
  OpenedArchive opened(packed(std::vector<MadeMember>{}));
  CHECK(failed([&] { return agent::member_for(opened.archive, "x"); }).kind() ==
        ErrorKind::not_found);
  CHECK(names_of(opened.archive, {}).empty());
}

TEST_CASE("select: a directory brings what is below it, and nothing twice", "[select]") {
  OpenedArchive opened(sample("docs"));
  Archive& archive = opened.archive;
  CHECK(names_of(archive, agent::select(archive, {"letters"})) ==
        std::vector<std::string>{"docs/letters/", "docs/letters/a", "docs/letters/b"});
  CHECK(agent::select(archive, {"letters/b", "letters", "letters/a", "letters/"}) ==
        agent::Selection{"docs/letters"});
  // In tape order, whatever the order typed.
  CHECK(names_of(archive, agent::select(archive, {"plain", "letters/b", "letters/a"})) ==
        std::vector<std::string>{"docs/letters/a", "docs/letters/b", "docs/plain"});
  CHECK(names_of(archive, {}).size() == 13);
  CHECK(names_of(archive, agent::select(archive, {"docs"})).size() == 13);
}

TEST_CASE("select: a sibling that begins with the same letters is not below", "[select]") {
  MemoryTree tree;
  tree.add_directory("a");
  tree.add_file("a/x", "");
  for (const char* name : {"a-b", "a.b", "ab"})
    tree.add_file(name, "");
  OpenedArchive opened(packed(tree, portable("p")));
  const auto selection = agent::select(opened.archive, {"p/a"});
  CHECK(names_of(opened.archive, selection) == std::vector<std::string>{"p/a/", "p/a/x"});
  CHECK(agent::is_selected(selection, "p/a"));
  CHECK(agent::is_selected(selection, "p/a/x"));
  CHECK_FALSE(agent::is_selected(selection, "p/a-b"));
  CHECK_FALSE(agent::is_selected(selection, "p/ab"));
  CHECK_FALSE(agent::is_selected(selection, "p"));
  CHECK(agent::is_selected({}, "anything"));
}

TEST_CASE("select: with several members at the top none is the root of the others", "[select]") {
  std::vector<MadeMember> members = {made(MemberType::directory, "a/")};
  // More than one leaf in front of it.
  for (int i = 1000; i < 3000; ++i)
    members.push_back(made_file("a/" + std::to_string(i), ""));
  members.push_back(made(MemberType::directory, "b/"));
  members.push_back(made_file("b/1001", "x"));
  OpenedArchive opened(packed(members));
  CHECK(opened.archive.index().root().height > 1);
  CHECK_FALSE(opened.archive.is_rooted("a"));
  CHECK(agent::member_for(opened.archive, "b/1001").path == "b/1001");
  members.resize(members.size() - 2);
  OpenedArchive rooted(packed(members));
  CHECK(rooted.archive.is_rooted("a"));
  CHECK(agent::member_for(rooted.archive, "1001").path == "a/1001");
}
