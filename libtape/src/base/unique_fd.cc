#include "base/unique_fd.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "tape/error.h"

namespace tape {

void UniqueFd::reset() {
  if (fd_ >= 0) {
    ::close(fd_);
    fd_ = -1;
  }
}

void UniqueFd::close(const std::string& what) {
  const int fd = std::exchange(fd_, -1);
  if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) throw errno_error(what, errno);
}

void write_all(int fd, ByteView bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      throw errno_error(what, errno);
    }
  }
}

void write_all_at(int fd, std::uint64_t at, ByteView bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      at += static_cast<std::uint64_t>(n);
    } else if (errno != EINTR) {
      throw errno_error(what, errno);
    }
  }
}

std::size_t read_some(int fd, MutableBytes out, const std::string& what) {
  for (;;) {
    const ssize_t n = ::read(fd, out.data(), out.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) throw errno_error(what, errno);
  }
}

std::size_t read_full_at(int fd, std::uint64_t at, MutableBytes out, const std::string& what) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n =
        ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(at + done));
    if (n == 0) break;
    if (n > 0) {
      done += static_cast<std::size_t>(n);
    } else if (errno != EINTR) {
      throw errno_error(what, errno);
    }
  }
  return done;
}

void sync_descriptor(int fd, const std::string& what) {
  // EINVAL, EROFS: a pipe or a special file, which has nothing to sync.
  if (::fsync(fd) != 0 && errno != EINVAL && errno != EROFS) throw errno_error(what, errno);
}

void sync_directory(const std::string& path) {
  const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // A folder that may be written to but not read cannot be synced by us.
  if (!folder && errno == EACCES) return;
  if (!folder) throw errno_error(shown(path), errno);
  sync_descriptor(folder.get(), shown(path));
}

}  // namespace tape
