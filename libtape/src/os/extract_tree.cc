#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/assert.h"
#include "os/beneath.h"
#include "tape/error.h"
#include "tape/extract.h"
#include "tape/files.h"
#include "tape/tar_header.h"

namespace tape {
namespace {

constexpr mode_t kSetIdBits = S_ISUID | S_ISGID;
constexpr std::size_t kRunDigits = 8;  // of a temporary name, the first half

// Member names come from an archive: nothing of them may lead anywhere but down.
void check_path(const std::string& path) {
  const std::string why = why_no_path(path);
  if (!why.empty()) throw Error(ErrorKind::corrupt, shown(path) + ": " + why + " is not restored");
}

Error in_the_way(const std::string& path) {
  return {ErrorKind::usage, shown(path) + ": is there already"};
}

constexpr std::string_view kTemporary = ".part-";  // and 16 hex digits

// A name to work under; whatever still has it in the end is removed.
class TemporaryName {
 public:
  TemporaryName(int folder, std::string text) : folder_(folder), text_(std::move(text)) {}
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  ~TemporaryName() {
    if (!moved_) ::unlinkat(folder_, text_.c_str(), 0);
  }
  const std::string& text() const { return text_; }
  void moved() { moved_ = true; }

 private:
  int folder_;
  std::string text_;
  bool moved_ = false;
};

class PosixTreeWriter final : public TreeWriter {
 public:
  PosixTreeWriter(UniqueFd root, const TreeWriterOptions& options)
      : root_(std::move(root)), parent_(root_.get()), options_(options) {}

  // Of this run, or random.
  std::string temporary_text() const {
    std::string random = temporary_name("").substr(1);
    if (options_.run.size() == kRunDigits)
      random.replace(kTemporary.size(), kRunDigits, options_.run);
    return random;
  }

  std::optional<SourceStat> stat(const std::string& path) override {
    check_path(path);
    struct stat info {};
    Place place;
    const auto failure = failure_of([&] { place = parent_.locate(path); });
    if (failure && failure->kind() == ErrorKind::not_found) return {};
    if (failure) throw Error(*failure);
    if (::fstatat(place.folder, place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
      return source_stat(info);
    if (errno == ENOENT) return {};
    throw errno_error(shown(path), errno);
  }

  void make_parents(const std::string& path) override {
    check_path(path);
    for (std::size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      const std::string parent = path.substr(0, slash);
      const Place place = parent_.locate(parent);
      if (::mkdirat(place.folder, place.name.c_str(), 0777) != 0 && errno != EEXIST)
        throw errno_error(shown(parent), errno);
    }
  }

  bool make_directory(const std::string& path) override {
    check_path(path);
    const Place place = parent_.locate(path);
    if (::mkdirat(place.folder, place.name.c_str(), 0700) == 0) return true;
    if (errno != EEXIST) throw errno_error(shown(path), errno);
    struct stat info {};
    if (::fstatat(place.folder, place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(info.st_mode))
      return false;
    throw in_the_way(path);
  }

  void reopen_directory(const std::string& path) override {
    check_path(path);
    const UniqueFd folder = open_directory(path);
    if (::fchmod(folder.get(), 0700) != 0) throw errno_error(shown(path), errno);
  }

  Shortfall finish_directory(const std::string& path, const Member& member) override {
    const UniqueFd folder = open_directory(path);
    Shortfall shortfall;
    describe(folder.get(), member, shortfall);
    return shortfall;
  }

  std::unique_ptr<FileWriter> create_file(const std::string& path) override;

  void remove(const std::string& path) override {
    check_path(path);
    const Place place = parent_.locate(path);
    if (::unlinkat(place.folder, place.name.c_str(), 0) != 0) throw errno_error(shown(path), errno);
  }

  Shortfall make_node(const std::string& path, const Member& member, bool replace) override {
    check_path(path);
    const Place place = parent_.locate(path);
    TemporaryName temporary(place.folder, temporary_text());
    make_bare_node(place.folder, temporary.text(), member, path);
    Shortfall shortfall;
    describe_node(place.folder, temporary.text(), member, shortfall);
    give_name(place, temporary, path, replace);
    return shortfall;
  }

  void make_link(const std::string& path,
                 const std::string& first,
                 SourceKind kind,
                 bool replace) override {
    check_path(path);
    check_path(first);
    const std::size_t slash = first.rfind('/');
    const UniqueFd folder = open_beneath(
        root_.get(), first.substr(0, slash == std::string::npos ? 0 : slash), O_PATH | O_DIRECTORY);
    if (!folder) throw errno_error(shown(first), errno);
    const std::string name = slash == std::string::npos ? first : first.substr(slash + 1);
    const Place place = parent_.locate(path);
    // Renaming one name of an inode over another of it does nothing: then this removes the one too
    // many.
    TemporaryName temporary(place.folder, temporary_text());
    // Flags 0: a symlink is linked, never followed.
    if (::linkat(folder.get(), name.c_str(), place.folder, temporary.text().c_str(), 0) != 0)
      throw errno_error(shown(path), errno);
    struct stat info {};
    if (::fstatat(place.folder, temporary.text().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        source_stat(info).kind != kind) {
      throw Error(ErrorKind::object_changed, shown(first) + ": was replaced while restoring");
    }
    give_name(place, temporary, path, replace);
  }

  // Order matters: a change of owner clears set-id bits and capabilities, a write changes times.
  void describe(int fd, const Member& member, Shortfall& shortfall) {
    const bool owned =
        set_owner([&](uid_t uid, gid_t gid) { return ::fchown(fd, uid, gid); }, member, shortfall);
    for (const Xattr& xattr : member.xattrs) {
      set_xattr(
          [&] {
            return ::fsetxattr(fd, xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0);
          },
          xattr, member, shortfall);
    }
    if (::fchmod(fd, mode_of(member, owned, shortfall)) != 0) refuse(shortfall, member, "mode");
    const timespec times[2] = {{0, UTIME_OMIT},
                               {member.mtime.seconds, static_cast<long>(member.mtime.nanoseconds)}};
    if (::futimens(fd, times) != 0) refuse(shortfall, member, "time");
  }

  void give_name(const Place& place,
                 TemporaryName& temporary,
                 const std::string& path,
                 bool replace) {
    const char* from = temporary.text().c_str();
    const char* to = place.name.c_str();
    const unsigned flags = replace ? 0 : RENAME_NOREPLACE;
    if (::syscall(SYS_renameat2, place.folder, from, place.folder, to, flags) == 0) {
      // Over another name of the same inode a rename does nothing: then the name is still there.
      if (!replace) temporary.moved();
      return;
    }
    if (errno == EEXIST || errno == EISDIR || errno == ENOTEMPTY) throw in_the_way(path);
    if (errno != EINVAL && errno != ENOSYS) throw errno_error(shown(path), errno);
    // A file system without that flag: link() does not replace either.
    if (!replace && ::linkat(place.folder, from, place.folder, to, 0) == 0) return;
    if (!replace && errno == EEXIST) throw in_the_way(path);
    // Nor hard links (FAT, some FUSE): then what can be had is a look before the rename.
    struct stat info {};
    if (!replace && ::fstatat(place.folder, to, &info, AT_SYMLINK_NOFOLLOW) == 0)
      throw in_the_way(path);
    if (::renameat(place.folder, from, place.folder, to) != 0)
      throw errno_error(shown(path), errno);
  }

 private:
  UniqueFd open_directory(const std::string& path) {
    const Place place = parent_.locate(path);
    UniqueFd folder(::openat(place.folder, place.name.c_str(),
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder) throw errno_error(shown(path), errno);
    return folder;
  }

  static void refuse(Shortfall& shortfall, const Member& member, const std::string& what) {
    shortfall.refused.push_back(shown(member.name) + ": " + errno_error(what, errno).what());
  }

  void make_bare_node(int folder,
                      const std::string& name,
                      const Member& member,
                      const std::string& path) {
    int failed = 0;
    switch (member.type) {
      case MemberType::symlink:
        failed = ::symlinkat(member.target.c_str(), folder, name.c_str());
        break;
      case MemberType::fifo:
        failed = ::mkfifoat(folder, name.c_str(), 0600);
        break;
      case MemberType::character_device:
      case MemberType::block_device:
        failed = ::mknodat(folder, name.c_str(),
                           (member.type == MemberType::block_device ? S_IFBLK : S_IFCHR) | 0600,
                           makedev(member.device_major, member.device_minor));
        break;
      default:
        TAPE_ASSERT(false && "a node that is none");
    }
    if (failed != 0) throw errno_error(shown(path), errno);
  }

  // As describe(), for what must not be opened: through its name, a symlink not followed.
  void describe_node(int folder,
                     const std::string& name,
                     const Member& member,
                     Shortfall& shortfall) {
    const char* at = name.c_str();
    const bool owned = set_owner(
        [&](uid_t uid, gid_t gid) { return ::fchownat(folder, at, uid, gid, AT_SYMLINK_NOFOLLOW); },
        member, shortfall);
    const std::string proc = "/proc/self/fd/" + std::to_string(folder) + "/" + name;
    for (const Xattr& xattr : member.xattrs) {
      set_xattr(
          [&] {
            return ::lsetxattr(proc.c_str(), xattr.name.c_str(), xattr.value.data(),
                               xattr.value.size(), 0);
          },
          xattr, member, shortfall);
    }
    // Who may write to the folder could have put a symlink in its place: never followed.
    if (member.type != MemberType::symlink &&
        ::fchmodat(folder, at, mode_of(member, owned, shortfall), AT_SYMLINK_NOFOLLOW) != 0)
      refuse(shortfall, member, "mode");
    const timespec times[2] = {{0, UTIME_OMIT},
                               {member.mtime.seconds, static_cast<long>(member.mtime.nanoseconds)}};
    if (::utimensat(folder, at, times, AT_SYMLINK_NOFOLLOW) != 0) refuse(shortfall, member, "time");
  }

  template <class Change>
  bool set_owner(Change change, const Member& member, Shortfall& shortfall) {
    if (!options_.owners) return false;
    if (member.uid > kIdMax || member.gid > kIdMax) {
      shortfall.refused.push_back(shown(member.name) + ": owner: an id above " +
                                  std::to_string(kIdMax));
      return false;
    }
    if (change(uid_of(member), gid_of(member)) == 0) return true;
    refuse(shortfall, member, "owner");
    return false;
  }

  // trusted.* and security.* (capabilities among them) are root's.
  template <class Change>
  void set_xattr(Change change, const Xattr& xattr, const Member& member, Shortfall& shortfall) {
    const bool roots = xattr.name.starts_with("trusted.") || xattr.name.starts_with("security.");
    if (roots && !options_.owners) {
      shortfall.needs_root = true;
      return;
    }
    if (change() == 0) return;
    refuse(shortfall, member, "attribute " + shown(xattr.name));
  }

  // Set-id bits are for the recorded owner only: `owned` says that the owner could be set.
  static mode_t mode_of(const Member& member, bool owned, Shortfall& shortfall) {
    if (owned || (member.mode & kSetIdBits) == 0) return member.mode;
    if (member.type == MemberType::directory)
      return member.mode;  // there they only pass the group on
    shortfall.needs_root = true;
    return member.mode & ~kSetIdBits;
  }

  uid_t uid_of(const Member& member) {
    if (options_.numeric_owner || member.uname.empty()) return static_cast<uid_t>(member.uid);
    const auto [at, fresh] = users_.try_emplace(member.uname, static_cast<uid_t>(member.uid));
    if (fresh) {
      const passwd* found =
          ::getpwnam(member.uname.c_str());  // NOLINT(concurrency-mt-unsafe): one caller at a time
      if (found != nullptr) at->second = found->pw_uid;
    }
    return at->second;
  }

  gid_t gid_of(const Member& member) {
    if (options_.numeric_owner || member.gname.empty()) return static_cast<gid_t>(member.gid);
    const auto [at, fresh] = groups_.try_emplace(member.gname, static_cast<gid_t>(member.gid));
    if (fresh) {
      const group* found =
          ::getgrnam(member.gname.c_str());  // NOLINT(concurrency-mt-unsafe): one caller at a time
      if (found != nullptr) at->second = found->gr_gid;
    }
    return at->second;
  }

  UniqueFd root_;
  ParentDirectory parent_;
  TreeWriterOptions options_;
  std::map<std::string, uid_t> users_;
  std::map<std::string, gid_t> groups_;
};

class PosixFileWriter final : public FileWriter {
 public:
  PosixFileWriter(PosixTreeWriter& tree, UniqueFd folder, std::string path)
      : tree_(tree),
        folder_(std::move(folder)),
        path_(std::move(path)),
        temporary_(folder_.get(), tree.temporary_text()) {
    file_ = UniqueFd(::openat(folder_.get(), temporary_.text().c_str(),
                              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file_) throw errno_error(shown(path_), errno);
  }

  // Where all of a piece is zero the file gets a hole: it may have had one, and reads the same.
  void write(ByteView bytes) override {
    while (!bytes.empty()) {
      std::size_t data = 0;
      while (data < bytes.size() && !is_hole(bytes, data))
        data += piece_at(bytes, data);
      write_all_at(file_.get(), size_, bytes.first(data), shown(path_));
      const std::size_t done = data == bytes.size() ? data : data + piece_at(bytes, data);
      size_ += done;
      ends_in_hole_ = done > data;
      bytes = bytes.subspan(done);
    }
  }

  Shortfall commit(const Member& member, bool replace) override {
    Shortfall shortfall;
    if (ends_in_hole_ && ::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0)
      throw errno_error(shown(path_), errno);
    tree_.describe(file_.get(), member, shortfall);
    file_.close(shown(path_));
    tree_.give_name({folder_.get(), path_.substr(path_.rfind('/') + 1)}, temporary_, path_,
                    replace);
    return shortfall;
  }

 private:
  // Smaller holes are not worth the fragments.
  static constexpr std::size_t kHolePiece = std::size_t{32} * 1024;

  // From `at` in `bytes` to the end of its piece of the file.
  std::size_t piece_at(ByteView bytes, std::size_t at) const {
    return std::min(bytes.size() - at, kHolePiece - (size_ + at) % kHolePiece);
  }
  bool is_hole(ByteView bytes, std::size_t at) const {
    const std::size_t size = piece_at(bytes, at);
    return size == kHolePiece && bytes[at] == 0 &&
           std::memcmp(&bytes[at], &bytes[at + 1], size - 1) == 0;
  }

  PosixTreeWriter& tree_;
  UniqueFd folder_;
  std::string path_;
  TemporaryName temporary_;
  UniqueFd file_;
  ByteCount size_ = 0;
  bool ends_in_hole_ = false;
};

std::unique_ptr<FileWriter> PosixTreeWriter::create_file(const std::string& path) {
  check_path(path);
  const Place place = parent_.locate(path);
  UniqueFd folder(::fcntl(place.folder, F_DUPFD_CLOEXEC, 0));
  if (!folder) throw errno_error(shown(path), errno);
  return std::make_unique<PosixFileWriter>(*this, std::move(folder), path);
}

// `target` and its missing parents.
void make_target(const std::string& target) {
  for (std::size_t slash = target.find('/', 1);; slash = target.find('/', slash + 1)) {
    const std::string part = target.substr(0, slash);
    if (::mkdir(part.c_str(), 0777) != 0 && errno != EEXIST &&
        (slash == std::string::npos || (errno != EACCES && errno != EROFS))) {
      throw errno_error(shown(part), errno);
    }
    if (slash == std::string::npos) return;
  }
}

}  // namespace

std::unique_ptr<TreeWriter> TreeWriter::open(const std::string& target,
                                             const TreeWriterOptions& options) {
  make_target(target);
  UniqueFd root(::open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root && errno == ENOTDIR)
    throw Error(ErrorKind::usage, shown(target) + ": is not a directory");
  if (!root) throw errno_error(shown(target), errno);
  return std::make_unique<PosixTreeWriter>(std::move(root), options);
}

}  // namespace tape
