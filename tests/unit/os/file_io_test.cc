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

}  // namespace

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
