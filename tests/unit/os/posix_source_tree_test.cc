#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/failing_call.h"
#include "support/temporary_folder.h"
#include "tape/files.h"

using namespace tape;
using namespace test;

namespace {

std::vector<std::string> sorted_names(SourceTree& tree, const std::string& path) {
  std::vector<std::string> out;
  tree.list(path, [&](std::string_view name) { out.emplace_back(name); });
  std::sort(out.begin(), out.end());
  return out;
}

std::string content(const SourceFile& file) {
  Bytes bytes(static_cast<std::size_t>(file.stat().size));
  REQUIRE(file.read_at(FileOffset(0), bytes) == bytes.size());
  return as_text(bytes);
}

void make_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  must(path.size() < sizeof address.sun_path, path);
  std::copy(path.begin(), path.end(), address.sun_path);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // The POSIX way to pass an address of any family.
  const auto* any = static_cast<const sockaddr*>(static_cast<const void*>(&address));
  must(fd >= 0 && ::bind(fd, any, sizeof address) == 0, path);
  ::close(fd);
}

// Long before its mtime: also a file system mounted `relatime` would move it at a read.
constexpr timespec kOldAtime = {1'000'000'000, 0};

void set_old_atime(const std::string& path) {
  const timespec times[2] = {kOldAtime, {0, UTIME_OMIT}};
  must(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0, path);
}

bool atime_is_old(const std::string& path) {
  return stat_of(path).st_atim.tv_sec == kOldAtime.tv_sec;
}

}  // namespace

TEST_CASE("posix_source_tree: what was below a folder is gone where something else has its place",
          "[posix_source_tree]") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "root/dir/deep");
  std::filesystem::create_symlink("dir", folder / "root/link");
  std::ofstream(folder / "root/file") << "x";
  const auto opened = open_tree(folder / "root");
  CHECK(failed([&] { opened.tree->stat("link/deep"); }).kind() == ErrorKind::source_changed);
  CHECK(failed([&] { opened.tree->stat("link/deep/x"); }).kind() == ErrorKind::source_changed);
  CHECK(failed([&] { opened.tree->stat("file/deep"); }).kind() == ErrorKind::not_found);
  CHECK(failed([&] { opened.tree->stat("dir/none"); }).kind() == ErrorKind::not_found);
}

TEST_CASE("posix_source_tree: a directory is listed without `.` and `..`, names as bytes",
          "[posix_source_tree]") {
  const TemporaryFolder folder;
  for (const char* name : {"a", "\n", "\xff\xfe", ".hidden", "\xe2\x80\xae"})
    write_file(folder / name, "");
  const auto opened = open_tree(folder.path());
  CHECK_FALSE(opened.single_file);
  CHECK(sorted_names(*opened.tree, "") ==
        std::vector<std::string>{"\n", ".hidden", "a", "\xe2\x80\xae", "\xff\xfe"});
}

TEST_CASE("posix_source_tree: every kind of file is told", "[posix_source_tree]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "seven b");
  make_folder(folder / "dir");
  make_symlink("nowhere", folder / "link");
  make_fifo(folder / "fifo");
  make_socket(folder / "socket");
  const auto tree = open_tree(folder.path()).tree;
  CHECK(tree->stat("file").kind == SourceKind::regular);
  CHECK(tree->stat("file").size == 7);
  CHECK(tree->stat("dir").kind == SourceKind::directory);
  CHECK(tree->stat("").kind == SourceKind::directory);
  CHECK(tree->stat("link").kind == SourceKind::symlink);
  CHECK(tree->stat("fifo").kind == SourceKind::fifo);
  CHECK(tree->stat("socket").kind == SourceKind::socket);
  const SourceStat null = open_tree("/dev").tree->stat("null");
  CHECK(null.kind == SourceKind::character_device);
  CHECK(null.device_major == 1);
  CHECK(null.device_minor == 3);
}

TEST_CASE("posix_source_tree: times are floored nanoseconds, also before 1970",
          "[posix_source_tree]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "");
  const auto tree = open_tree(folder.path()).tree;
  for (const Timestamp time : {Timestamp{1'700'000'000, 999'999'999}, Timestamp{-1, 500'000'000},
                               Timestamp{0, 0}, Timestamp{-86'400, 1}}) {
    set_mtime(folder / "file", time);
    const SourceStat found = tree->stat("file");
    INFO(time.seconds << "." << time.nanoseconds);
    CHECK(found.mtime.seconds == time.seconds);
    CHECK(found.mtime.nanoseconds == time.nanoseconds);
  }
}

TEST_CASE("posix_source_tree: names of one inode have one identity and their number",
          "[posix_source_tree]") {
  const TemporaryFolder folder;
  write_file(folder / "first", "x");
  make_hard_link(folder / "first", folder / "second");
  write_file(folder / "other", "x");
  const auto tree = open_tree(folder.path()).tree;
  CHECK(tree->stat("first").identity == tree->stat("second").identity);
  CHECK(tree->stat("first").links == 2);
  CHECK(tree->stat("first").identity != tree->stat("other").identity);
}

TEST_CASE("posix_source_tree: a symlink's target is read whole, up to 4095 bytes",
          "[posix_source_tree]") {
  const TemporaryFolder folder;
  std::string longest;
  while (longest.size() + 200 < kTargetMax)
    longest += std::string(199, 't') + "/";
  longest += std::string(kTargetMax - longest.size(), 't');
  make_symlink("short", folder / "short");
  make_symlink(longest, folder / "long");
  const auto tree = open_tree(folder.path()).tree;
  CHECK(tree->read_link("short") == "short");
  CHECK(tree->read_link("long") == longest);
  write_file(folder / "file", "");
  CHECK(failed([&] { return tree->read_link("file"); }).kind() == ErrorKind::io);
}

TEST_CASE("posix_source_tree: what is not there is not found, with its name",
          "[posix_source_tree]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "");
  const auto tree = open_tree(folder.path()).tree;
  CHECK(failed([&] { return tree->stat("none\n"); }).kind() == ErrorKind::not_found);
  CHECK(says(failed([&] { return tree->stat("none\n"); }), "none\\x0a: "));
  CHECK(failed([&] { return tree->list("none", {}); }).kind() == ErrorKind::not_found);
  CHECK(failed([&] { return tree->open("none"); }).kind() == ErrorKind::not_found);
  CHECK(failed([&] { return tree->stat("none/below"); }).kind() == ErrorKind::not_found);
  CHECK(failed([&] { return tree->list("file", {}); }).kind() == ErrorKind::not_found);
  CHECK(failed([&] { return open_tree(folder / "none"); }).kind() == ErrorKind::not_found);
}

TEST_CASE("posix_source_tree: a file is read at any place, short only at its end",
          "[posix_source_tree]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "0123456789");
  const auto file = open_tree(folder.path()).tree->open("file");
  Bytes bytes(4);
  CHECK(file->read_at(FileOffset(3), bytes) == 4);
  CHECK(as_text(bytes) == "3456");
  CHECK(file->read_at(FileOffset(8), bytes) == 2);
  CHECK(as_text(ByteView(bytes).first(2)) == "89");
  CHECK(file->read_at(FileOffset(10), bytes) == 0);
}

TEST_CASE("posix_source_tree: opening a fifo, a directory or a symlink is refused at once",
          "[posix_source_tree]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "x");
  make_fifo(folder / "fifo");
  make_folder(folder / "dir");
  make_symlink("file", folder / "link");
  make_socket(folder / "socket");
  const auto tree = open_tree(folder.path()).tree;
  // A fifo without a writer would block for ever: ctest's time limit would show it.
  for (const char* name : {"fifo", "dir", "link", "socket"}) {
    INFO(name);
    CHECK(failed([&] { return tree->open(name); }).kind() == ErrorKind::source_changed);
  }
}

TEST_CASE("posix_source_tree: a file or directory replaced by a symlink out of the root is refused",
          "[posix_source_tree]") {
  const TemporaryFolder folder;
  make_folder(folder / "root");
  make_folder(folder / "root/dir");
  write_file(folder / "root/dir/file", "inside");
  make_folder(folder / "outside");
  write_file(folder / "outside/file", "secret");
  const auto tree = open_tree(folder / "root").tree;
  SECTION("the file") {
    std::filesystem::remove(folder / "root/dir/file");
    make_symlink("../../outside/file", folder / "root/dir/file");
    CHECK(failed([&] { return tree->open("dir/file"); }).kind() == ErrorKind::source_changed);
    CHECK(tree->stat("dir/file").kind == SourceKind::symlink);
  }
  SECTION("its directory, before it was seen") {
    std::filesystem::rename(folder / "root/dir", folder / "root/moved");
    make_symlink("../outside", folder / "root/dir");
    CHECK(failed([&] { return tree->open("dir/file"); }).kind() == ErrorKind::source_changed);
    CHECK(failed([&] { return tree->stat("dir/file"); }).kind() == ErrorKind::source_changed);
    CHECK(failed([&] { return tree->list("dir", {}); }).kind() == ErrorKind::not_found);
  }
  SECTION("its directory, after it was seen") {
    CHECK(content(*tree->open("dir/file")) == "inside");
    std::filesystem::rename(folder / "root/dir", folder / "root/moved");
    make_symlink("../outside", folder / "root/dir");
    std::string found = "refused";
    const auto failure = failure_of([&] { found = content(*tree->open("dir/file")); });
    CHECK(found != "secret");
  }
}

TEST_CASE("posix_source_tree: xattrs are listed with their values, sorted by name",
          "[posix_source_tree]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "");
  const std::string path = folder / "file";
  if (::setxattr(path.c_str(), "user.zebra", "z", 1, 0) != 0) {
    WARN("no user xattrs in " << folder.path());
    return;
  }
  const std::string binary("\0\xff=\n", 4);
  REQUIRE(::setxattr(path.c_str(), "user.apple", binary.data(), binary.size(), 0) == 0);
  REQUIRE(::setxattr(path.c_str(), "user.empty", "", 0, 0) == 0);
  make_symlink("file", folder / "link");
  const auto tree = open_tree(folder.path()).tree;
  auto users = tree->xattrs("file");
  // A security module may add its own.
  std::erase_if(users, [](const Xattr& xattr) { return !xattr.name.starts_with("user."); });
  CHECK(users ==
        std::vector<Xattr>{{"user.apple", binary}, {"user.empty", ""}, {"user.zebra", "z"}});
  // A symlink has none of the file that it leads to.
  const auto links = tree->xattrs("link");
  CHECK(std::none_of(links.begin(), links.end(),
                     [](const Xattr& xattr) { return xattr.name.starts_with("user."); }));
}

TEST_CASE("posix_source_tree: an attribute that is withheld is left out, another failure is one",
          "[posix_source_tree]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "");
  if (::setxattr((folder / "file").c_str(), "user.a", "1", 1, 0) != 0) {
    WARN("no user xattrs in " << folder.path());
    return;
  }
  const auto read = [&] { return open_tree(folder.path()).tree->xattrs("file"); };
  for (const int withheld : {ENODATA, EACCES, EPERM, ENOTSUP}) {
    const auto step = [&] { CHECK(read().empty()); };
    if (!run_with_failing_call(SYS_lgetxattr, static_cast<unsigned>(withheld), step)) return;
  }
  const struct {
    int error;
    ErrorKind kind;
  } failures[] = {{EIO, ErrorKind::io}, {ENOMEM, ErrorKind::exhausted}};
  for (const auto& c : failures) {
    std::optional<Error> failure;
    const auto step = [&] { failure = failed(read); };
    REQUIRE(run_with_failing_call(SYS_lgetxattr, static_cast<unsigned>(c.error), step));
    CHECK(failure->kind() == c.kind);
    CHECK(says(*failure, "user.a of file"));
  }
}

TEST_CASE("posix_source_tree: reading leaves the atime of files and directories alone",
          "[posix_source_tree]") {
  const TemporaryFolder folder;
  make_folder(folder / "dir");
  for (const char* name : {"dir/file", "dir/plain"})
    write_file(folder / name, "content");
  for (const char* name : {"dir", "dir/file", "dir/plain"})
    set_old_atime(folder / name);
  const auto tree = open_tree(folder.path()).tree;
  CHECK(sorted_names(*tree, "dir").size() == 2);
  CHECK(content(*tree->open("dir/file")) == "content");
  CHECK(atime_is_old(folder / "dir"));
  CHECK(atime_is_old(folder / "dir/file"));
  CHECK(read_file(folder / "dir/plain") == "content");
  if (atime_is_old(folder / "dir/plain"))
    WARN("mounted noatime: no reader would move an atime here");
}

TEST_CASE("posix_source_tree: a file that only others may read is denied before it is opened",
          "[posix_source_tree]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "x");
  must(::chmod((folder / "file").c_str(), 0) == 0, "chmod");
  const auto tree = open_tree(folder.path()).tree;
  if (::geteuid() == 0) {
    // Root reads everything: nothing must be said to be denied to it.
    tree->check_readable("file");
    CHECK(content(*tree->open("file")) == "x");
    return;
  }
  CHECK(failed([&] { tree->check_readable("file"); }).kind() == ErrorKind::denied);
  CHECK(failed([&] { return tree->open("file"); }).kind() == ErrorKind::denied);
}

TEST_CASE("posix_source_tree: a root through a symlink, with `..` or a final slash is resolved",
          "[posix_source_tree]") {
  const TemporaryFolder folder;
  make_folder(folder / "real");
  write_file(folder / "real/file", "");
  make_symlink("real", folder / "link");
  for (const char* typed : {"real", "link", "link/", "real/.", "real/../link"}) {
    INFO(typed);
    const auto opened = open_tree(folder / typed);
    CHECK(opened.root == folder / "real");
    CHECK(sorted_names(*opened.tree, "") == std::vector<std::string>{"file"});
  }
}

TEST_CASE("posix_source_tree: a single file is a tree of its name", "[posix_source_tree]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "x");
  make_symlink("file", folder / "link");
  const auto opened = open_tree(folder / "link");
  CHECK(opened.single_file);
  CHECK(opened.root == folder / "file");
  CHECK(content(*opened.tree->open("file")) == "x");
}

TEST_CASE("posix_source_tree: names of owners come from the host, unknown ids have none",
          "[posix_source_tree]") {
  const auto tree = open_tree("/").tree;
  CHECK(tree->user_name(0) == "root");
  CHECK(tree->group_name(0) == "root");
  CHECK(tree->user_name(4'294'000'000) == "");
  CHECK(tree->group_name(4'294'000'000) == "");
}

TEST_CASE("posix_source_tree: holes are zeros, wherever they are and from wherever one reads",
          "[source_tree]") {
  const TemporaryFolder folder;
  const struct {
    const char* name;
    std::vector<std::pair<off_t, std::size_t>> data;  // place, bytes
    off_t size;
  } cases[] = {
      {"all hole", {}, 3 << 20},
      {"hole in front", {{2 << 20, 5000}}, (2 << 20) + 5000},
      {"hole behind", {{0, 5000}}, 3 << 20},
      {"hole between", {{0, 5000}, {1 << 20, 70'000}}, (1 << 20) + 70'000},
      {"many", {{8192, 100}, {65'536, 1}, {300'000, 4096}, {1 << 20, 9}}, (2 << 20) + 1},
  };
  for (const auto& c : cases) {
    INFO(c.name);
    const std::string path = folder / c.name;
    Bytes expected(static_cast<std::size_t>(c.size));
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    must(fd >= 0 && ::ftruncate(fd, c.size) == 0, path);
    for (const auto& [place, count] : c.data) {
      const Bytes bytes(count, 'x');
      must(::pwrite(fd, bytes.data(), count, place) == static_cast<ssize_t>(count), path);
      std::copy(bytes.begin(), bytes.end(), expected.begin() + place);
    }
    ::close(fd);
    const auto opened = open_tree(folder.path());
    const auto file = opened.tree->open(c.name);
    CHECK(as_text(expected) == content(*file));
    for (const std::size_t piece : {std::size_t{4096}, std::size_t{65'537}}) {
      Bytes all;
      Bytes buffer(piece, 'y');
      while (const std::size_t n = file->read_at(FileOffset(all.size()), buffer))
        all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(n));
      CHECK(all == expected);
    }
    Bytes behind(10, 'y');
    CHECK(file->read_at(FileOffset(expected.size() - 4), behind) == 4);
    CHECK(file->read_at(FileOffset(expected.size()), behind) == 0);
    CHECK(file->read_at(FileOffset(expected.size() + 5), behind) == 0);
    must(::truncate(path.c_str(), c.size / 2) == 0, path);  // while it is open
    CHECK(file->read_at(FileOffset(expected.size() / 2 - 4), behind) == 4);
  }
}
