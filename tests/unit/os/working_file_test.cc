#include <sys/stat.h>

#include "support/expect.h"
#include "support/temporary_folder.h"
#include "tape/files.h"

using namespace test;
using tape::as_bytes;
using tape::ErrorKind;
using tape::failed;
using tape::WorkingFile;

TEST_CASE("working_file: written anywhere, appended to, cut", "[working_file]") {
  const TemporaryFolder folder;
  const std::string path = folder / "file";
  const auto file = WorkingFile::create(path);
  file->write_at(3, as_bytes("def"));
  file->write_at(0, as_bytes("abc"));
  file->append(as_bytes("gh"));
  file->write_at(1, as_bytes("B"));  // behind an append, too
  CHECK(read_file(path) == "aBcdefgh");
  CHECK(file->size() == 8);
  file->truncate(2);
  file->sync();
  CHECK(read_file(path) == "aB");
  const auto again = WorkingFile::open(path);
  again->append(as_bytes("!"));
  CHECK(read_file(path) == "aB!");
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("working_file: made once, opened when it is there, never through a symlink",
          "[working_file]") {
  const TemporaryFolder folder;
  const std::string path = folder / "file";
  CHECK(failed([&] { WorkingFile::open(path); }).kind() == ErrorKind::not_found);
  static_cast<void>(WorkingFile::create(path));
  CHECK(failed([&] { WorkingFile::create(path); }).kind() == ErrorKind::usage);
  std::filesystem::create_symlink(path, folder / "link");
  CHECK(tape::failure_of([&] { WorkingFile::open(folder / "link"); }));
}

TEST_CASE("working_file: a rename never replaces", "[working_file]") {
  const TemporaryFolder folder;
  write_file(folder / "from", "new");
  write_file(folder / "taken", "old");
  CHECK_FALSE(tape::rename_if_absent(folder / "from", folder / "taken"));
  CHECK(read_file(folder / "taken") == "old");
  CHECK(read_file(folder / "from") == "new");
  CHECK(tape::rename_if_absent(folder / "from", folder / "free"));
  CHECK(read_file(folder / "free") == "new");
  CHECK_FALSE(std::filesystem::exists(folder / "from"));
  CHECK(failed([&] { tape::rename_if_absent(folder / "none", folder / "other"); }).kind() ==
        ErrorKind::not_found);
}

TEST_CASE("working_file: what is removed was there, or the failure is told", "[working_file]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "");
  CHECK(tape::remove_if_there(folder / "file"));
  CHECK_FALSE(tape::remove_if_there(folder / "file"));
  CHECK_FALSE(tape::remove_if_there(folder / "none/file"));
  tape::create_folders(folder / "folder");
  CHECK(tape::failure_of([&] { tape::remove_if_there(folder / "folder"); }));
}

TEST_CASE("working_file: folders are made with their parents, once", "[working_file]") {
  const TemporaryFolder folder;
  tape::create_folders(folder / "a/b/c");
  tape::create_folders(folder / "a/b/c");
  CHECK(tape::is_directory(folder / "a/b/c"));
  CHECK_FALSE(tape::create_folder(folder / "a"));
  CHECK(failed([&] { tape::create_folder(folder / "x/y"); }).kind() == ErrorKind::not_found);
  write_file(folder / "file", "");
  CHECK(tape::failure_of([&] { tape::create_folders(folder / "file/below"); }));
}
