// Opening names below a directory without ever following a symlink.
#pragma once
#include <string>
#include <string_view>

#include <sys/stat.h>

#include "base/unique_fd.h"
#include "tape/error.h"
#include "tape/source_tree.h"

namespace tape {

// Opens `path` (components joined by `/`; empty: the root itself) below `root`. No component may be
// a symlink, `.` or `..`. Paths beyond PATH_MAX work. On failure the descriptor is -1 and errno
// says why.
UniqueFd open_beneath(int root, std::string_view path, int flags, mode_t mode = 0);

// A path taken apart: the directory it lies in, open, and its last component.
struct Place {
  int folder = -1;
  std::string name;
};

// Keeps the directory of the last path open, since paths come in tape order.
class ParentDirectory {
 public:
  // `root` must outlive this. `at_symlink`: the kind of failure where a symlink has the place of a
  // directory; in a source that is a change.
  explicit ParentDirectory(int root, ErrorKind at_symlink = ErrorKind::io)
      : root_(root), at_symlink_(at_symlink) {}

  // `path` must not be empty. Fails: the system's kinds, with the path.
  Place locate(const std::string& path);
  // Remembers an open directory: the names that come next are below it.
  void enter(const std::string& path, UniqueFd folder);
  // Forgets the directory, for one that is replaced or removed.
  void forget();

 private:
  int root_;
  ErrorKind at_symlink_;
  std::string path_;
  UniqueFd folder_;  // of path_, when path_ is not empty
};

SourceStat source_stat(const struct stat& info);

}  // namespace tape
