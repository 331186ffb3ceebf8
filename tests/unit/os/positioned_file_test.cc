#include <cerrno>
#include <string>
#include <vector>

#include <sys/syscall.h>

#include "support/expect.h"
#include "support/failing_call.h"
#include "support/samples.h"
#include "support/temporary_folder.h"
#include "tape/files.h"

using namespace tape;
using namespace test;

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

}  // namespace

TEST_CASE("positioned_file: any number of threads and any cutting give the same bytes",
          "[positioned_file]") {
  const TemporaryFolder folder;
  const Bytes content = mixed_bytes(5 * kMiB + 12'345);
  for (const unsigned threads : {0U, 1U, 2U, 7U}) {
    for (const std::size_t piece : {std::size_t{4095}, kMiB - 1, kMiB, kMiB + 1, content.size()}) {
      INFO(threads << " threads, pieces of " << piece);
      const std::string path = folder / "out";
      const auto sink = create_positioned_file_sink(path, true, threads);
      for (std::size_t at = 0; at < content.size(); at += piece)
        sink->write(ByteView(content).subspan(at, std::min(piece, content.size() - at)));
      sink->finish();
      CHECK((read_file(path) == as_text(content)));
    }
  }
  CHECK(names_in(folder.path()) == std::vector<std::string>{"out"});
}

TEST_CASE("positioned_file: nothing written is an empty file", "[positioned_file]") {
  const TemporaryFolder folder;
  for (const unsigned threads : {0U, 3U}) {
    const std::string path = folder / std::to_string(threads);
    create_positioned_file_sink(path, false, threads)->finish();
    CHECK(read_file(path).empty());
  }
}

TEST_CASE("positioned_file: one that is there is refused at the start and at the end, or replaced",
          "[positioned_file]") {
  const TemporaryFolder folder;
  write_file(folder / "old", "old");
  CHECK(failed([&] { return create_positioned_file_sink(folder / "old", false, 2); }).kind() ==
        ErrorKind::usage);
  {
    const auto late = create_positioned_file_sink(folder / "late", false, 2);
    late->write(as_bytes("mine"));
    write_file(folder / "late", "of another");
    CHECK(failed([&] { late->finish(); }).kind() == ErrorKind::usage);
  }
  CHECK(read_file(folder / "late") == "of another");
  const auto sink = create_positioned_file_sink(folder / "old", true, 2);
  sink->write(as_bytes("new"));
  sink->finish();
  CHECK(read_file(folder / "old") == "new");
  CHECK(failed([&] { return create_positioned_file_sink(folder.path(), true, 2); }).kind() ==
        ErrorKind::usage);
}

TEST_CASE("positioned_file: a device is written in order, and full when it is",
          "[positioned_file]") {
  const auto null = create_positioned_file_sink("/dev/null", false, 2);
  null->write(as_bytes("x"));
  null->finish();
  const auto full = create_positioned_file_sink("/dev/full", false, 2);
  CHECK(failed([&] { full->write(as_bytes("x")); }).kind() == ErrorKind::exhausted);
}

TEST_CASE("positioned_file: what a thread fails with comes out before 64 MiB more are taken",
          "[positioned_file]") {
  if (!can_fail_calls()) {
    WARN("system calls cannot be filtered here: not tested");
    return;
  }
  const Bytes piece(kMiB);
  for (const unsigned threads : {0U, 1U, 7U, 100U}) {
    INFO(threads << " threads");
    const TemporaryFolder folder;
    std::size_t taken = 0;
    const auto write_on = [&] {
      const auto sink = create_positioned_file_sink(folder / "out", false, threads);
      const Error error = failed([&] {
        for (; taken < 200; ++taken)
          sink->write(piece);
      });
      CHECK(error.kind() == ErrorKind::exhausted);
      CHECK(says(error, "out"));
    };
    REQUIRE(run_with_failing_call(SYS_pwrite64, ENOSPC, write_on));
    CHECK(taken <= 64);
    CHECK(names_in(folder.path()).empty());
  }
}

TEST_CASE("positioned_file: what the last piece fails with comes out of finish",
          "[positioned_file]") {
  if (!can_fail_calls()) {
    WARN("system calls cannot be filtered here: not tested");
    return;
  }
  for (const unsigned threads : {0U, 2U}) {
    INFO(threads << " threads");
    const TemporaryFolder folder;
    REQUIRE(run_with_failing_call(SYS_pwrite64, EIO, [&] {
      const auto sink = create_positioned_file_sink(folder / "out", false, threads);
      sink->write(as_bytes("small"));
      CHECK(failed([&] { sink->finish(); }).kind() == ErrorKind::io);
    }));
    CHECK(names_in(folder.path()).empty());
  }
}
