// TreeWriter: members become files below a target directory, and nowhere else.
//
// In:      member paths (checked here: no empty, `.` or `..` component, not absolute, no NUL).
// Units:   bytes; Timestamps.
// Safety:  every parent is opened below the target without following a symlink
//          (openat2 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS, or a checked
//          walk). A file is written as `.part-<random>` with mode 0600 and renamed when it is
//          whole.
// Threads: one caller at a time.
// Spec:    docs/cli.md, "Safety".
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tape/bytes.h"
#include "tape/member.h"
#include "tape/source_tree.h"

namespace tape {

struct TreeWriterOptions {
  bool owners = false;         // set uid and gid (needs privilege to give files away)
  bool numeric_owner = false;  // ids as recorded, names ignored
  // 8 hex digits that all temporary names begin with, to tell those that a killed run left; empty:
  // random ones.
  std::string run;
};

// What was recorded but could not be set, in words, for the caller to report.
struct Shortfall {
  // A user xattr or ACL that the file system refused, a time or mode that could not be set.
  std::vector<std::string> refused;
  // What only root may set was left out.
  bool needs_root = false;
};

// A regular file on its way. Destroyed before commit(): nothing is left.
class FileWriter {
 public:
  FileWriter() = default;
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  virtual ~FileWriter() = default;
  virtual void write(ByteView bytes) = 0;
  // Owner, xattrs, mode, times, then the name. `replace`: over what is there (never a directory).
  // Fails: Error{usage} when something is there and `replace` is false.
  virtual Shortfall commit(const Member& member, bool replace) = 0;
};

class TreeWriter {
 public:
  // Makes `target` and missing parents (0777 less umask).
  static std::unique_ptr<TreeWriter> open(const std::string& target,
                                          const TreeWriterOptions& options);

  TreeWriter(const TreeWriter&) = delete;
  TreeWriter& operator=(const TreeWriter&) = delete;
  virtual ~TreeWriter() = default;

  // What is at `path`, a final symlink not followed.
  virtual std::optional<SourceStat> stat(const std::string& path) = 0;

  // Makes the missing directories above `path`, 0777 less umask.
  virtual void make_parents(const std::string& path) = 0;
  // A new directory, 0700 until finish_directory. False when a directory is already there.
  // Fails: Error{usage} when something else is.
  virtual bool make_directory(const std::string& path) = 0;
  // A directory that was finished takes names again: 0700 until finish_directory.
  virtual void reopen_directory(const std::string& path) = 0;
  // Owner, xattrs, mode, times of a directory, after the last name was made in it.
  virtual Shortfall finish_directory(const std::string& path, const Member& member) = 0;

  virtual std::unique_ptr<FileWriter> create_file(const std::string& path) = 0;
  // A symlink, fifo or device with its owner, xattrs and times. Devices: only as root.
  virtual Shortfall make_node(const std::string& path, const Member& member, bool replace) = 0;
  // A further name for `first`, which must be of the given kind (never followed).
  virtual void make_link(const std::string& path,
                         const std::string& first,
                         SourceKind kind,
                         bool replace) = 0;

  // Removes a name; of a directory nothing. Fails: the system's kinds.
  virtual void remove(const std::string& path) = 0;

 protected:
  TreeWriter() = default;
};

}  // namespace tape
