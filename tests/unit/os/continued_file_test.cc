#include <cerrno>
#include <fstream>
#include <string>
#include <vector>

#include <sys/file.h>
#include <sys/syscall.h>

#include "support/expect.h"
#include "support/failing_call.h"
#include "support/samples.h"
#include "support/temporary_folder.h"
#include "tape/files.h"

using namespace tape;
using namespace test;

namespace {

void check_continued(const std::string& path, const std::string& old, std::size_t prefix) {
  INFO("a prefix of " << prefix);
  write_file(path, old);
  const auto sink = create_continued_file_sink(path, prefix);
  sink->write(as_bytes("added "));
  sink->write(as_bytes("at the end"));
  CHECK((read_file(path) == old));
  sink->finish();
  CHECK((read_file(path) == old.substr(0, prefix) + "added at the end"));
}

}  // namespace

TEST_CASE("continued_file: begins with what it was told to, however that can be copied",
          "[continued_file]") {
  const TemporaryFolder folder;
  const std::string path = folder / "file";
  const std::string old = as_text(mixed_bytes((std::size_t{5} << 19) + 17));
  const auto all_prefixes = [&] {
    for (const std::size_t prefix : {std::size_t{0}, std::size_t{1}, std::size_t{1} << 20,
                                     (std::size_t{1} << 20) + 1, old.size() - 1, old.size()})
      check_continued(path, old, prefix);
    check_continued(path, "", 0);
  };
  SECTION("as the file system can") {
    all_prefixes();
  }
  if (!can_fail_calls()) {
    WARN("system calls cannot be filtered here: the other ways are not tested");
    return;
  }
  SECTION("in the kernel") {
    run_with_failing_call(SYS_ioctl, EOPNOTSUPP, all_prefixes);
  }
  SECTION("by reading and writing") {
    for (const unsigned error : {unsigned{ENOSYS}, unsigned{EXDEV}, unsigned{EOPNOTSUPP}})
      run_with_failing_call(SYS_ioctl, ENOTTY, [&] {
        run_with_failing_call(SYS_copy_file_range, error, all_prefixes);
      });
  }
  CHECK(names_in(folder.path()) == std::vector<std::string>{"file"});
}

TEST_CASE("continued_file: with nothing added it is the prefix, of any size", "[continued_file]") {
  const TemporaryFolder folder;
  const std::string path = folder / "file";
  const std::size_t size = std::size_t{17} << 20;  // copied in two pieces
  const auto shorten = [&] {
    write_file(path, "begin");
    must(::truncate(path.c_str(), static_cast<off_t>(size)) == 0, "truncate");
    std::ofstream(path, std::ios::binary | std::ios::app) << "end, and more";
    create_continued_file_sink(path, size + 3)->finish();
    std::string expected(size, '\0');
    expected.replace(0, 5, "begin");
    CHECK((read_file(path) == expected + "end"));
  };
  shorten();
  run_with_failing_call(SYS_copy_file_range, ENOSYS, shorten);
}

TEST_CASE("continued_file: an abandoned one leaves the old file, and no other",
          "[continued_file]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "old");
  create_continued_file_sink(folder / "file", 3)->write(as_bytes("half"));
  CHECK(read_file(folder / "file") == "old");
  CHECK(names_in(folder.path()) == std::vector<std::string>{"file"});
  check_continued(folder / "file", "old", 2);  // nor a lock
}

TEST_CASE("continued_file: a symlink stays, and what it leads to is continued",
          "[continued_file]") {
  const TemporaryFolder folder;
  make_folder(folder / "far");
  write_file(folder / "far/file", "old");
  make_symlink("far/file", folder / "link");
  const auto sink = create_continued_file_sink(folder / "link", 3);
  sink->write(as_bytes(" and new"));
  sink->finish();
  CHECK(link_target(folder / "link") == "far/file");
  CHECK(read_file(folder / "far/file") == "old and new");
}

TEST_CASE("continued_file: an old file that is not the same at the end is not replaced",
          "[continued_file]") {
  struct Change {
    const char* what;
    void (*make)(const std::string& path);
    const char* left;  // null: nothing is there
  };
  constexpr Change kChanges[] = {
      {"longer", [](const std::string& path) { write_file(path, "old and more"); }, "old and more"},
      {"of another time",
       [](const std::string& path) {
         set_mtime(path, {1000, 0});
       },
       "old"},
      // mtime and size as before: ctime tells.
      {"of another mode", [](const std::string& path) { ::chmod(path.c_str(), 0600); }, "old"},
      {"another file",
       [](const std::string& path) {
         write_file(path + ".new", "new");
         set_mtime(path + ".new", mtime_of(path));
         must(::rename((path + ".new").c_str(), path.c_str()) == 0, "rename");
       },
       "new"},
      {"gone", [](const std::string& path) { must(::unlink(path.c_str()) == 0, "unlink"); },
       nullptr},
  };
  for (const Change& change : kChanges) {
    INFO(change.what);
    const TemporaryFolder folder;
    const std::string path = folder / "file";
    write_file(path, "old");
    set_mtime(path, {5000, 5});
    // ctime is of the clock's last tick: wait for another one.
    const timespec before = stat_of(path).st_ctim;
    const auto sink = create_continued_file_sink(path, 3);
    for (timespec now = before; now.tv_sec == before.tv_sec && now.tv_nsec == before.tv_nsec;
         now = stat_of(folder / "tick").st_ctim)
      write_file(folder / "tick", "");
    must(::unlink((folder / "tick").c_str()) == 0, "unlink");
    change.make(path);
    sink->write(as_bytes("lost"));
    CHECK(failed([&] { sink->finish(); }).kind() == ErrorKind::object_changed);
    CHECK(is_there(path) == (change.left != nullptr));
    if (change.left != nullptr) CHECK(read_file(path) == change.left);
  }
}

TEST_CASE("continued_file: a second one at once is a usage error that says why",
          "[continued_file]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "old");
  const auto first = create_continued_file_sink(folder / "file", 3);
  const Error error = failed([&] { return create_continued_file_sink(folder / "file", 3); });
  CHECK(error.kind() == ErrorKind::usage);
  CHECK(says(error, "another program holds it"));
  CHECK(names_in(folder.path()).size() == 2);
  first->write(as_bytes("!"));
  first->finish();
  CHECK(read_file(folder / "file") == "old!");
}

TEST_CASE("continued_file: a prefix beyond the end is object_changed, with both sizes",
          "[continued_file]") {
  const TemporaryFolder folder;
  write_file(folder / "file", "12345");
  const Error error = failed([&] { return create_continued_file_sink(folder / "file", 6); });
  CHECK(error.kind() == ErrorKind::object_changed);
  CHECK(says(error, "5 bytes"));
  CHECK(says(error, "6 expected"));
}

TEST_CASE("continued_file: only a regular file that is there is continued", "[continued_file]") {
  const TemporaryFolder folder;
  make_folder(folder / "folder");
  make_fifo(folder / "fifo");
  const auto before = names_in(folder.path());
  CHECK(failed([&] { return create_continued_file_sink(folder / "none", 0); }).kind() ==
        ErrorKind::not_found);
  for (const std::string& path : {folder / "folder", folder / "fifo", std::string("/dev/null")})
    CHECK(failed([&] { return create_continued_file_sink(path, 0); }).kind() == ErrorKind::usage);
  CHECK(names_in(folder.path()) == before);
}
