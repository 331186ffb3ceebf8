#include "base/unique_fd.h"

#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

#include "support/expect.h"
#include "support/samples.h"

using namespace tape;

namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) != -1;
}

// A file without a name.
UniqueFd scratch() {
  char name[] = "/tmp/unique_fd_test.XXXXXX";
  UniqueFd fd(::mkstemp(name));
  REQUIRE(fd);
  ::unlink(name);
  return fd;
}

}  // namespace

TEST_CASE("unique_fd: one owner closes the descriptor once", "[unique_fd]") {
  UniqueFd a = scratch();
  const int fd = a.get();
  UniqueFd b = std::move(a);
  CHECK(a.get() == -1);
  CHECK(b.get() == fd);
  UniqueFd c;
  CHECK_FALSE(c);
  c = std::move(b);
  CHECK(is_open(fd));
  const int released = c.release();
  CHECK(is_open(released));
  CHECK_FALSE(c);
  UniqueFd(released).reset();
  CHECK_FALSE(is_open(fd));
}

TEST_CASE("unique_fd: close says what could not be closed", "[unique_fd]") {
  UniqueFd fd = scratch();
  ::close(fd.get());
  const Error error = failed([&] { fd.close("the catalog"); });
  CHECK(says(error, "the catalog: "));
  CHECK_FALSE(fd);
}

TEST_CASE("unique_fd: what is written is read back, short only at the end", "[unique_fd]") {
  const UniqueFd fd = scratch();
  Random random(2);
  const Bytes bytes = random_bytes(random, 300'000);
  write_all(fd.get(), bytes, "x");
  Bytes back(bytes.size() + 10);
  REQUIRE(read_full_at(fd.get(), 0, back, "x") == bytes.size());
  back.resize(bytes.size());
  CHECK(back == bytes);
  Bytes two(2);
  CHECK(read_full_at(fd.get(), bytes.size() - 1, two, "x") == 1);
  CHECK(two[0] == bytes.back());
  CHECK(read_full_at(fd.get(), bytes.size(), two, "x") == 0);
}

TEST_CASE("unique_fd: failing calls have the kind of their errno", "[unique_fd]") {
  const UniqueFd full(::open("/dev/full", O_RDWR | O_CLOEXEC));
  if (full) {
    const Error error = failed([&] { write_all(full.get(), as_bytes("x"), "out"); });
    CHECK(error.kind() == ErrorKind::exhausted);
    CHECK(says(error, "out: "));
  }
  Bytes one(1);
  CHECK(failed([&] { read_full_at(-1, 0, one, "in"); }).kind() == ErrorKind::io);
  CHECK(failed([&] { sync_descriptor(-1, "in"); }).kind() == ErrorKind::io);
  CHECK(failed([&] { sync_directory("/nowhere/at/all"); }).kind() == ErrorKind::not_found);
}
