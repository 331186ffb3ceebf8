// What holds of every output that replaces a file, whichever way it is written.
#include "os/part_file.h"

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include <sys/syscall.h>
#include <sys/xattr.h>

#include "support/child.h"
#include "support/expect.h"
#include "support/failing_call.h"
#include "support/samples.h"
#include "support/temporary_folder.h"
#include "tape/files.h"

using namespace tape;
using namespace test;

namespace {

constexpr std::size_t kOldSize = 3000;
constexpr std::size_t kPrefix = 1000;

struct Kind {
  const char* what;
  std::unique_ptr<ByteSink> (*make)(const std::string& path);
  std::size_t prefix;
};
constexpr Kind kKinds[] = {
    {"replacing", [](const std::string& path) { return create_replacing_file_sink(path); }, 0},
    {"continued", [](const std::string& path) { return create_continued_file_sink(path, kPrefix); },
     kPrefix},
    {"positioned, no threads",
     [](const std::string& path) { return create_positioned_file_sink(path, true, 0); }, 0},
    {"positioned, 2 threads",
     [](const std::string& path) { return create_positioned_file_sink(path, true, 2); }, 0},
};

Bytes old_content() {
  return mixed_bytes(kOldSize, 1);
}
Bytes added_content() {
  return mixed_bytes(2000, 2);
}

std::string new_content(const Kind& kind) {
  const Bytes old = old_content();
  return as_text(ByteView(old).first(kind.prefix)) + as_text(added_content());
}

void replace(const Kind& kind, const std::string& path) {
  const auto sink = kind.make(path);
  const Bytes added = added_content();
  for (std::size_t at = 0; at < added.size(); at += 500)
    sink->write(ByteView(added).subspan(at, 500));
  sink->finish();
}

// Runs it in a process that `prepare` has set a trap for; the file is the old one or, when it was
// done, the new one. True when it was not done.
template <class Prepare>
bool old_or_new(const Kind& kind, Prepare&& prepare) {
  const TemporaryFolder folder;
  const std::string path = folder / "file";
  write_file(path, as_text(old_content()));
  const Ended ended = run_in_child(prepare, [&] { replace(kind, path); });
  REQUIRE(ended != Ended::unprepared);
  const bool done = ended == Ended::done;
  CHECK((read_file(path) == (done ? new_content(kind) : as_text(old_content()))));
  if (ended != Ended::killed) CHECK(names_in(folder.path()) == std::vector<std::string>{"file"});
  return !done;
}

#ifdef SYS_rename
constexpr unsigned kRename = SYS_rename;
#else
constexpr unsigned kRename = SYS_renameat;
#endif

}  // namespace

TEST_CASE("part_file: the new file is whole when it has the name", "[part_file]") {
  for (const Kind& kind : kKinds) {
    INFO(kind.what);
    CHECK_FALSE(old_or_new(kind, [] { return true; }));
  }
}

TEST_CASE("part_file: at whichever byte the disk is full or the process killed, the old file stays",
          "[part_file]") {
  for (const Kind& kind : kKinds) {
    const std::size_t whole = new_content(kind).size();
    for (std::size_t size = 0; size <= whole; size += size + 97 < whole ? 97 : 1) {
      for (const bool kill : {false, true}) {
        INFO(kind.what << ", " << size << " bytes, " << (kill ? "killed" : "full"));
        CHECK(old_or_new(kind, [&] { return limit_file_size(size, kill); }) == (size < whole));
      }
    }
  }
}

TEST_CASE("part_file: whichever step fails, or the process dies at it, the old file stays",
          "[part_file]") {
  if (!can_fail_calls()) {
    WARN("system calls cannot be filtered here: not tested");
    return;
  }
  struct Step {
    const char* what;
    unsigned call;
    bool in_order;  // of outputs that are not positioned, too
  };
  // write(2) is not among them: the sanitizer for undefined behaviour uses it to look at memory. It
  // fails above, where the disk is full.
  constexpr Step kSteps[] = {
      {"pwrite", SYS_pwrite64, false},
      {"mode", SYS_fchmod, true},
      {"sync", SYS_fsync, true},
      {"rename", kRename, true},
  };
  for (const Kind& kind : kKinds) {
    const bool positioned = std::string_view(kind.what).starts_with("positioned");
    for (const Step& step : kSteps) {
      if (!positioned && !step.in_order) continue;
      INFO(kind.what << ", " << step.what);
      CHECK(old_or_new(kind, [&] { return fail_call_in_this_thread(step.call, EIO); }));
      CHECK(old_or_new(kind, [&] { return die_at_call_in_this_thread(step.call); }));
    }
  }
}

TEST_CASE("part_file: mode and xattrs are the old file's, and its owner where that may be",
          "[part_file]") {
  for (const Kind& kind : kKinds) {
    INFO(kind.what);
    const TemporaryFolder folder;
    const std::string path = folder / "file";
    write_file(path, as_text(old_content()));
    const bool has_xattrs = ::setxattr(path.c_str(), "user.note", "kept", 4, 0) == 0;
    const bool is_root = ::geteuid() == 0;
    if (is_root) must(::chown(path.c_str(), 65534, 65533) == 0, "chown");
    must(::chmod(path.c_str(), 02750) == 0, "chmod");
    const struct stat before = stat_of(path);
    replace(kind, path);
    const struct stat after = stat_of(path);
    CHECK(after.st_ino != before.st_ino);
    CHECK(after.st_mode == before.st_mode);
    CHECK(after.st_uid == before.st_uid);
    CHECK(after.st_gid == before.st_gid);
    char value[8];
    if (has_xattrs) CHECK(::getxattr(path.c_str(), "user.note", value, sizeof value) == 4);
  }
}

TEST_CASE("part_file: what takes the name between seal and place is replaced if it is a file",
          "[part_file]") {
  const TemporaryFolder folder;
  PartFile file(folder / "file", IfThere::replace);
  file.seal();
  write_file(folder / "file", "of another");
  file.place();
  CHECK(read_file(folder / "file").empty());
  PartFile fifo(folder / "fifo", IfThere::replace);
  fifo.seal();
  make_fifo(folder / "fifo");
  CHECK(failed([&] { fifo.place(); }).kind() == ErrorKind::usage);
  CHECK(S_ISFIFO(stat_of(folder / "fifo").st_mode));
}

TEST_CASE("part_file: where the owner may not be kept, nothing runs as the new one",
          "[part_file]") {
  if (!can_fail_calls()) {
    WARN("system calls cannot be filtered here: not tested");
    return;
  }
  for (const Kind& kind : kKinds) {
    INFO(kind.what);
    const TemporaryFolder folder;
    const std::string path = folder / "file";
    write_file(path, as_text(old_content()));
    must(::chmod(path.c_str(), 06755) == 0, "chmod");
    run_with_failing_call(SYS_fchown, EPERM, [&] { replace(kind, path); });
    CHECK((stat_of(path).st_mode & 07777) == 0755);
  }
}
