#include <algorithm>
#include <future>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/samples.h"
#include "support/temporary_folder.h"
#include "tape/files.h"

using namespace tape;
using namespace test;

namespace {

// The umask of a scope.
class ModeMask {
 public:
  explicit ModeMask(mode_t mask) : before_(::umask(mask)) {}
  ModeMask(const ModeMask&) = delete;
  ModeMask& operator=(const ModeMask&) = delete;
  ~ModeMask() { ::umask(before_); }

 private:
  mode_t before_;
};

}  // namespace

TEST_CASE("file_sink: nothing has the output's name before finish", "[file_sink]") {
  const TemporaryFolder folder;
  const auto sink = create_file_sink(folder / "out");
  CHECK_FALSE(is_there(folder / "out"));
  sink->write(as_bytes("first "));
  sink->write(as_bytes("second"));
  CHECK_FALSE(is_there(folder / "out"));
  sink->finish();
  CHECK(names_in(folder.path()) == std::vector<std::string>{"out"});
  CHECK(read_file(folder / "out") == "first second");
}

TEST_CASE("file_sink: the name that an unfinished output has matches no glob for archives",
          "[file_sink]") {
  const TemporaryFolder folder;
  const auto sink = create_file_sink(folder / "out.tar.gz");
  const auto names = names_in(folder.path());
  REQUIRE(names.size() == 1);
  CHECK(names[0].starts_with(".part-"));
  CHECK(names[0].find(".tar.gz") == std::string::npos);
}

TEST_CASE("file_sink: an abandoned output leaves nothing", "[file_sink]") {
  const TemporaryFolder folder;
  {
    const auto sink = create_file_sink(folder / "out");
    sink->write(as_bytes("half"));
    REQUIRE(names_in(folder.path()).size() == 1);
  }
  CHECK(names_in(folder.path()).empty());
}

TEST_CASE("file_sink: an output that exists is refused at the start, whatever it is",
          "[file_sink]") {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  SECTION("a file") {
    write_file(out, "precious");
  }
  SECTION("a directory") {
    make_folder(out);
  }
  SECTION("a dangling symlink") {
    make_symlink("nowhere", out);
  }
  SECTION("a symlink to a file") {
    write_file(folder / "other", "precious");
    make_symlink("other", out);
  }
  const auto before = names_in(folder.path());
  CHECK(failed([&] { return create_file_sink(out); }).kind() == ErrorKind::usage);
  CHECK(names_in(folder.path()) == before);
}

TEST_CASE("file_sink: an output that appears meanwhile is not written over", "[file_sink]") {
  const TemporaryFolder folder;
  {
    const auto sink = create_file_sink(folder / "out");
    sink->write(as_bytes("late"));
    write_file(folder / "out", "precious");
    CHECK(failed([&] { sink->finish(); }).kind() == ErrorKind::usage);
  }
  CHECK(read_file(folder / "out") == "precious");
  CHECK(names_in(folder.path()) == std::vector<std::string>{"out"});
}

TEST_CASE("file_sink: an output has mode 0666 less umask", "[file_sink]") {
  const TemporaryFolder folder;
  for (const mode_t mask : {mode_t{0022}, mode_t{0077}}) {
    const ModeMask masked(mask);
    const std::string out = folder / ("out" + std::to_string(mask));
    create_file_sink(out)->finish();
    CHECK((stat_of(out).st_mode & 07777) == (0666 & ~mask));
  }
}

TEST_CASE("file_sink: a full device is `exhausted` and is not replaced", "[file_sink]") {
  const auto sink = create_file_sink("/dev/full");
  CHECK(failed([&] { sink->write(as_bytes("x")); }).kind() == ErrorKind::exhausted);
  CHECK(S_ISCHR(stat_of("/dev/full").st_mode));
  const auto null = create_file_sink("/dev/null");
  null->write(as_bytes("x"));
  null->finish();
  CHECK(S_ISCHR(stat_of("/dev/null").st_mode));
}

TEST_CASE("file_sink: an output in a folder that is not there is not found", "[file_sink]") {
  const TemporaryFolder folder;
  CHECK(failed([&] { return create_file_sink(folder / "none/out"); }).kind() ==
        ErrorKind::not_found);
}

TEST_CASE("file_sink: a descriptor sink does not close what it was given", "[file_sink]") {
  const TemporaryFolder folder;
  const int fd = ::open((folder / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  REQUIRE(fd >= 0);
  {
    const auto sink = descriptor_sink(fd, "out");
    sink->write(as_bytes("x"));
    sink->finish();
  }
  CHECK(::write(fd, "y", 1) == 1);
  ::close(fd);
  CHECK(read_file(folder / "out") == "xy");
}

TEST_CASE("file_sink: a replacing output takes the name of what was there, with its mode",
          "[file_sink]") {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  for (const mode_t mode : {mode_t{0640}, mode_t{0400}, mode_t{04711}}) {
    write_file(out, "old, and longer");
    must(::chmod(out.c_str(), mode) == 0, "chmod");
    const auto sink = create_replacing_file_sink(out);
    sink->write(as_bytes("new"));
    CHECK(read_file(out) == "old, and longer");
    sink->finish();
    CHECK(read_file(out) == "new");
    CHECK((stat_of(out).st_mode & 07777) == mode);
    CHECK(names_in(folder.path()) == std::vector<std::string>{"out"});
    must(::unlink(out.c_str()) == 0, "unlink");
  }
}

TEST_CASE("file_sink: until it has the name nobody reads of a replacing output more than before",
          "[file_sink]") {
  const TemporaryFolder folder;
  write_file(folder / "out", "secret");
  must(::chmod((folder / "out").c_str(), 0600) == 0, "chmod");
  const auto sink = create_replacing_file_sink(folder / "out");
  for (const std::string& name : names_in(folder.path()))
    CHECK((stat_of(folder / name).st_mode & 07777) == 0600);
}

TEST_CASE("file_sink: a replacing output needs nothing that is there, or that appears meanwhile",
          "[file_sink]") {
  const TemporaryFolder folder;
  const ModeMask masked(0027);
  create_replacing_file_sink(folder / "new")->finish();
  CHECK((stat_of(folder / "new").st_mode & 07777) == 0640);
  const auto sink = create_replacing_file_sink(folder / "out");
  sink->write(as_bytes("mine"));
  write_file(folder / "out", "of another");
  sink->finish();
  CHECK(read_file(folder / "out") == "mine");
}

TEST_CASE("file_sink: a replacing output follows symlinks and replaces what they lead to",
          "[file_sink]") {
  const TemporaryFolder folder;
  make_folder(folder / "far");
  write_file(folder / "far/file", "old");
  make_symlink("far/second", folder / "first");
  make_symlink(folder / "far/file", folder / "far/second");
  make_symlink("far/none", folder / "dangling");
  for (const char* name : {"first", "dangling"}) {
    const auto sink = create_replacing_file_sink(folder / name);
    sink->write(as_bytes("new"));
    CHECK(names_in(folder.path()) == std::vector<std::string>{"dangling", "far", "first"});
    sink->finish();
  }
  CHECK(link_target(folder / "first") == "far/second");
  CHECK(read_file(folder / "far/file") == "new");
  CHECK(read_file(folder / "far/none") == "new");
  CHECK(names_in(folder / "far") == std::vector<std::string>{"file", "none", "second"});
}

TEST_CASE("file_sink: a replacing output replaces regular files only, at the start and at the end",
          "[file_sink]") {
  const TemporaryFolder folder;
  make_folder(folder / "folder");
  make_fifo(folder / "fifo");
  make_symlink("loop", folder / "loop");
  const auto before = names_in(folder.path());
  for (const std::string& path : {folder / "folder", folder / "fifo", std::string("/dev/null")})
    CHECK(failed([&] { return create_replacing_file_sink(path); }).kind() == ErrorKind::usage);
  CHECK(failed([&] { return create_replacing_file_sink(folder / "loop"); }).kind() ==
        ErrorKind::io);
  CHECK(names_in(folder.path()) == before);
  {
    const auto sink = create_replacing_file_sink(folder / "out");
    make_fifo(folder / "out");
    CHECK(failed([&] { sink->finish(); }).kind() == ErrorKind::usage);
  }
  CHECK(S_ISFIFO(stat_of(folder / "out").st_mode));
}

namespace {

struct Pipe {
  Pipe() { must(::pipe2(ends, O_CLOEXEC) == 0, "a pipe"); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  int ends[2] = {-1, -1};
};

}  // namespace

TEST_CASE("file_sink: a reader fills up what a pipe gives in drops, and is short at the end",
          "[file_sink]") {
  Pipe pipe;
  const Bytes content = mixed_bytes(20'000);
  const auto fed = std::async(std::launch::async, [&] {
    for (std::size_t at = 0; at < content.size(); at += 7)
      must(::write(pipe.ends[1], &content[at], std::min<std::size_t>(7, content.size() - at)) > 0,
           "write");
    ::close(std::exchange(pipe.ends[1], -1));
  });
  const ByteReader reader = descriptor_reader(pipe.ends[0], "the pipe");
  Bytes out(13'000);
  REQUIRE(reader(out) == 13'000);
  CHECK((out == Bytes(content.begin(), content.begin() + 13'000)));
  REQUIRE(reader(out) == 7'000);
  CHECK((Bytes(out.begin(), out.begin() + 7'000) == Bytes(content.end() - 7'000, content.end())));
  CHECK(reader(out) == 0);
}

TEST_CASE("file_sink: a reader of what cannot be read says its name", "[file_sink]") {
  const TemporaryFolder folder;
  const int fd = ::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const ByteReader reader = descriptor_reader(fd, "standard input");
  Bytes out(1);
  CHECK(says(failed([&] { return reader(out); }), "standard input"));
  ::close(fd);
}
