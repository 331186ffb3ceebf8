// A file that begins as another one does, and then takes its place.
#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "os/beneath.h"
#include "os/part_file.h"
#include "tape/error.h"
#include "tape/files.h"

namespace tape {
namespace {

// Of one copy_file_range(2), so that a signal is not kept waiting long.
constexpr ByteCount kCopyPiece = ByteCount{16} << 20;
constexpr std::size_t kReadPiece = std::size_t{1} << 20;

bool is_same(const SourceStat& a, const SourceStat& b) {
  return a.identity == b.identity && a.size == b.size && a.mtime == b.mtime && a.ctime == b.ctime;
}

// flock(2) over NFS wants a descriptor that may write.
UniqueFd open_old(const std::string& path) {
  if (!regular_file_at(path)) throw errno_error(shown(path), ENOENT);
  UniqueFd file(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) file = UniqueFd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) throw errno_error(shown(path), errno);
  return file;
}

void lock(int file, const std::string& name) {
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) return;
  if (errno == EWOULDBLOCK)
    throw Error(ErrorKind::usage, name + ": another program holds it, and is adding to it",
                "wait until that has ended");
  throw errno_error(name, errno);
}

// Whether the file system shared the extents; where it cannot, the bytes are copied.
bool clone(int from, int to, ByteCount size, const std::string& name) {
  if (::ioctl(to, FICLONE, from) != 0) return false;
  if (::ftruncate(to, static_cast<off_t>(size)) != 0) throw errno_error(name, errno);
  return true;
}

// The bytes that the kernel copied. A failure is not told: what it is comes out when the rest is
// read and written.
ByteCount copy_in_kernel(int from, int to, ByteCount size) {
  ByteCount done = 0;
  while (done < size) {
    auto in = static_cast<off64_t>(done);
    auto out = in;
    const ssize_t n = ::copy_file_range(from, &in, to, &out, std::min(kCopyPiece, size - done), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<ByteCount>(n);
  }
  return done;
}

class ContinuedFile final : public ByteSink {
 public:
  ContinuedFile(const std::string& path, ByteCount prefix)
      : part_(path, IfThere::replace), old_(open_old(part_.path())) {
    lock(old_.get(), part_.name());
    struct stat info {};
    if (::fstat(old_.get(), &info) != 0) throw errno_error(part_.name(), errno);
    before_ = source_stat(info);
    expect_unchanged();  // the program that held the lock may have replaced it
    if (prefix > before_.size)
      throw Error(ErrorKind::object_changed,
                  part_.name() + ": has " + std::to_string(before_.size) + " bytes, at least " +
                      std::to_string(prefix) + " expected");
    copy(prefix);
  }

  void write(ByteView bytes) override { write_all(part_.descriptor(), bytes, part_.name()); }

  void finish() override {
    part_.seal();
    expect_unchanged();
    part_.place();
  }

 private:
  void copy(ByteCount prefix) {
    if (!clone(old_.get(), part_.descriptor(), prefix, part_.name())) {
      ByteCount done = copy_in_kernel(old_.get(), part_.descriptor(), prefix);
      Bytes piece(static_cast<std::size_t>(std::min<ByteCount>(kReadPiece, prefix - done)));
      while (done < prefix) {
        const MutableBytes room = MutableBytes(piece).first(
            static_cast<std::size_t>(std::min<ByteCount>(piece.size(), prefix - done)));
        const std::size_t n = read_full_at(old_.get(), done, room, part_.name());
        if (n == 0) throw changed();
        write_all_at(part_.descriptor(), done, room.first(n), part_.name());
        done += n;
      }
    }
    if (::lseek(part_.descriptor(), static_cast<off_t>(prefix), SEEK_SET) < 0)
      throw errno_error(part_.name(), errno);
  }

  // Between this and the rename is a moment in which a change is not seen; rename(2) cannot look.
  void expect_unchanged() const {
    const auto now = regular_file_at(part_.path());
    if (!now || !is_same(*now, before_)) throw changed();
  }

  Error changed() const {
    return {ErrorKind::object_changed,
            part_.name() + ": was changed or replaced while it was added to; it is left as it is"};
  }

  PartFile part_;
  UniqueFd old_;  // holds the lock
  SourceStat before_;
};

}  // namespace

std::unique_ptr<ByteSink> create_continued_file_sink(const std::string& path, ByteCount prefix) {
  return std::make_unique<ContinuedFile>(path, prefix);
}

}  // namespace tape
