#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <map>

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "os/beneath.h"
#include "tape/error.h"
#include "tape/files.h"

namespace tape {
namespace {

class PosixSourceFile final : public SourceFile {
 public:
  PosixSourceFile(UniqueFd file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  SourceStat stat() const override {
    struct stat info {};
    if (::fstat(file_.get(), &info) != 0) throw errno_error(shown(path_), errno);
    return source_stat(info);
  }

  std::size_t read_at(FileOffset at, MutableBytes out) const override {
    return read_full_at(file_.get(), at.value(), out, shown(path_));
  }

 private:
  UniqueFd file_;
  std::string path_;
};

// Without O_NOATIME a backup would write to the source's inodes; it is the owner's and root's only.
int open_unnoticed(int folder, const char* name, int flags) {
  const int fd = ::openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);
  if (fd >= 0 || errno != EPERM) return fd;
  return ::openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC);
}

// getpwuid_r and getgrgid_r in one shape; empty when the host knows no name.
template <class Record, class Look>
std::string name_of_id(Look look, char* Record::*name) {
  std::vector<char> buffer(1024);
  Record record{};
  Record* found = nullptr;
  while (look(&record, buffer.data(), buffer.size(), &found) == ERANGE)
    buffer.resize(buffer.size() * 2);
  return found == nullptr ? "" : found->*name;
}

class PosixSourceTree final : public SourceTree {
 public:
  PosixSourceTree(UniqueFd root, const std::string& name)
      : root_(std::move(root)), name_(shown(name)), parent_(root_.get()) {}

  SourceStat stat(const std::string& path) override {
    struct stat info {};
    if (path.empty()) {
      if (::fstat(root_.get(), &info) != 0) throw errno_error(name_, errno);
    } else {
      const Place place = parent_.locate(path);
      if (::fstatat(place.folder, place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
        throw errno_error(shown(path), errno);
    }
    return source_stat(info);
  }

  void list(const std::string& path, const NameVisitor& visit) override {
    UniqueFd folder = open_folder(path);
    UniqueFd again(::fcntl(folder.get(), F_DUPFD_CLOEXEC, 0));
    if (!again) throw errno_error(shown(path), errno);
    if (!path.empty()) parent_.enter(path, std::move(again));
    read_names(std::move(folder), path, visit);
  }

  std::string read_link(const std::string& path) override {
    const Place place = parent_.locate(path);
    std::string target(PATH_MAX, '\0');
    const ssize_t size =
        ::readlinkat(place.folder, place.name.c_str(), target.data(), target.size());
    if (size < 0) throw errno_error(shown(path), errno);
    target.resize(static_cast<std::size_t>(size));
    return target;
  }

  // There is no llistxattrat: the way leads through /proc/self/fd, whose last component is not
  // followed. A value that is withheld or gone meanwhile is left out.
  std::vector<Xattr> xattrs(const std::string& path) override {
    const Place place = path.empty() ? Place{root_.get(), "."} : parent_.locate(path);
    const std::string name = "/proc/self/fd/" + std::to_string(place.folder) + "/" + place.name;
    names_.resize(kXattrListMax);
    const ssize_t size = ::llistxattr(name.c_str(), names_.data(), names_.size());
    if (size < 0 && errno == ENOTSUP) return {};
    if (size < 0 && errno == ENOENT && ::access("/proc/self/fd", F_OK) != 0) {
      throw Error(ErrorKind::unsupported, "extended attributes: /proc is not mounted");
    }
    if (size < 0) throw errno_error("extended attributes of " + shown(path), errno);
    std::vector<Xattr> out;
    for (ssize_t at = 0; at < size;) {
      const std::string key(names_.data() + at);
      at += static_cast<ssize_t>(key.size()) + 1;
      std::string value(kXattrValueMax, '\0');
      const ssize_t length = ::lgetxattr(name.c_str(), key.c_str(), value.data(), value.size());
      if (length < 0) continue;
      value.resize(static_cast<std::size_t>(length));
      value.shrink_to_fit();
      out.push_back({key, std::move(value)});
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  std::unique_ptr<SourceFile> open(const std::string& path) override {
    const Place place = parent_.locate(path);
    // O_NONBLOCK: a fifo that took the file's place must not hold us up.
    UniqueFd file(
        open_unnoticed(place.folder, place.name.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY));
    if (!file && (errno == ELOOP || errno == ENXIO)) {
      throw Error(ErrorKind::source_changed, shown(path) + ": no longer a regular file");
    }
    if (!file) throw errno_error(shown(path), errno);
    auto opened = std::make_unique<PosixSourceFile>(std::move(file), path);
    if (opened->stat().kind != SourceKind::regular) {
      throw Error(ErrorKind::source_changed, shown(path) + ": no longer a regular file");
    }
    return opened;
  }

  void check_readable(const std::string& path) override {
    const Place place = parent_.locate(path);
    if (::faccessat(place.folder, place.name.c_str(), R_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) != 0)
      throw errno_error(shown(path), errno);
  }

  std::string user_name(std::uint64_t uid) override {
    return remembered(users_, uid, [&] {
      return name_of_id([&](auto... a) { return ::getpwuid_r(static_cast<uid_t>(uid), a...); },
                        &passwd::pw_name);
    });
  }

  std::string group_name(std::uint64_t gid) override {
    return remembered(groups_, gid, [&] {
      return name_of_id([&](auto... a) { return ::getgrgid_r(static_cast<gid_t>(gid), a...); },
                        &group::gr_name);
    });
  }

 private:
  static constexpr std::size_t kXattrListMax = 65536;   // linux/limits.h
  static constexpr std::size_t kXattrValueMax = 65536;  // linux/limits.h
  using Names = std::map<std::uint64_t, std::string>;

  UniqueFd open_folder(const std::string& path) {
    const Place place = path.empty() ? Place{root_.get(), "."} : parent_.locate(path);
    UniqueFd folder(open_unnoticed(place.folder, place.name.c_str(), O_RDONLY | O_DIRECTORY));
    if (!folder) throw errno_error(path.empty() ? name_ : shown(path), errno);
    return folder;
  }

  static void read_names(UniqueFd folder, const std::string& path, const NameVisitor& visit) {
    struct Close {
      void operator()(DIR* stream) const { ::closedir(stream); }
    };
    // fdopendir takes the descriptor over.
    const std::unique_ptr<DIR, Close> stream(::fdopendir(folder.get()));
    if (!stream) throw errno_error(shown(path), errno);
    static_cast<void>(folder.release());
    for (;;) {
      errno = 0;
      // Safe: the stream is this call's own. NOLINTNEXTLINE(concurrency-mt-unsafe)
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") visit(name);
    }
    if (errno != 0) throw errno_error(shown(path), errno);
  }

  template <class Look>
  static std::string remembered(Names& names, std::uint64_t id, Look look) {
    const auto found = names.find(id);
    if (found != names.end()) return found->second;
    return names.emplace(id, look()).first->second;
  }

  UniqueFd root_;
  std::string name_;  // of the root, for messages
  ParentDirectory parent_;
  std::vector<char> names_;
  Names users_;
  Names groups_;
};

}  // namespace

OpenedTree open_tree(const std::string& path) {
  OpenedTree out;
  out.root = resolved(path);
  struct stat info {};
  if (::lstat(out.root.c_str(), &info) != 0) throw errno_error(shown(out.root), errno);
  out.single_file = !S_ISDIR(info.st_mode);
  const std::string folder = out.single_file ? folder_of(out.root) : out.root;
  // O_PATH: a folder that may be entered but not listed still holds a single file.
  UniqueFd root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) throw errno_error(shown(folder), errno);
  out.tree = std::make_unique<PosixSourceTree>(std::move(root), folder);
  return out;
}

}  // namespace tape
