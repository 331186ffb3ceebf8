// PartFile: a file in the making, `.part-<random>` beside the name that it will have.
//
// Out:     seal() and place() make it durable and visible; without them it is removed.
// Fails:   the system's kinds, and as said.
// Threads: one caller at a time; the descriptor may be written to by many.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "tape/source_tree.h"

namespace tape {

enum class IfThere { refuse, replace };

class PartFile {
 public:
  // `refuse`: Error{usage} when anything has the name, a symlink too. `replace`: a symlink is
  // followed, to where it leads even when nothing is there; Error{usage} when what has the name is
  // no regular file. The same is looked for again in seal() and place().
  // `mode`, less umask, when nothing is replaced.
  PartFile(const std::string& path, IfThere if_there, std::uint32_t mode = 0666);
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  ~PartFile();

  // Write only, at 0.
  int descriptor() const { return file_.get(); }
  // Where it will be: without symlinks at its end when it replaces.
  const std::string& path() const { return path_; }
  std::string name() const;  // for messages

  // Gives it the mode, and as far as may be the owner and xattrs, of what it replaces; syncs and
  // closes it.
  void seal();
  // Renames it and syncs its folder.
  void place();

 private:
  std::string path_;
  IfThere if_there_;
  std::string folder_;
  std::string temporary_;
  UniqueFd file_;
  bool placed_ = false;
};

// The path that a symlink at `path` leads to, through as many as 40; `path` where none is.
std::string end_of_symlinks(std::string path);

// Whether a character device (/dev/null, /dev/full) or a named pipe has the name: there is nothing
// to replace and nothing to rename.
bool is_device(const std::string& path);

// What is at `path`, if anything is. Fails: Error{usage} when that is no regular file.
std::optional<SourceStat> regular_file_at(const std::string& path);

}  // namespace tape
