#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/temporary_folder.h"
#include "tape/files.h"

using namespace tape;
using namespace test;

namespace {

std::string read_all(const RangeSource& source) {
  Bytes bytes(static_cast<std::size_t>(source.size()));
  source.read_at(GzOffset(0), bytes);
  return as_text(bytes);
}

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

TEST_CASE("file_io: nothing has the output's name before finish", "[file_io]") {
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

TEST_CASE("file_io: the name that an unfinished output has matches no glob for archives",
          "[file_io]") {
  const TemporaryFolder folder;
  const auto sink = create_file_sink(folder / "out.tar.gz");
  const auto names = names_in(folder.path());
  REQUIRE(names.size() == 1);
  CHECK(names[0].starts_with(".part-"));
  CHECK(names[0].find(".tar.gz") == std::string::npos);
}

TEST_CASE("file_io: an abandoned output leaves nothing", "[file_io]") {
  const TemporaryFolder folder;
  {
    const auto sink = create_file_sink(folder / "out");
    sink->write(as_bytes("half"));
    REQUIRE(names_in(folder.path()).size() == 1);
  }
  CHECK(names_in(folder.path()).empty());
}

TEST_CASE("file_io: an output that exists is refused at the start, whatever it is", "[file_io]") {
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

TEST_CASE("file_io: an output that appears meanwhile is not written over", "[file_io]") {
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

TEST_CASE("file_io: an output has mode 0666 less umask", "[file_io]") {
  const TemporaryFolder folder;
  for (const mode_t mask : {mode_t{0022}, mode_t{0077}}) {
    const ModeMask masked(mask);
    const std::string out = folder / ("out" + std::to_string(mask));
    create_file_sink(out)->finish();
    CHECK((stat_of(out).st_mode & 07777) == (0666 & ~mask));
  }
}

TEST_CASE("file_io: a full device is `exhausted` and is not replaced", "[file_io]") {
  const auto sink = create_file_sink("/dev/full");
  CHECK(failed([&] { sink->write(as_bytes("x")); }).kind() == ErrorKind::exhausted);
  CHECK(S_ISCHR(stat_of("/dev/full").st_mode));
  const auto null = create_file_sink("/dev/null");
  null->write(as_bytes("x"));
  null->finish();
  CHECK(S_ISCHR(stat_of("/dev/null").st_mode));
}

TEST_CASE("file_io: an output in a folder that is not there is not found", "[file_io]") {
  const TemporaryFolder folder;
  CHECK(failed([&] { return create_file_sink(folder / "none/out"); }).kind() ==
        ErrorKind::not_found);
}

TEST_CASE("file_io: a descriptor sink does not close what it was given", "[file_io]") {
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

TEST_CASE("file_io: a file source reads any range and refuses what is no file", "[file_io]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "0123456789");
  const auto source = open_file_source(folder / "file");
  CHECK(source->size() == 10);
  Bytes bytes(3);
  source->read_at(GzOffset(7), bytes);
  CHECK(as_text(bytes) == "789");
  make_fifo(folder / "fifo");
  CHECK(failed([&] { return open_file_source(folder / "fifo"); }).kind() == ErrorKind::unsupported);
  CHECK(failed([&] { return open_file_source(folder.path()); }).kind() == ErrorKind::unsupported);
  CHECK(failed([&] { return open_file_source(folder / "none"); }).kind() == ErrorKind::not_found);
}

TEST_CASE("file_io: a file that became shorter is `object_changed` with the place", "[file_io]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "0123456789");
  const auto source = open_file_source(folder / "file");
  REQUIRE(::truncate((folder / "file").c_str(), 5) == 0);
  Bytes bytes(4);
  source->read_at(GzOffset(1), bytes);
  const auto cut = [&] { source->read_at(GzOffset(3), bytes); };
  CHECK(failed(cut).kind() == ErrorKind::object_changed);
  CHECK(says(failed(cut), "ends at 5, had 10 bytes"));
}

TEST_CASE("file_io: a scratch file has no name and gives back what was appended", "[file_io]") {
  const TemporaryFolder folder;
  const auto scratch = create_scratch_file(folder.path());
  CHECK(names_in(folder.path()).empty());
  scratch->out().write(as_bytes("one "));
  scratch->out().write(as_bytes("two"));
  scratch->out().finish();
  CHECK(scratch->in().size() == 7);
  CHECK(read_all(scratch->in()) == "one two");
  scratch->out().write(as_bytes("!"));
  CHECK(read_all(scratch->in()) == "one two!");
  Bytes beyond(2);
  CHECK(failed([&] { scratch->in().read_at(GzOffset(7), beyond); }).kind() == ErrorKind::io);
  CHECK(failed([&] { return create_scratch_file(folder / "none"); }).kind() ==
        ErrorKind::not_found);
}

TEST_CASE("file_io: temporary names differ and stand in the folder", "[file_io]") {
  const std::string one = temporary_name("/some/folder");
  const std::string two = temporary_name("/some/folder");
  CHECK(one != two);
  CHECK(one.starts_with("/some/folder/.part-"));
  CHECK(one.size() == std::string("/some/folder/.part-").size() + 16);
  CHECK(temporary_name("/").starts_with("/.part-"));
}

TEST_CASE("file_io: the folder of a path", "[file_io]") {
  const struct {
    const char* path;
    const char* folder;
  } cases[] = {{"name", "."}, {"/name", "/"}, {"a/b", "a"}, {"/a/b/c", "/a/b"}, {"./x", "."}};
  for (const auto& c : cases) {
    INFO(c.path);
    CHECK(folder_of(c.path) == c.folder);
  }
}

TEST_CASE(
    "file_io: identities are of what a symlink leads to, and of regular files only by descriptor",
    "[file_io]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "");
  make_symlink("file", folder / "link");
  CHECK(identity_of(folder / "link") == identity_of(folder / "file"));
  CHECK(identity_of(folder / "none") == std::nullopt);
  CHECK(is_directory(folder.path()));
  CHECK_FALSE(is_directory(folder / "file"));
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  CHECK(identity_of_descriptor(ends[0]) == std::nullopt);
  const int fd = ::open((folder / "file").c_str(), O_RDONLY | O_CLOEXEC);
  CHECK(identity_of_descriptor(fd) == identity_of(folder / "file"));
  for (const int each : {ends[0], ends[1], fd})
    ::close(each);
}
