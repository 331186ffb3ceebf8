#include "restore/restore.h"

#include <algorithm>
#include <filesystem>

#include <unistd.h>

#include "support/expect.h"
#include "support/memory_tree.h"
#include "support/packed.h"

using namespace tape;
using namespace test;
using agent::Overwrite;

namespace {

constexpr Timestamp kRecorded{1'500'000'000, 0};
constexpr Timestamp kOlder{1'400'000'000, 0};
constexpr Timestamp kNewer{1'600'000'000, 0};

struct Run {
  agent::RestoreReport report;
  std::vector<std::string> warnings;
};

Run restore_into(const std::string& target,
                 Bytes archive,
                 const std::vector<std::string>& paths = {},
                 Overwrite overwrite = Overwrite::never) {
  OpenedArchive opened(std::move(archive));
  agent::RestoreOptions options;
  options.target = target;
  options.overwrite = overwrite;
  Run run;
  agent::RestoreEvents events;
  events.warning = [&](const std::string& what) { run.warnings.push_back(what); };
  const agent::Wanted wanted(opened.archive, agent::select(opened.archive, paths));
  run.report = agent::restore(opened.archive, wanted, options, events);
  return run;
}

const char* word(Overwrite overwrite) {
  constexpr const char* kWords[] = {"never", "if-newer", "if-changed", "always"};
  return kWords[static_cast<int>(overwrite)];
}

constexpr Overwrite kAllOverwrites[] = {Overwrite::never, Overwrite::if_newer,
                                        Overwrite::if_changed, Overwrite::always};

// What stands at a name already.
struct InTheWay {
  const char* name;
  void (*make)(const std::string& path);
  Timestamp mtime;
  bool if_newer;  // whether the member replaces it
  bool if_changed;
};

// A byte of the CRC32 of the member's last page.
void damage(Bytes& archive, const std::string& path) {
  OpenedArchive opened(archive);
  const auto record = opened.archive.index().find(path);
  REQUIRE(record);
  archive[static_cast<std::size_t>(record->pages.end().value()) - 8] ^= 1;
}

}  // namespace

TEST_CASE("restore: a tree comes back with kinds, content, modes and times", "[restore]") {
  MemoryTree tree;
  tree.add("closed", SourceKind::directory, 0555);
  tree.add_directory("closed/open");
  tree.add_file("closed/open/file", Bytes(5000, 'x')).stat.mode = 0600;
  tree.add_file("closed/script", "#!").stat.mode = 0700;
  tree.add_symlink("link", "nowhere/at/all");
  tree.add("pipe", SourceKind::fifo, 0600);
  tree.add_file("empty", "");
  tree.add_link("second", "closed/open/file");
  for (const char* path : {"", "closed", "closed/open", "closed/open/file", "closed/script", "link",
                           "pipe", "empty"}) {
    tree.inode(path).stat.mtime = {-77, 123'456'789};
    tree.inode(path).stat.uid = ::geteuid();
    tree.inode(path).stat.gid = ::getegid();
  }
  const TemporaryFolder folder;
  const Run run = restore_into(folder / "to", packed(tree, full("p")));
  CHECK(run.warnings.empty());
  CHECK(run.report.restored == 9);
  CHECK(run.report.bytes == 5002);
  const std::string top = folder / "to/p/";
  for (const char* path : {"", "closed", "closed/open", "closed/open/file", "closed/script", "link",
                           "pipe", "empty"}) {
    INFO(path);
    CHECK(mtime_of(top + path) == Timestamp{-77, 123'456'789});
  }
  CHECK((stat_of(top + "closed").st_mode & 07777) == 0555);
  CHECK((stat_of(top + "closed/open/file").st_mode & 07777) == 0600);
  CHECK((stat_of(top + "closed/script").st_mode & 07777) == 0700);
  CHECK(read_file(top + "closed/open/file") == std::string(5000, 'x'));
  CHECK(link_target(top + "link") == "nowhere/at/all");
  CHECK(S_ISFIFO(stat_of(top + "pipe").st_mode));
  CHECK(stat_of(top + "second").st_ino == stat_of(top + "closed/open/file").st_ino);
}

TEST_CASE("restore: owners of a full archive come back as root", "[restore]") {
  if (::geteuid() != 0) {
    WARN("only root gives files away");
    return;
  }
  MemoryTree tree;
  tree.add_file("file", "x").stat.uid = 12'345;
  tree.inode("file").stat.gid = 54'321;
  tree.inode("file").stat.mode = 06711;
  const TemporaryFolder folder;
  restore_into(folder / "to", packed(tree, full("p")));
  CHECK(stat_of(folder / "to/p/file").st_uid == 12'345);
  CHECK(stat_of(folder / "to/p/file").st_gid == 54'321);
  CHECK((stat_of(folder / "to/p/file").st_mode & 07777) == 06711);
}

TEST_CASE("restore: the folder restored to is not the archive's to change", "[restore]") {
  MemoryTree tree;
  tree.add_file("file", "x");
  const TemporaryFolder folder;
  make_folder(folder / "to");
  must(::chmod((folder / "to").c_str(), 0750) == 0, "chmod");
  restore_into(folder / "to", packed(tree, full("")));
  CHECK((stat_of(folder / "to").st_mode & 07777) == 0750);
  CHECK(read_file(folder / "to/file") == "x");
}

TEST_CASE("restore: what is in the way is replaced only as --overwrite says", "[restore]") {
  const auto file = [](const std::string& path) { write_file(path, "old"); };
  const auto longer = [](const std::string& path) { write_file(path, "older"); };
  const auto symlink = [](const std::string& path) { make_symlink("old", path); };
  const auto fifo = [](const std::string& path) { make_fifo(path); };
  // The member is a file of 3 bytes, mtime kRecorded.
  const InTheWay cases[] = {
      {"an older file", file, kOlder, true, true},
      {"a newer file", file, kNewer, false, true},
      {"a file of that size and mtime", file, kRecorded, false, false},
      {"a file of another size", longer, kRecorded, false, true},
      {"an older symlink", symlink, kOlder, true, true},
      {"a newer symlink", symlink, kNewer, false, true},
      {"a symlink of that size and mtime", symlink, kRecorded, false, true},
      {"an older fifo", fifo, kOlder, true, true},
      {"a fifo of that mtime", fifo, kRecorded, false, true},
  };
  for (const InTheWay& c : cases) {
    for (const Overwrite overwrite : kAllOverwrites) {
      DYNAMIC_SECTION(c.name << ", " << word(overwrite)) {
        const TemporaryFolder folder;
        make_folder(folder / "p");
        c.make(folder / "p/name");
        set_mtime(folder / "p/name", c.mtime);
        const bool replaced = overwrite == Overwrite::always ||
                              (overwrite == Overwrite::if_newer && c.if_newer) ||
                              (overwrite == Overwrite::if_changed && c.if_changed);
        const auto before = stat_of(folder / "p/name");
        const Run run =
            restore_into(folder.path(), packed({made_file("p/name", "new")}), {}, overwrite);
        CHECK(run.report.restored == (replaced ? 1 : 0));
        const bool never = overwrite == Overwrite::never;
        CHECK(run.report.left_alone == (!replaced && never ? 1 : 0));
        CHECK(run.report.unchanged == (!replaced && !never ? 1 : 0));
        CHECK(run.warnings.size() == (!replaced && never ? 1 : 0));
        if (replaced) {
          CHECK(S_ISREG(stat_of(folder / "p/name").st_mode));
          CHECK(read_file(folder / "p/name") == "new");
        } else {
          CHECK(stat_of(folder / "p/name").st_ino == before.st_ino);
          CHECK(stat_of(folder / "p/name").st_mtim.tv_sec == before.st_mtim.tv_sec);
        }
        CHECK(names_in(folder / "p") == std::vector<std::string>{"name"});
      }
    }
  }
}

TEST_CASE("restore: a directory in the way is never removed", "[restore]") {
  const MadeMember members[] = {made_file("p/name", "new"),
                                made(MemberType::symlink, "p/name", "t"),
                                made(MemberType::fifo, "p/name")};
  for (const MadeMember& member : members) {
    for (const Overwrite overwrite : kAllOverwrites) {
      for (const bool empty : {true, false}) {
        const TemporaryFolder folder;
        make_folder(folder / "p");
        make_folder(folder / "p/name");
        if (!empty) write_file(folder / "p/name/inside", "precious");
        set_mtime(folder / "p/name", kOlder);
        const Run run = restore_into(folder.path(), packed({member}), {}, overwrite);
        INFO(static_cast<char>(member.member.type) << ", " << word(overwrite));
        CHECK(run.report.left_alone == 1);
        CHECK(run.report.restored == 0);
        CHECK(S_ISDIR(stat_of(folder / "p/name").st_mode));
        CHECK(names_in(folder / "p/name").size() == (empty ? 0 : 1));
      }
    }
  }
}

TEST_CASE("restore: what stands where a directory belongs stays, and what is below is left alone",
          "[restore]") {
  const std::vector<MadeMember> members = {made(MemberType::directory, "p/"),
                                           made(MemberType::directory, "p/dir/"),
                                           made_file("p/dir/file", "x"), made_file("p/z", "z")};
  void (*const makes[])(const std::string& path) = {
      [](const std::string& path) { write_file(path, "precious"); },
      [](const std::string& path) { make_symlink("../outside", path); },
      [](const std::string& path) { make_fifo(path); },
  };
  for (const auto make : makes) {
    for (const Overwrite overwrite : kAllOverwrites) {
      const TemporaryFolder folder;
      make_folder(folder / "outside");
      make_folder(folder / "p");
      make(folder / "p/dir");
      const auto before = stat_of(folder / "p/dir");
      const Run run = restore_into(folder.path(), packed(members), {}, overwrite);
      INFO(word(overwrite));
      CHECK(run.report.left_alone == 2);
      CHECK(run.report.failed == 0);
      CHECK(stat_of(folder / "p/dir").st_ino == before.st_ino);
      CHECK(names_in(folder / "outside").empty());
      CHECK(read_file(folder / "p/z") == "z");
    }
  }
}

TEST_CASE("restore: a directory that is there is filled, and changed only as --overwrite says",
          "[restore]") {
  const std::vector<MadeMember> members = {made(MemberType::directory, "p/"),
                                           made_file("p/file", "x")};
  for (const Overwrite overwrite : kAllOverwrites) {
    const TemporaryFolder folder;
    make_folder(folder / "p");
    write_file(folder / "p/other", "precious");
    must(::chmod((folder / "p").c_str(), 0700) == 0, "chmod");
    restore_into(folder.path(), packed(members), {}, overwrite);
    INFO(word(overwrite));
    CHECK(names_in(folder / "p") == std::vector<std::string>{"file", "other"});
    // Its mtime is that of its last name, now: newer than recorded.
    const bool changed = overwrite == Overwrite::always || overwrite == Overwrite::if_changed;
    CHECK((stat_of(folder / "p").st_mode & 07777) == (changed ? 0755 : 0700));
    CHECK((mtime_of(folder / "p") == kRecorded) == changed);
  }
}

TEST_CASE("restore: selected members bring their parents, but not their parents' metadata",
          "[restore]") {
  MemoryTree tree;
  tree.add("a", SourceKind::directory, 0700);
  tree.add_directory("a/b");
  tree.add_file("a/b/file", "x");
  tree.add_file("a/other", "y");
  const TemporaryFolder folder;
  const Run run = restore_into(folder / "to", packed(tree, full("p")), {"a/b/file"});
  CHECK(run.report.restored == 1);
  CHECK(read_file(folder / "to/p/a/b/file") == "x");
  CHECK_FALSE(is_there(folder / "to/p/a/other"));
}

TEST_CASE("restore: a hard link to a file that was left alone gets the content", "[restore]") {
  const TemporaryFolder folder;
  make_folder(folder / "p");
  write_file(folder / "p/a", "precious");
  const Run run = restore_into(folder.path(), packed({made_file("p/a", "archived"),
                                                      made(MemberType::hard_link, "p/b", "p/a")}));
  CHECK(run.report.left_alone == 1);
  CHECK(run.report.restored == 1);
  CHECK(read_file(folder / "p/a") == "precious");
  CHECK(stat_of(folder / "p/a").st_nlink == 1);
  CHECK(read_file(folder / "p/b") == "archived");
}

TEST_CASE("restore: a hard link whose first name is not asked for is a file of its own",
          "[restore]") {
  const TemporaryFolder folder;
  const Bytes archive = packed({made(MemberType::directory, "p/"), made_file("p/a", "archived"),
                                made(MemberType::hard_link, "p/b", "p/a"),
                                made(MemberType::hard_link, "p/c", "p/a")});
  SECTION("nothing has the first name") {
    restore_into(folder.path(), archive, {"p/b"});
    CHECK(names_in(folder / "p") == std::vector<std::string>{"b"});
  }
  SECTION("something else has it") {
    make_folder(folder / "p");
    write_file(folder / "p/a", "precious");
    restore_into(folder.path(), archive, {"p/b"});
    CHECK(stat_of(folder / "p/a").st_nlink == 1);
  }
  CHECK(read_file(folder / "p/b") == "archived");
  CHECK(stat_of(folder / "p/b").st_nlink == 1);
}

TEST_CASE("restore: a hard link to a damaged file is no link to what was there before",
          "[restore]") {
  const TemporaryFolder folder;
  make_folder(folder / "p");
  write_file(folder / "p/a", "precious");
  Bytes archive = packed({made_file("p/a", "archived"), made(MemberType::hard_link, "p/b", "p/a")});
  damage(archive, "p/a");
  const Run run = restore_into(folder.path(), archive, {}, Overwrite::always);
  CHECK(run.report.damaged == 2);
  CHECK(read_file(folder / "p/a") == "precious");
  CHECK(stat_of(folder / "p/a").st_nlink == 1);
  CHECK_FALSE(is_there(folder / "p/b"));
}

TEST_CASE("restore: a hard link of an evil archive never reaches what it did not restore",
          "[restore]") {
  const struct {
    const char* name;
    std::vector<MadeMember> members;
  } cases[] = {
      {"not in the archive", {made(MemberType::hard_link, "p/z", "p/secret")}},
      {"absolute", {made(MemberType::hard_link, "p/z", "/etc/hostname")}},
      {"out of the target", {made(MemberType::hard_link, "p/z", "../outside/secret")}},
      {"itself", {made(MemberType::hard_link, "p/z", "p/z")}},
      {"a later member", {made(MemberType::hard_link, "p/secret", "p/z"), made_file("p/z", "z")}},
      {"a directory", {made(MemberType::directory, "p/"), made(MemberType::hard_link, "p/z", "p")}},
      {"a hard link",
       {made_file("p/a", "a"), made(MemberType::hard_link, "p/b", "p/a"),
        made(MemberType::hard_link, "p/z", "p/b")}},
  };
  for (const auto& c : cases) {
    DYNAMIC_SECTION(c.name) {
      const TemporaryFolder folder;
      make_folder(folder / "outside");
      write_file(folder / "outside/secret", "secret");
      make_folder(folder / "to");
      make_folder(folder / "to/p");
      write_file(folder / "to/p/secret", "secret");
      const Run run = restore_into(folder / "to", packed(c.members), {}, Overwrite::always);
      CHECK(run.report.damaged == 1);
      CHECK(run.report.failed == 1);
      REQUIRE(run.warnings.size() == 1);
      CHECK(run.warnings[0].find("hard link") != std::string::npos);
      CHECK(stat_of(folder / "to/p/secret").st_nlink == 1);
      CHECK(read_file(folder / "to/p/secret") == "secret");
      CHECK(stat_of(folder / "outside/secret").st_nlink == 1);
    }
  }
}

TEST_CASE("restore: a member name that leads elsewhere is refused, the others are restored",
          "[restore]") {
  const MemberType file = MemberType::regular;
  const struct {
    const char* name;
    MadeMember member;
  } cases[] = {
      {"`..`", made_file("../outside/new", "evil")},
      {"`..` in the middle", made_file("p/../../outside/new", "evil")},
      {"absolute", made(file, "/ragtape-test-must-not-be-there")},
      {"empty component", made_file("p//new", "evil")},
      {"`.`", made_file("./p", "evil")},
      {"a directory", made(MemberType::directory, "../outside/new/")},
      {"a symlink", made(MemberType::symlink, "../outside/new", "x")},
      {"a fifo", made(MemberType::fifo, "../outside/new")},
  };
  for (const auto& c : cases) {
    DYNAMIC_SECTION(c.name) {
      const TemporaryFolder folder;
      make_folder(folder / "outside");
      make_folder(folder / "to");
      const Run run = restore_into(folder / "to", packed({c.member, made_file("q", "fine")}), {},
                                   Overwrite::always);
      CHECK(run.report.failed == 1);
      CHECK(run.report.restored == 1);
      CHECK(read_file(folder / "to/q") == "fine");
      CHECK(names_in(folder.path()) == std::vector<std::string>{"outside", "to"});
      CHECK(names_in(folder / "outside").empty());
      CHECK_FALSE(is_there("/ragtape-test-must-not-be-there"));
    }
  }
}

TEST_CASE("restore: nothing is written through a symlink of the same archive", "[restore]") {
  const TemporaryFolder folder;
  make_folder(folder / "outside");
  make_folder(folder / "to");
  const Run run =
      restore_into(folder / "to",
                   packed({made(MemberType::symlink, "a", "../outside"), made_file("a/new", "evil"),
                           made(MemberType::directory, "a/newdir/"), made_file("b", "fine")}),
                   {}, Overwrite::always);
  CHECK(names_in(folder / "outside").empty());
  CHECK(link_target(folder / "to/a") == "../outside");
  CHECK(run.report.failed == 2);
  CHECK(read_file(folder / "to/b") == "fine");
}

TEST_CASE("restore: a damaged member is not made, the others are", "[restore]") {
  const TemporaryFolder folder;
  Bytes archive = packed({made(MemberType::directory, "p/"), made_file("p/a", "a"),
                          made_file("p/b", std::string(3000, 'b')), made_file("p/c", "c")});
  damage(archive, "p/b");
  const Run run = restore_into(folder.path(), archive);
  CHECK(run.report.restored == 3);
  CHECK(run.report.damaged == 1);
  CHECK(run.report.failed == 1);
  CHECK(run.report.wrong_hash == 0);
  REQUIRE(run.warnings.size() == 1);
  CHECK(run.warnings[0].starts_with("p/b: "));
  CHECK(names_in(folder / "p") == std::vector<std::string>{"a", "c"});
}

TEST_CASE("restore: a member whose hash is wrong is not made, nor does it replace anything",
          "[restore]") {
  const TemporaryFolder folder;
  MadeMember wrong = made_file("p/b", "not what was hashed");
  wrong.wrong_hash = true;
  const Bytes archive = packed({made_file("p/a", "a"), wrong});
  SECTION("nothing there") {
    const Run run = restore_into(folder.path(), archive);
    CHECK(run.report.wrong_hash == 1);
    CHECK(run.report.damaged == 1);
    CHECK(names_in(folder / "p") == std::vector<std::string>{"a"});
  }
  SECTION("something there") {
    make_folder(folder / "p");
    write_file(folder / "p/b", "precious");
    CHECK(restore_into(folder.path(), archive, {}, Overwrite::always).report.wrong_hash == 1);
    CHECK(read_file(folder / "p/b") == "precious");
    CHECK(names_in(folder / "p") == std::vector<std::string>{"a", "b"});
  }
}

TEST_CASE("restore: what is below a damaged directory is left alone, its siblings are made",
          "[restore]") {
  const TemporaryFolder folder;
  Bytes archive = packed({made(MemberType::directory, "p/"), made(MemberType::directory, "p/a/"),
                          made_file("p/a/file", "x"), made_file("p/b", "b")});
  damage(archive, "p/a");
  const Run run = restore_into(folder.path(), archive);
  CHECK(run.report.damaged >= 1);
  CHECK(read_file(folder / "p/b") == "b");
}

TEST_CASE("restore: a dry run makes nothing, not even the target", "[restore]") {
  const TemporaryFolder folder;
  OpenedArchive opened(packed({made_file("p/a", "abc"), made_file("p/b", "x")}));
  agent::RestoreOptions options;
  options.target = folder / "to";
  options.dry_run = true;
  const auto report = agent::restore(opened.archive, {opened.archive, {}}, options, {});
  CHECK(report.restored == 2);
  CHECK(report.bytes == 4);
  CHECK(names_in(folder.path()).empty());
}

TEST_CASE("restore: canceled in the middle of a file leaves no part of it", "[restore]") {
  const TemporaryFolder folder;
  OpenedArchive opened(
      packed({made_file("p/a", "abc"), made_file("p/b", std::string(600'000, 'b'))}));
  agent::RestoreOptions options;
  options.target = folder.path();
  agent::RestoreEvents events;
  events.progress = [](ByteCount bytes, const std::string&) {
    if (bytes > 1000) throw Error(ErrorKind::canceled, "interrupted");
  };
  const agent::Wanted all(opened.archive, {});
  CHECK(failed([&] { return agent::restore(opened.archive, all, options, events); }).kind() ==
        ErrorKind::canceled);
  CHECK(names_in(folder / "p") == std::vector<std::string>{"a"});
}

TEST_CASE("restore: the same twice leaves everything alone the second time", "[restore]") {
  MemoryTree tree;
  tree.add_file("a", "x");
  tree.add_link("b", "a");
  tree.add_symlink("l", "a");
  const Bytes archive = packed(tree, portable("p"));
  const TemporaryFolder folder;
  CHECK(restore_into(folder.path(), archive).report.restored == 4);
  const Run second = restore_into(folder.path(), archive);
  CHECK(second.report.left_alone == 3);
  CHECK(second.report.failed == 0);
  // And with `always` the link group is whole again.
  CHECK(restore_into(folder.path(), archive, {}, Overwrite::always).report.failed == 0);
  CHECK(stat_of(folder / "p/a").st_nlink == 2);
  CHECK(names_in(folder / "p") == std::vector<std::string>{"a", "b", "l"});
}

namespace {

// Everything below a folder, sorted.
std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    out.push_back(entry.path().lexically_relative(folder).string());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("restore: patterns and stripped components say what is made, and where", "[restore]") {
  MemoryTree tree;
  tree.add_directory("a");
  tree.add_directory("a/cache");
  tree.add_file("a/cache/x.txt", "x");
  tree.add_file("a/keep.txt", "keep");
  tree.add_link("a/link", "a/keep.txt");
  tree.add_file("a/other", "other");
  tree.add_directory("b");
  tree.add_file("b/keep.txt", "b");
  OpenedArchive opened(packed(tree, portable("p")));
  const auto restored = [&](const std::vector<const char*>& include,
                            const std::vector<const char*>& exclude, unsigned strip) {
    const TemporaryFolder folder;
    PathFilter filter;
    for (const char* pattern : include)
      filter.include(pattern);
    for (const char* pattern : exclude)
      filter.exclude(pattern);
    const agent::Wanted wanted(opened.archive, {}, std::move(filter), strip);
    agent::RestoreOptions options;
    options.target = folder.path();
    const auto report = agent::restore(opened.archive, wanted, options, {});
    CHECK(report.failed == 0);
    return files_in(folder.path());
  };
  using Files = std::vector<std::string>;
  CHECK(restored({"*.txt"}, {}, 0) ==
        Files{"p", "p/a", "p/a/cache", "p/a/cache/x.txt", "p/a/keep.txt", "p/b", "p/b/keep.txt"});
  // Of paths below the first member, as the options of a backup.
  CHECK(restored({"/a"}, {"/a/cache", "other"}, 0) ==
        Files{"p", "p/a", "p/a/keep.txt", "p/a/link"});
  CHECK(restored({}, {"*", "!/b", "!/b/keep.txt"}, 0) == Files{"p", "p/b", "p/b/keep.txt"});
  // A second name gets the content where the first is not there.
  CHECK(restored({"link"}, {}, 2) == Files{"link"});
  CHECK(restored({}, {"/b", "cache"}, 2) == Files{"keep.txt", "link", "other"});
  CHECK(restored({}, {}, 3) == Files{"x.txt"});
  CHECK(restored({}, {}, 4).empty());
}

TEST_CASE("restore: what was torn comes back only when damaged files are wanted", "[restore]") {
  MadeMember file = made_file("f", std::string(700, 'f'));
  file.torn = true;
  OpenedArchive opened(packed({file}));
  for (const bool damaged : {false, true}) {
    const TemporaryFolder folder;
    agent::RestoreOptions options;
    options.target = folder.path();
    options.damaged = damaged;
    std::vector<std::string> warnings;
    agent::RestoreEvents events;
    events.warning = [&](const std::string& what) { warnings.push_back(what); };
    const auto report = agent::restore(opened.archive, {opened.archive, {}}, options, events);
    CHECK(report.restored == (damaged ? 1 : 0));
    CHECK(report.torn == (damaged ? 1 : 0));
    CHECK(report.failed == (damaged ? 0 : 1));
    REQUIRE(warnings.size() == 1);
    CHECK(warnings.front().find("torn") != std::string::npos);
    CHECK(names_in(folder.path()).size() == (damaged ? 1 : 0));
  }
}

TEST_CASE("restore: an archive that is gone ends it, a damaged member does not", "[restore]") {
  Bytes archive = packed({made_file("p/a", "a"), made_file("p/b", "b"), made_file("p/c", "c")});
  damage(archive, "p/a");
  OpenedArchive opened(archive);
  const agent::Wanted all(opened.archive, {});
  for (const bool gone : {false, true}) {
    const TemporaryFolder folder;
    agent::RestoreOptions options;
    options.target = folder.path();
    agent::RestoreEvents events;
    events.source_failure = [&]() -> std::optional<Error> {
      if (gone) return Error(ErrorKind::not_found, "gone");
      return std::nullopt;
    };
    agent::RestoreReport report;
    const auto failure =
        failure_of([&] { report = agent::restore(opened.archive, all, options, events); });
    CHECK(failure.has_value() == gone);
    if (failure) CHECK(failure->kind() == ErrorKind::not_found);
    CHECK(names_in(folder / "p").size() == (gone ? 0 : 2));
  }
}
