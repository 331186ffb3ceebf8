// The only way to see the tree that is being archived.
//
// Paths are relative to the root, components joined by `/`, bytes without an encoding; the empty
// path is the root itself. Nothing is ever reached through a symlink below the root.
// Threads: one caller at a time; other threads take another_view().
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tape/bytes.h"
#include "tape/error.h"
#include "tape/member.h"
#include "tape/offset.h"

namespace tape {

enum class SourceKind {
  regular,
  directory,
  symlink,
  fifo,
  character_device,
  block_device,
  socket,
  other
};

struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend constexpr auto operator<=>(const FileIdentity&, const FileIdentity&) = default;
};

struct SourceStat {
  SourceKind kind = SourceKind::other;
  std::uint32_t mode = 0;  // st_mode & 07777
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  ByteCount size = 0;
  Timestamp mtime;
  Timestamp ctime;
  FileIdentity identity;
  std::uint64_t links = 1;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
};

// One open regular file.
class SourceFile {
 public:
  SourceFile() = default;
  SourceFile(const SourceFile&) = delete;
  SourceFile& operator=(const SourceFile&) = delete;
  virtual ~SourceFile() = default;

  virtual SourceStat stat() const = 0;
  // Fills `out` from `at`; fewer bytes only at the end of the file.
  virtual std::size_t read_at(FileOffset at, MutableBytes out) const = 0;
};

// Every verb fails with the system's kinds: not_found, denied, exhausted, io.
class SourceTree {
 public:
  SourceTree() = default;
  SourceTree(const SourceTree&) = delete;
  SourceTree& operator=(const SourceTree&) = delete;
  virtual ~SourceTree() = default;

  virtual SourceStat stat(const std::string& path) = 0;
  // Names in a directory without `.` and `..`, in no order: a directory may have millions.
  using NameVisitor = std::function<void(std::string_view name)>;
  virtual void list(const std::string& path, const NameVisitor& visit) = 0;
  virtual std::string read_link(const std::string& path) = 0;
  // Everything that can be listed and read, sorted by name; empty where the file system has none.
  // Fails also: Error{unsupported} where they cannot be asked for at all.
  virtual std::vector<Xattr> xattrs(const std::string& path) = 0;
  // Opens a regular file for reading; never blocks on a fifo.
  // Fails also: Error{source_changed} when something else is there.
  virtual std::unique_ptr<SourceFile> open(const std::string& path) = 0;
  // Throws Error{denied} when open() of this regular file would.
  virtual void check_readable(const std::string& path) = 0;

  // The host's name for an id, or empty.
  virtual std::string user_name(std::uint64_t uid) = 0;
  virtual std::string group_name(std::uint64_t gid) = 0;

  // The same tree for another thread; null: it has this one view only.
  virtual std::unique_ptr<SourceTree> another_view() { return nullptr; }
};

}  // namespace tape
