#include "os/beneath.h"

#include <cerrno>
#include <climits>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/failing_call.h"
#include "support/temporary_folder.h"

using namespace tape;
using namespace test;

namespace {

// What open_beneath made of a path: the file it opened, or errno.
struct Opened {
  std::optional<FileIdentity> file;
  int error = 0;
};

Opened open_path(int root, const std::string& path, int flags = O_RDONLY) {
  Opened out;
  const UniqueFd fd = open_beneath(root, path, flags);
  out.error = fd ? 0 : errno;
  struct stat found {};
  if (fd && ::fstat(fd.get(), &found) == 0) out.file = FileIdentity{found.st_dev, found.st_ino};
  return out;
}

UniqueFd open_root(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

// Runs `facts` with openat2, and with the walk that stands in for it.
template <class Facts>
void both_ways(Facts facts) {
  SECTION("with openat2") {
    facts();
  }
  SECTION("without openat2") {
    if (!run_without_openat2(facts))
      WARN("system calls cannot be filtered here: the walk is not tested");
  }
}

struct Tree {
  TemporaryFolder folder;
  UniqueFd root;
  Tree() {
    make_folder(folder / "root");
    make_folder(folder / "root/dir");
    make_folder(folder / "root/dir/sub");
    write_file(folder / "root/file", "file");
    write_file(folder / "root/dir/file", "dir/file");
    write_file(folder / "root/dir/sub/file", "dir/sub/file");
    make_folder(folder / "outside");
    write_file(folder / "outside/file", "outside");
    root = open_root(folder / "root");
  }
};

}  // namespace

TEST_CASE("beneath: opens what lies below the root, and the root itself", "[beneath]") {
  const Tree tree;
  both_ways([&] {
    for (const char* path : {"file", "dir", "dir/file", "dir/sub/file"}) {
      const struct stat expected = stat_of(tree.folder / ("root/" + std::string(path)));
      const Opened opened = open_path(tree.root.get(), path);
      INFO(path << ": errno " << opened.error);
      REQUIRE(opened.file);
      CHECK(opened.file->inode == expected.st_ino);
    }
    const Opened root = open_path(tree.root.get(), "", O_RDONLY | O_DIRECTORY);
    REQUIRE(root.file);
    CHECK(root.file->inode == stat_of(tree.folder / "root").st_ino);
  });
}

TEST_CASE("beneath: a symlink in any position is refused", "[beneath]") {
  const Tree tree;
  const struct {
    const char* name;
    std::string target;
  } links[] = {
      {"to a sibling", "dir"},
      {"to outside, relative", "../outside"},
      {"to outside, absolute", tree.folder / "outside"},
      {"to itself", "link"},
      {"to nothing", "nowhere"},
      {"to a file", "file"},
  };
  for (const auto& link : links) {
    DYNAMIC_SECTION(link.name) {
      make_symlink(link.target, tree.folder / "root/link");
      make_symlink(link.target, tree.folder / "root/dir/link");
      both_ways([&] {
        for (const char* path :
             {"link", "link/file", "link/sub/file", "dir/link", "dir/link/file"}) {
          const Opened opened = open_path(tree.root.get(), path);
          INFO(path << ": errno " << opened.error);
          CHECK_FALSE(opened.file);
          CHECK(opened.error != 0);
        }
      });
    }
  }
}

TEST_CASE("beneath: a magic link of /proc is refused", "[beneath]") {
  const UniqueFd proc = open_root("/proc/self");
  if (!proc) {
    WARN("there is no /proc here");
    return;
  }
  both_ways([&] {
    CHECK_FALSE(open_path(proc.get(), "root/etc", O_PATH).file);
    CHECK_FALSE(open_path(proc.get(), "cwd", O_RDONLY | O_DIRECTORY).file);
  });
}

TEST_CASE("beneath: no path leads out of the root", "[beneath]") {
  const Tree tree;
  both_ways([&] {
    for (const std::string& path :
         {std::string("/file"), tree.folder / "root/file", std::string("../outside/file"),
          std::string(".."), std::string("dir/../../outside/file"),
          std::string("dir/sub/../../../outside")}) {
      INFO(path);
      CHECK_FALSE(open_path(tree.root.get(), path).file);
    }
  });
}

TEST_CASE(
    "beneath: a path with an empty, `.` or `..` component is refused also where it stays inside",
    "[beneath]") {
  const Tree tree;
  both_ways([&] {
    for (const char* path : {"dir/../file", "./file", "dir/./file", "dir//file", "dir/", "."}) {
      INFO(path);
      CHECK_FALSE(open_path(tree.root.get(), path).file);
    }
  });
}

TEST_CASE("beneath: a path longer than PATH_MAX is opened, a symlink in it refused", "[beneath]") {
  const TemporaryFolder folder;
  const UniqueFd root = open_root(folder.path());
  const std::string name(200, 'n');
  // 200 bytes and a slash for each: the last step that one call takes ends at 4019 or 4020.
  constexpr int kDepth = 45;
  std::string path;
  std::vector<UniqueFd> folders;
  int at = root.get();
  for (int level = 0; level < kDepth; ++level) {
    REQUIRE(::mkdirat(at, name.c_str(), 0755) == 0);
    folders.emplace_back(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    at = folders.back().get();
    path += name + "/";
  }
  REQUIRE(UniqueFd(::openat(at, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644)));
  REQUIRE(path.size() > 2 * PATH_MAX);
  struct stat expected {};
  REQUIRE(::fstatat(at, "file", &expected, 0) == 0);
  both_ways([&] {
    const Opened opened = open_path(root.get(), path + "file");
    INFO("errno " << opened.error);
    REQUIRE(opened.file);
    CHECK(opened.file->inode == expected.st_ino);
  });
  // Positions in front of, at and behind the cuts between steps.
  for (const std::size_t level : {0U, 18U, 19U, 20U, 21U, 43U}) {
    DYNAMIC_SECTION("a symlink on level " << level) {
      const int above = level == 0 ? root.get() : folders[level - 1].get();
      REQUIRE(::renameat(above, name.c_str(), above, "moved") == 0);
      REQUIRE(::symlinkat("moved", above, name.c_str()) == 0);
      both_ways([&] { CHECK_FALSE(open_path(root.get(), path + "file").file); });
    }
  }
}

TEST_CASE("beneath: a component of PATH_MAX bytes is refused as too long", "[beneath]") {
  const Tree tree;
  both_ways([&] {
    CHECK(open_path(tree.root.get(), std::string(PATH_MAX, 'n')).error == ENAMETOOLONG);
    CHECK(open_path(tree.root.get(), std::string(PATH_MAX, 'n') + "/file").error == ENAMETOOLONG);
  });
}

TEST_CASE("beneath: the parent of a path is found again when another one was asked for in between",
          "[beneath]") {
  const Tree tree;
  ParentDirectory parent(tree.root.get());
  for (const char* path : {"dir/file", "dir/sub/file", "file", "dir/file", "dir/sub/other"}) {
    const Place place = parent.locate(path);
    const std::string folder = std::filesystem::path(path).parent_path();
    struct stat found {};
    REQUIRE(::fstat(place.folder, &found) == 0);
    INFO(path);
    CHECK(found.st_ino == stat_of(tree.folder / ("root/" + folder)).st_ino);
    CHECK(place.name == std::filesystem::path(path).filename());
  }
}

TEST_CASE("beneath: a parent that is a symlink or is not there is an error that names it",
          "[beneath]") {
  const Tree tree;
  make_symlink("dir", tree.folder / "root/link");
  ParentDirectory parent(tree.root.get());
  CHECK(failed([&] { return parent.locate("link/file"); }).kind() == ErrorKind::io);
  CHECK(says(failed([&] { return parent.locate("link/file"); }), "link:"));
  CHECK(failed([&] { return parent.locate("none/file"); }).kind() == ErrorKind::not_found);
  CHECK(says(failed([&] { return parent.locate("none/file"); }), "none:"));
}
