// The file that becomes a catalog: made under a temporary name, then given its own.
//
// Fails:   the system's kinds; usage as said.
// Threads: one caller.
#pragma once
#include <string>

#include "tape/source_tree.h"

namespace tape {

// Whether a tape, sound or damaged, is at `path`, which may be replaced; false when nothing is. A
// file is a tape by its SQLite header (sqlite.org/fileformat.html §1.3): magic, application id at
// offset 68. Fails: Error{usage} for anything else.
bool holds_tape(const std::string& path);

// A file on its way: removed unless it got its name.
class NewFile {
 public:
  // `path` is not taken.
  explicit NewFile(std::string path);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();

  const std::string& path() const { return path_; }
  FileIdentity identity() const;

  // `replace`: an older tape was there before the scan. Else fails: Error{usage} when something is
  // there now.
  void rename_durably(const std::string& to, bool replace);

 private:
  std::string path_;
};

}  // namespace tape
