#include "os/part_file.h"

#include <cerrno>
#include <climits>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "os/beneath.h"
#include "tape/error.h"
#include "tape/files.h"

namespace tape {
namespace {

constexpr int kSymlinksMax = 40;  // as path resolution of Linux
constexpr mode_t kPermissions = 0777;

Error exists_already(const std::string& path) {
  return {ErrorKind::usage, shown(path) + ": is there already",
          "remove it or choose another name; nothing is ever written over"};
}

// A label of security.* is of the content, or given by policy to new files.
bool is_kept(std::string_view name) {
  return !name.starts_with("security.");
}

// As far as it may: what cannot be read or set is passed over, since the content is what counts.
void copy_xattrs(const std::string& from, int to) {
  std::vector<char> names(XATTR_LIST_MAX);
  const ssize_t size = ::llistxattr(from.c_str(), names.data(), names.size());
  if (size <= 0) return;
  std::vector<char> value(XATTR_SIZE_MAX);
  for (std::string_view left(names.data(), static_cast<std::size_t>(size)); !left.empty();) {
    const std::string name(left.substr(0, left.find('\0')));
    left.remove_prefix(name.size() + 1);
    if (!is_kept(name)) continue;
    const ssize_t length = ::lgetxattr(from.c_str(), name.c_str(), value.data(), value.size());
    if (length < 0) continue;
    // The result does not matter, as said.
    static_cast<void>(
        ::fsetxattr(to, name.c_str(), value.data(), static_cast<std::size_t>(length), 0));
  }
}

}  // namespace

std::string end_of_symlinks(std::string path) {
  std::vector<char> target(PATH_MAX);
  for (int followed = 0;; ++followed) {
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    if (size < 0) return path;  // no symlink; whatever else is wrong is seen by who uses the path
    if (followed == kSymlinksMax) throw errno_error(shown(path), ELOOP);
    std::string next(target.data(), static_cast<std::size_t>(size));
    if (!next.starts_with('/')) next.insert(0, folder_of(path) + "/");
    path = std::move(next);
  }
}

bool is_device(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && (S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode));
}

std::optional<SourceStat> regular_file_at(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    throw errno_error(shown(path), errno);
  }
  if (!S_ISREG(info.st_mode))
    throw Error(ErrorKind::usage,
                shown(path) + ": not a regular file; nothing else is ever replaced");
  return source_stat(info);
}

PartFile::PartFile(const std::string& path, IfThere if_there, std::uint32_t mode)
    : path_(if_there == IfThere::replace ? end_of_symlinks(path) : path),
      if_there_(if_there),
      folder_(folder_of(path_)),
      temporary_(temporary_name(folder_)) {
  if (if_there == IfThere::replace) {
    // What may not be read of the old file may not be read of the new one meanwhile.
    if (regular_file_at(path_)) mode = 0600;
  } else {
    struct stat info {};
    if (::lstat(path_.c_str(), &info) == 0) throw exists_already(path_);
  }
  file_ = UniqueFd(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file_) throw errno_error(name(), errno);
}

PartFile::~PartFile() {
  if (!placed_) ::unlink(temporary_.c_str());
}

std::string PartFile::name() const {
  return shown(path_);
}

void PartFile::seal() {
  const auto old = if_there_ == IfThere::replace ? regular_file_at(path_) : std::nullopt;
  if (old) {
    // Owner before xattrs and mode: another owner clears setuid bits and may read what mode says.
    const bool owned =
        ::fchown(file_.get(), static_cast<uid_t>(old->uid), static_cast<gid_t>(old->gid)) == 0;
    copy_xattrs(path_, file_.get());
    // Without its owner, setuid and the like would be another's.
    const mode_t mode = owned ? old->mode : old->mode & kPermissions;
    if (::fchmod(file_.get(), mode) != 0) throw errno_error(name(), errno);
  }
  sync_descriptor(file_.get(), name());
  file_.close(name());
}

void PartFile::place() {
  if (if_there_ == IfThere::refuse) {
    // Another run may have made the name since.
    if (!rename_if_absent(temporary_, path_)) throw exists_already(path_);
  } else {
    regular_file_at(path_);
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) throw errno_error(name(), errno);
  }
  placed_ = true;
  within(name() + ": is there, whole, but perhaps not after a loss of power",
         [this] { sync_directory(folder_); });
}

}  // namespace tape
