#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "tape/error.h"
#include "tape/files.h"

namespace tape {
namespace {

class PosixWorkingFile final : public WorkingFile {
 public:
  PosixWorkingFile(const std::string& path, int flags) : name_(shown(path)) {
    file_ = UniqueFd(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600));
    if (!file_ && errno == EEXIST) throw Error(ErrorKind::usage, name_ + ": is there already");
    if (!file_) throw errno_error(name_, errno);
  }

  ByteCount size() const override {
    struct stat info {};
    if (::fstat(file_.get(), &info) != 0) throw errno_error(name_, errno);
    return static_cast<ByteCount>(info.st_size);
  }
  void write_at(std::uint64_t at, ByteView bytes) override {
    write_all_at(file_.get(), at, bytes, name_);
  }
  void append(ByteView bytes) override {
    // Linux appends with pwrite(2) too while the flag is set, so it does not stay.
    if (::fcntl(file_.get(), F_SETFL, O_APPEND) != 0) throw errno_error(name_, errno);
    write_all(file_.get(), bytes, name_);
    if (::fcntl(file_.get(), F_SETFL, 0) != 0) throw errno_error(name_, errno);
  }
  void truncate(ByteCount size) override {
    if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0) throw errno_error(name_, errno);
  }
  void sync() override {
    if (::fdatasync(file_.get()) != 0) throw errno_error(name_, errno);
  }

 private:
  std::string name_;
  UniqueFd file_;
};

}  // namespace

std::unique_ptr<WorkingFile> WorkingFile::create(const std::string& path) {
  return std::make_unique<PosixWorkingFile>(path, O_CREAT | O_EXCL);
}

std::unique_ptr<WorkingFile> WorkingFile::open(const std::string& path) {
  return std::make_unique<PosixWorkingFile>(path, 0);
}

bool rename_if_absent(const std::string& from, const std::string& to) {
  if (::syscall(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0)
    return true;
  if (errno == EEXIST) return false;
  if (errno != EINVAL && errno != ENOSYS) throw errno_error(shown(to), errno);
  // A file system without that flag: link() does not replace either.
  if (::link(from.c_str(), to.c_str()) == 0) {
    ::unlink(from.c_str());
    return true;
  }
  if (errno == EEXIST) return false;
  // Nor hard links (FAT, some FUSE): then what can be had is a look before the rename.
  struct stat info {};
  if (::lstat(to.c_str(), &info) == 0) return false;
  if (std::rename(from.c_str(), to.c_str()) != 0) throw errno_error(shown(to), errno);
  return true;
}

bool remove_if_there(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  throw errno_error(shown(path), errno);
}

void sync_folder(const std::string& path) {
  sync_directory(path);
}

bool create_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return true;
  if (errno == EEXIST && is_directory(path)) return false;
  throw errno_error(shown(path), errno);
}

void create_folders(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    create_folder(folder);
    sync_folder(folder_of(folder));  // also what a killed run made and did not sync
    if (slash == std::string::npos) return;
  }
}

}  // namespace tape
