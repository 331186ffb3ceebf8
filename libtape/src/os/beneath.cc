#include "os/beneath.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tape/error.h"

namespace tape {
namespace {

constexpr unsigned kResolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

// Opens one name; a symlink is refused, but for O_PATH with O_NOFOLLOW which would open the link.
int open_component(int folder, const std::string& name, int flags, mode_t mode) {
  if (name.empty() || name == "." || name == "..") {
    errno = EINVAL;
    return -1;
  }
  return ::openat(folder, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode);
}

// The walk for kernels and sandboxes without openat2.
int open_by_walk(int root, std::string_view path, int flags, mode_t mode) {
  UniqueFd folder;
  int at = root;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/')) {
    UniqueFd next(open_component(at, std::string(path.substr(0, slash)), O_PATH | O_DIRECTORY, 0));
    if (!next) return -1;
    folder = std::move(next);
    at = folder.get();
    path.remove_prefix(slash + 1);
  }
  return open_component(at, std::string(path), flags, mode);
}

// openat2 would take `.`, `..` and empty components that stay below the root; nothing of ours has
// them.
bool has_odd_component(std::string_view path) {
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return true;
    begin = end + 1;
  }
  return false;
}

int open_short(int root, std::string_view path, int flags, mode_t mode) {
  if (has_odd_component(path)) {
    errno = EINVAL;
    return -1;
  }
  const std::string text(path);
  struct open_how how {};
  how.flags = static_cast<unsigned>(flags) | static_cast<unsigned>(O_CLOEXEC);
  how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = kResolve;
  const long fd = ::syscall(SYS_openat2, root, text.c_str(), &how, sizeof how);
  if (fd >= 0) return static_cast<int>(fd);
  if (errno == ENOSYS || errno == EPERM) return open_by_walk(root, path, flags, mode);
  return -1;
}

}  // namespace

UniqueFd open_beneath(int root, std::string_view path, int flags, mode_t mode) {
  if (path.empty()) return UniqueFd(::openat(root, ".", flags | O_CLOEXEC, mode));
  UniqueFd folder;
  int at = root;
  // A member name may be longer than a system call takes: go down in steps.
  while (path.size() >= PATH_MAX) {
    const std::size_t slash = path.rfind('/', PATH_MAX - 1);
    if (slash == std::string_view::npos) {
      errno = ENAMETOOLONG;
      return {};
    }
    UniqueFd next(open_short(at, path.substr(0, slash), O_PATH | O_DIRECTORY, 0));
    if (!next) return {};
    folder = std::move(next);
    at = folder.get();
    path.remove_prefix(slash + 1);
  }
  return UniqueFd(open_short(at, path, flags, mode));
}

Place ParentDirectory::locate(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {root_, path};
  const std::string_view parent = std::string_view(path).substr(0, slash);
  if (parent != path_ || !folder_) {
    UniqueFd folder = open_beneath(root_, parent, O_PATH | O_DIRECTORY);
    if (!folder && errno == ELOOP)
      throw Error(at_symlink_, shown(parent) + ": a symlink is on the way to it");
    if (!folder) throw errno_error(shown(parent), errno);
    enter(std::string(parent), std::move(folder));
  }
  return {folder_.get(), path.substr(slash + 1)};
}

void ParentDirectory::enter(const std::string& path, UniqueFd folder) {
  path_ = path;
  folder_ = std::move(folder);
}

void ParentDirectory::forget() {
  path_.clear();
  folder_.reset();
}

SourceStat source_stat(const struct stat& info) {
  SourceStat out;
  switch (info.st_mode & S_IFMT) {
    case S_IFREG:
      out.kind = SourceKind::regular;
      break;
    case S_IFDIR:
      out.kind = SourceKind::directory;
      break;
    case S_IFLNK:
      out.kind = SourceKind::symlink;
      break;
    case S_IFIFO:
      out.kind = SourceKind::fifo;
      break;
    case S_IFCHR:
      out.kind = SourceKind::character_device;
      break;
    case S_IFBLK:
      out.kind = SourceKind::block_device;
      break;
    case S_IFSOCK:
      out.kind = SourceKind::socket;
      break;
    default:
      out.kind = SourceKind::other;
  }
  out.mode = info.st_mode & 07777;
  out.uid = info.st_uid;
  out.gid = info.st_gid;
  out.size = static_cast<ByteCount>(info.st_size);
  // The kernel gives nanoseconds from 0 up also before 1970: already the floor.
  out.mtime = {info.st_mtim.tv_sec, static_cast<std::uint32_t>(info.st_mtim.tv_nsec)};
  out.ctime = {info.st_ctim.tv_sec, static_cast<std::uint32_t>(info.st_ctim.tv_nsec)};
  out.identity = {info.st_dev, info.st_ino};
  out.links = info.st_nlink;
  out.device_major = major(info.st_rdev);
  out.device_minor = minor(info.st_rdev);
  return out;
}

}  // namespace tape
