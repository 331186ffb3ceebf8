#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/temporary_folder.h"
#include "tape/extract.h"

using namespace tape;
using namespace test;

namespace {

bool is_root() {
  return ::geteuid() == 0;
}

struct Target {
  TemporaryFolder folder;
  std::unique_ptr<TreeWriter> tree;
  explicit Target(TreeWriterOptions options = {}) {
    make_folder(folder / "target");
    make_folder(folder / "outside");
    write_file(folder / "outside/file", "outside");
    tree = TreeWriter::open(folder / "target", options);
  }
  std::string operator/(const std::string& below) const { return folder / ("target/" + below); }
};

Member file_member(std::uint32_t mode = 0644) {
  Member member;
  member.mode = mode;
  member.mtime = {1'600'000'000, 123'456'789};
  return member;
}

Member node_member(MemberType type, const std::string& target = "") {
  Member member = file_member(type == MemberType::symlink ? 0777 : 0640);
  member.type = type;
  member.target = target;
  return member;
}

Shortfall put_file(TreeWriter& tree,
                   const std::string& path,
                   const std::string& content,
                   const Member& member = file_member(),
                   bool replace = false) {
  const auto file = tree.create_file(path);
  file->write(as_bytes(content));
  return file->commit(member, replace);
}

bool user_xattrs_work(const std::string& folder) {
  const std::string probe = folder + "/probe";
  write_file(probe, "");
  const bool works = ::setxattr(probe.c_str(), "user.probe", "x", 1, 0) == 0;
  std::filesystem::remove(probe);
  if (!works) WARN("no user xattrs in " << folder);
  return works;
}

std::string xattr_of(const std::string& path, const std::string& name) {
  std::string value(256, '\0');
  const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
  if (size < 0) return "none";
  value.resize(static_cast<std::size_t>(size));
  return value;
}

}  // namespace

TEST_CASE("extract_tree: names that could lead elsewhere are corrupt, for every verb",
          "[extract_tree]") {
  const Target target;
  const struct {
    const char* name;
    std::string path;
  } cases[] = {
      {"absolute", target.folder / "outside/new"},
      {"`..` alone", ".."},
      {"`..` first", "../outside/new"},
      {"`..` in the middle", "a/../../outside/new"},
      {"`..` last", "a/.."},
      {"`.` alone", "."},
      {"`.` in the middle", "a/./b"},
      {"empty", ""},
      {"empty component", "a//b"},
      {"final slash", "a/"},
      {"NUL", std::string("a\0b", 3)},
      {"NUL in a parent", std::string("a\0b/c", 5)},
  };
  make_folder(target / "a");
  TreeWriter& tree = *target.tree;
  for (const auto& c : cases) {
    DYNAMIC_SECTION(c.name) {
      const Member symlink = node_member(MemberType::symlink, "x");
      CHECK(failed([&] { return tree.stat(c.path); }).kind() == ErrorKind::corrupt);
      CHECK(failed([&] { tree.make_parents(c.path); }).kind() == ErrorKind::corrupt);
      CHECK(failed([&] { return tree.make_directory(c.path); }).kind() == ErrorKind::corrupt);
      CHECK(failed([&] { return tree.create_file(c.path); }).kind() == ErrorKind::corrupt);
      CHECK(failed([&] { return tree.make_node(c.path, symlink, false); }).kind() ==
            ErrorKind::corrupt);
      put_file(tree, "first", "x");
      const SourceKind kind = SourceKind::regular;
      CHECK(failed([&] { tree.make_link(c.path, "first", kind, false); }).kind() ==
            ErrorKind::corrupt);
      CHECK(failed([&] { tree.make_link("second", c.path, kind, false); }).kind() ==
            ErrorKind::corrupt);
      CHECK(names_in(target.folder / "outside") == std::vector<std::string>{"file"});
      CHECK(names_in(target / "a").empty());
      CHECK_FALSE(is_there(target / "second"));
    }
  }
}

TEST_CASE("extract_tree: a symlinked parent inside the target is never followed",
          "[extract_tree]") {
  const struct {
    const char* name;
    const char* leads_to;
  } cases[] = {
      {"out of the target", "../outside"}, {"to a sibling", "real"}, {"to itself", "link"}};
  for (const auto& c : cases) {
    DYNAMIC_SECTION(c.name) {
      const Target target;
      make_folder(target / "real");
      make_symlink(c.leads_to, target / "link");
      TreeWriter& tree = *target.tree;
      put_file(tree, "first", "x");
      CHECK(failed([&] { return tree.create_file("link/new"); }).kind() == ErrorKind::io);
      CHECK(failed([&] { return tree.make_directory("link/new"); }).kind() == ErrorKind::io);
      CHECK(failed([&] { return tree.make_directory("link"); }).kind() == ErrorKind::usage);
      CHECK(failed([&] { tree.make_parents("link/new/deeper"); }).kind() == ErrorKind::io);
      const Member fifo = node_member(MemberType::fifo);
      CHECK(failed([&] { return tree.make_node("link/new", fifo, true); }).kind() == ErrorKind::io);
      CHECK(failed([&] {
              tree.make_link("link/new", "first", SourceKind::regular, true);
            }).kind() == ErrorKind::io);
      CHECK(failed([&] { tree.make_link("new", "link/file", SourceKind::regular, true); }).kind() ==
            ErrorKind::io);
      CHECK(failed([&] { return tree.stat("link/file"); }).kind() == ErrorKind::io);
      // finish_directory has a name that make_directory made; somebody may have replaced it since.
      const Member folder = file_member(0700);
      CHECK(failure_of([&] { tree.finish_directory("link", folder); }));
      CHECK(names_in(target.folder / "outside") == std::vector<std::string>{"file"});
      CHECK(names_in(target / "real").empty());
    }
  }
}

TEST_CASE("extract_tree: a file is invisible until commit and gone when abandoned",
          "[extract_tree]") {
  const Target target;
  {
    const auto file = target.tree->create_file("file");
    file->write(as_bytes("half"));
    const auto names = names_in(target / "");
    REQUIRE(names.size() == 1);
    CHECK(names[0].starts_with(".part-"));
    CHECK((stat_of(target / names[0]).st_mode & 07777) == 0600);
  }
  CHECK(names_in(target / "").empty());
}

TEST_CASE("extract_tree: commit sets content, mode and nanosecond mtime", "[extract_tree]") {
  const Target target;
  for (const std::uint32_t mode : {0U, 0400U, 0644U, 01777U}) {
    const std::string name = "file" + std::to_string(mode);
    const Shortfall shortfall = put_file(*target.tree, name, "content", file_member(mode));
    CHECK(shortfall.refused.empty());
    CHECK_FALSE(shortfall.needs_root);
    CHECK((stat_of(target / name).st_mode & 07777) == mode);
    CHECK(stat_of(target / name).st_size == 7);
    CHECK(mtime_of(target / name) == Timestamp{1'600'000'000, 123'456'789});
  }
  CHECK(read_file(target / "file420") == "content");
}

TEST_CASE("extract_tree: long runs of zeros become holes, whatever the cutting, and read the same",
          "[extract_tree]") {
  constexpr std::size_t kHole = 32 * 1024;
  std::string content(40 * kHole, '\0');
  // Data, a hole that is aligned, data that ends in zeros, a run that no piece lies in, and one
  // that is not aligned; the end is a hole.
  for (const std::size_t at : {std::size_t{0}, 2 * kHole, 3 * kHole - 1, 10 * kHole + 5,
                               11 * kHole - 6, 20 * kHole + 1, 30 * kHole})
    content[at] = 'x';
  const Target target;
  for (const std::size_t piece :
       {content.size(), std::size_t{256} * 1024, kHole, kHole - 1, kHole + 1, std::size_t{1000}}) {
    INFO(piece);
    const auto file = target.tree->create_file("file");
    for (std::size_t at = 0; at < content.size(); at += piece)
      file->write(as_bytes(content).subspan(at, std::min(piece, content.size() - at)));
    file->commit(file_member(), true);
    CHECK((read_file(target / "file") == content));
    const auto blocks = static_cast<std::size_t>(stat_of(target / "file").st_blocks);
    if (piece >= kHole && piece % kHole == 0) CHECK(blocks * 512 <= 6 * kHole);
    CHECK(mtime_of(target / "file") == file_member().mtime);
  }
}

TEST_CASE("extract_tree: times before 1970 come back", "[extract_tree]") {
  const Target target;
  Member member = file_member();
  member.mtime = {-2, 999'999'999};
  put_file(*target.tree, "file", "", member);
  CHECK(mtime_of(target / "file") == Timestamp{-2, 999'999'999});
}

TEST_CASE("extract_tree: owners are set by number or by name, when asked for", "[extract_tree]") {
  if (!is_root()) {
    WARN("only root gives files away");
    return;
  }
  Member member = file_member();
  member.uid = 12'345;
  member.gid = 54'321;
  member.uname = "root";
  member.gname = "no such group here";
  SECTION("not asked for") {
    const Target target;
    put_file(*target.tree, "file", "", member);
    CHECK(stat_of(target / "file").st_uid == 0);
  }
  SECTION("a name of this host wins over the number; an unknown name does not") {
    const Target target({.owners = true, .numeric_owner = false, .run = {}});
    put_file(*target.tree, "file", "", member);
    CHECK(stat_of(target / "file").st_uid == 0);
    CHECK(stat_of(target / "file").st_gid == 54'321);
  }
  SECTION("numbers") {
    const Target target({.owners = true, .numeric_owner = true, .run = {}});
    put_file(*target.tree, "file", "", member);
    CHECK(stat_of(target / "file").st_uid == 12'345);
    CHECK(stat_of(target / "file").st_gid == 54'321);
  }
  SECTION("of symlinks, not of what they lead to") {
    const Target target({.owners = true, .numeric_owner = true, .run = {}});
    put_file(*target.tree, "file", "");
    Member link = member;
    link.type = MemberType::symlink;
    link.target = "file";
    target.tree->make_node("link", link, false);
    CHECK(stat_of(target / "link").st_uid == 12'345);
    CHECK(stat_of(target / "file").st_uid == 0);
  }
}

TEST_CASE("extract_tree: set-id bits are set only together with the owner", "[extract_tree]") {
  SECTION("without owners they are left out, and said so") {
    const Target target;
    for (const std::uint32_t mode : {04755U, 02755U, 06711U}) {
      const std::string name = "file" + std::to_string(mode);
      const Shortfall shortfall = put_file(*target.tree, name, "", file_member(mode));
      CHECK(shortfall.needs_root);
      CHECK(shortfall.refused.empty());
      CHECK((stat_of(target / name).st_mode & 07777) == (mode & 01777));
    }
  }
  SECTION("with owners they outlive the change of owner") {
    if (!is_root()) return;
    const Target target({.owners = true, .numeric_owner = true, .run = {}});
    Member member = file_member(06755);
    member.uid = member.gid = 12'345;
    CHECK_FALSE(put_file(*target.tree, "file", "", member).needs_root);
    CHECK((stat_of(target / "file").st_mode & 07777) == 06755);
  }
  SECTION("a directory's are no privilege") {
    const Target target;
    target.tree->make_directory("dir");
    Member member = file_member(02755);
    member.type = MemberType::directory;
    CHECK_FALSE(target.tree->finish_directory("dir", member).needs_root);
    CHECK((stat_of(target / "dir").st_mode & 07777) == 02755);
  }
}

TEST_CASE("extract_tree: xattrs come back; what only root may set is left out without it",
          "[extract_tree]") {
  const Target target;
  if (!user_xattrs_work(target / "")) return;
  Member member = file_member(0444);
  member.xattrs = {
      {"security.capability", "x"}, {"trusted.secret", "x"}, {"user.note", std::string("a\0b", 3)}};
  const Shortfall shortfall = put_file(*target.tree, "file", "", member);
  CHECK(shortfall.refused.empty());
  CHECK(shortfall.needs_root);
  CHECK(xattr_of(target / "file", "user.note") == std::string("a\0b", 3));
  CHECK(xattr_of(target / "file", "trusted.secret") == "none");
  // On a directory too.
  target.tree->make_directory("dir");
  Member folder = member;
  folder.type = MemberType::directory;
  folder.mode = 0555;
  target.tree->finish_directory("dir", folder);
  CHECK(xattr_of(target / "dir", "user.note") == std::string("a\0b", 3));
  CHECK((stat_of(target / "dir").st_mode & 07777) == 0555);
}

TEST_CASE("extract_tree: an xattr that the file system refuses is said, the rest is done",
          "[extract_tree]") {
  const Target target;
  Member member = file_member();
  member.xattrs = {{"nonsense", "x"}};
  const Shortfall shortfall = put_file(*target.tree, "file", "content", member);
  REQUIRE(shortfall.refused.size() == 1);
  CHECK(shortfall.refused[0].find("nonsense") != std::string::npos);
  CHECK(read_file(target / "file") == "content");
  CHECK(mtime_of(target / "file") == member.mtime);
}

TEST_CASE("extract_tree: without `replace` nothing is written over, whatever it is",
          "[extract_tree]") {
  const struct {
    const char* name;
    void (*make)(const std::string& path);
  } in_the_way[] = {
      {"a file", [](const std::string& path) { write_file(path, "precious"); }},
      {"a symlink", [](const std::string& path) { make_symlink("nowhere", path); }},
      {"a fifo", [](const std::string& path) { make_fifo(path); }},
      {"an empty directory", [](const std::string& path) { make_folder(path); }},
  };
  for (const auto& what : in_the_way) {
    DYNAMIC_SECTION(what.name) {
      const Target target;
      TreeWriter& tree = *target.tree;
      what.make(target / "name");
      put_file(tree, "first", "x");
      const auto before = stat_of(target / "name").st_ino;
      const auto usage = [](const auto& step) { return failed(step).kind() == ErrorKind::usage; };
      CHECK(usage([&] { put_file(tree, "name", "new"); }));
      CHECK(usage([&] { tree.make_node("name", node_member(MemberType::symlink, "x"), false); }));
      CHECK(usage([&] { tree.make_node("name", node_member(MemberType::fifo), false); }));
      CHECK(usage([&] { tree.make_link("name", "first", SourceKind::regular, false); }));
      CHECK(stat_of(target / "name").st_ino == before);
      CHECK(names_in(target / "") == std::vector<std::string>{"first", "name"});
    }
  }
}

TEST_CASE("extract_tree: with `replace` everything but a directory gives way", "[extract_tree]") {
  const Target target;
  TreeWriter& tree = *target.tree;
  write_file(target.folder / "outside/precious", "precious");
  make_symlink("../outside/precious", target / "link");
  put_file(tree, "link", "new", file_member(), true);
  CHECK(read_file(target / "link") == "new");
  CHECK(read_file(target.folder / "outside/precious") == "precious");
  tree.make_node("link", node_member(MemberType::symlink, "elsewhere"), true);
  CHECK(link_target(target / "link") == "elsewhere");
  tree.make_node("link", node_member(MemberType::fifo), true);
  CHECK(S_ISFIFO(stat_of(target / "link").st_mode));
  put_file(tree, "first", "x");
  tree.make_link("link", "first", SourceKind::regular, true);
  CHECK(stat_of(target / "link").st_ino == stat_of(target / "first").st_ino);

  for (const bool empty : {true, false}) {
    make_folder(target / "dir");
    if (!empty) write_file(target / "dir/inside", "precious");
    CHECK(failed([&] { put_file(tree, "dir", "new", file_member(), true); }).kind() ==
          ErrorKind::usage);
    CHECK(failed([&] { tree.make_node("dir", node_member(MemberType::fifo), true); }).kind() ==
          ErrorKind::usage);
    CHECK(failed([&] { tree.make_link("dir", "first", SourceKind::regular, true); }).kind() ==
          ErrorKind::usage);
    CHECK(S_ISDIR(stat_of(target / "dir").st_mode));
    std::filesystem::remove_all(target / "dir");
  }
  CHECK(names_in(target / "") == std::vector<std::string>{"first", "link"});
}

TEST_CASE("extract_tree: symlinks and fifos have their target, mode and mtime", "[extract_tree]") {
  const Target target;
  const std::string longest(kTargetMax, 't');
  target.tree->make_node("link", node_member(MemberType::symlink, "/absolute/../target"), false);
  CHECK(link_target(target / "link") == "/absolute/../target");
  CHECK(mtime_of(target / "link") == Timestamp{1'600'000'000, 123'456'789});
  target.tree->make_node("fifo", node_member(MemberType::fifo), false);
  CHECK(S_ISFIFO(stat_of(target / "fifo").st_mode));
  CHECK((stat_of(target / "fifo").st_mode & 07777) == 0640);
  CHECK(mtime_of(target / "fifo") == Timestamp{1'600'000'000, 123'456'789});
}

TEST_CASE("extract_tree: devices have their numbers as root, and are denied to others",
          "[extract_tree]") {
  const Target target;
  Member member = node_member(MemberType::character_device);
  member.device_major = 1;
  member.device_minor = 3;
  const auto failure = failure_of([&] { target.tree->make_node("null", member, false); });
  if (failure) {
    CHECK(failure->kind() == ErrorKind::denied);
    CHECK(names_in(target / "").empty());
    return;
  }
  CHECK(is_root());
  CHECK(S_ISCHR(stat_of(target / "null").st_mode));
  CHECK(stat_of(target / "null").st_rdev == makedev(1, 3));
}

TEST_CASE("extract_tree: a hard link is to the inode itself, and only of the expected kind",
          "[extract_tree]") {
  const Target target;
  TreeWriter& tree = *target.tree;
  tree.make_directory("dir");
  put_file(tree, "dir/first", "x");
  tree.make_link("second", "dir/first", SourceKind::regular, false);
  CHECK(stat_of(target / "second").st_ino == stat_of(target / "dir/first").st_ino);
  // A link to a symlink is one more name of the symlink.
  make_symlink("../../outside/file", target / "dir/link");
  tree.make_link("link", "dir/link", SourceKind::symlink, false);
  CHECK(stat_of(target / "link").st_ino == stat_of(target / "dir/link").st_ino);
  CHECK(failed([&] { tree.make_link("third", "dir/link", SourceKind::regular, false); }).kind() ==
        ErrorKind::object_changed);
  CHECK(failed([&] { tree.make_link("third", "none", SourceKind::regular, false); }).kind() ==
        ErrorKind::not_found);
  // Over another name of the same inode: rename(2) would leave both.
  tree.make_link("second", "dir/first", SourceKind::regular, true);
  CHECK(names_in(target / "") == std::vector<std::string>{"dir", "link", "second"});
  CHECK(stat_of(target / "dir/first").st_nlink == 2);
}

TEST_CASE("extract_tree: a new directory is private until it is finished", "[extract_tree]") {
  const Target target;
  CHECK(target.tree->make_directory("dir"));
  CHECK((stat_of(target / "dir").st_mode & 07777) == 0700);
  put_file(*target.tree, "dir/file", "x");
  Member member = file_member(0555);
  member.type = MemberType::directory;
  CHECK(target.tree->finish_directory("dir", member).refused.empty());
  CHECK((stat_of(target / "dir").st_mode & 07777) == 0555);
  CHECK(mtime_of(target / "dir") == member.mtime);
  CHECK_FALSE(target.tree->make_directory("dir"));
}

TEST_CASE("extract_tree: stat tells what is there and nothing for what is not", "[extract_tree]") {
  const Target target;
  make_symlink("../outside/file", target / "link");
  CHECK(target.tree->stat("none") == std::nullopt);
  CHECK(target.tree->stat("none/below/it") == std::nullopt);
  const auto link = target.tree->stat("link");
  REQUIRE(link);
  CHECK(link->kind == SourceKind::symlink);
}

TEST_CASE("extract_tree: a target and its parents are made, a file as target is refused",
          "[extract_tree]") {
  const TemporaryFolder folder;
  TreeWriter::open(folder / "a/b/c", {});
  CHECK(S_ISDIR(stat_of(folder / "a/b/c").st_mode));
  TreeWriter::open(folder / "a/b/c/", {});
  write_file(folder / "file", "precious");
  CHECK(failure_of([&] { TreeWriter::open(folder / "file", {}); }));
  CHECK(failure_of([&] { TreeWriter::open(folder / "file/below", {}); }));
  CHECK(read_file(folder / "file") == "precious");
}

TEST_CASE("extract_tree: missing parents are made for a member by itself", "[extract_tree]") {
  const Target target;
  target.tree->make_parents("a/b/c/file");
  CHECK(S_ISDIR(stat_of(target / "a/b/c").st_mode));
  CHECK_FALSE(is_there(target / "a/b/c/file"));
  put_file(*target.tree, "a/b/c/file", "x");
  write_file(target / "plain", "precious");
  CHECK(failure_of([&] { target.tree->make_parents("plain/below/file"); }));
  CHECK(read_file(target / "plain") == "precious");
}

TEST_CASE("extract: a directory that was finished takes names again", "[extract]") {
  const Target target;
  target.tree->make_directory("dir");
  target.tree->finish_directory("dir", file_member(0555));
  target.tree->reopen_directory("dir");
  CHECK((stat_of(target / "dir").st_mode & 07777) == 0700);
  put_file(*target.tree, "dir/file", "x");
  target.tree->finish_directory("dir", file_member(0555));
  CHECK((stat_of(target / "dir").st_mode & 07777) == 0555);
  CHECK(mtime_of(target / "dir") == Timestamp{1'600'000'000, 123'456'789});
  must(::chmod((target / "dir").c_str(), 0755) == 0, "chmod");
}

TEST_CASE("extract: a name is removed where it stands, and no other", "[extract]") {
  const Target target;
  make_symlink(target.folder / "outside", target / "link");
  put_file(*target.tree, "file", "x");
  target.tree->remove("file");
  CHECK(failure_of([&] { target.tree->remove("link/file"); }));
  CHECK(failure_of([&] { target.tree->remove("../outside/file"); }));
  CHECK(read_file(target.folder / "outside/file") == "outside");
  target.tree->remove("link");
  CHECK(names_in(target / "").empty());
}

TEST_CASE("extract: temporary names begin with what the run is called", "[extract]") {
  TreeWriterOptions options;
  options.run = "0123abcd";
  const Target target(options);
  const auto file = target.tree->create_file("file");
  const auto names = names_in(target / "");
  REQUIRE(names.size() == 1);
  CHECK(names.front().starts_with(".part-0123abcd"));
  CHECK(names.front().size() == std::string(".part-").size() + 16);
}
