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
    const struct stat info = status();
    has_holes_ = static_cast<std::uint64_t>(info.st_blocks) * kStatBlock <
                 static_cast<std::uint64_t>(info.st_size);
    return source_stat(info);
  }

  std::size_t read_at(FileOffset at, MutableBytes out) const override {
    if (!has_holes_) return read_full_at(file_.get(), at.value(), out, shown(path_));
    std::size_t done = 0;
    while (done < out.size()) {
      const std::uint64_t place = at.value() + done;
      const MutableBytes left = out.subspan(done);
      const std::size_t hole = hole_at(place, left.size());
      const std::size_t n = hole > 0 ? hole : read_data(place, left);
      if (n == 0) break;
      std::fill_n(left.begin(), hole, 0);
      done += n;
    }
    return done;
  }

 private:
  static constexpr std::uint64_t kStatBlock = 512;  // of st_blocks

  struct stat status() const {
    struct stat info {};
    if (::fstat(file_.get(), &info) != 0) throw errno_error(shown(path_), errno);
    return info;
  }

  // How many of `most` bytes from `place` on are in a hole.
  std::size_t hole_at(std::uint64_t place, std::size_t most) const {
    const off_t data = ::lseek(file_.get(), static_cast<off_t>(place), SEEK_DATA);
    // A file system that cannot tell reads its holes.
    if (data < 0 && errno != ENXIO) return 0;
    const auto end = static_cast<std::uint64_t>(data < 0 ? status().st_size : data);
    return end <= place ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(most, end - place));
  }

  std::size_t read_data(std::uint64_t place, MutableBytes out) const {
    const off_t hole = ::lseek(file_.get(), static_cast<off_t>(place), SEEK_HOLE);
    const std::uint64_t end = hole < 0 ? UINT64_MAX : static_cast<std::uint64_t>(hole);
    if (end > place && end - place < out.size()) out = out.first(end - place);
    return read_full_at(file_.get(), place, out, shown(path_));
  }

  UniqueFd file_;
  std::string path_;
  mutable bool has_holes_ = false;  // by the last stat(), which comes before the first read
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
  PosixSourceTree(UniqueFd root, std::string name)
      : root_(std::move(root)),
        name_(std::move(name)),
        parent_(root_.get(), ErrorKind::source_changed) {}

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
      if (length < 0 && is_withheld(errno)) continue;
      if (length < 0)
        throw errno_error("extended attribute " + shown(key) + " of " + shown(path), errno);
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

  // Without a free descriptor there is none.
  std::unique_ptr<SourceTree> another_view() override {
    UniqueFd root(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
    if (!root) return nullptr;
    return std::make_unique<PosixSourceTree>(std::move(root), name_);
  }

 private:
  static constexpr std::size_t kXattrListMax = 65536;   // linux/limits.h
  static constexpr std::size_t kXattrValueMax = 65536;  // linux/limits.h
  using Names = std::map<std::uint64_t, std::string>;

  // One attribute that is listed may be somebody else's to read, or gone.
  static bool is_withheld(int error) {
    return error == ENODATA || error == EACCES || error == EPERM || error == ENOTSUP;
  }

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
  out.tree = std::make_unique<PosixSourceTree>(std::move(root), shown(folder));
  return out;
}

}  // namespace tape
