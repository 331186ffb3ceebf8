#include "catalog/new_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/endian.h"
#include "base/unique_fd.h"
#include "catalog/sealed_catalog.h"
#include "tape/error.h"
#include "tape/files.h"

namespace tape {
namespace {

void rename_file(const std::string& from, const std::string& to, bool replace) {
  if (!replace && !rename_if_absent(from, to))
    throw Error(ErrorKind::usage, shown(to) + ": is there now, made by somebody else");
  if (replace && std::rename(from.c_str(), to.c_str()) != 0) throw errno_error(shown(to), errno);
}

}  // namespace

bool holds_tape(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return false;
  std::array<std::uint8_t, 72> head{};
  if (S_ISREG(info.st_mode)) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file) throw errno_error(shown(path), errno);
    read_full_at(file.get(), 0, head, shown(path));
  }
  const bool sqlite =
      std::equal(head.begin(), head.begin() + 16, as_bytes({"SQLite format 3\0", 16}).begin());
  if (sqlite && load_be32(&head[68]) == kCatalogApplicationId) return true;
  throw Error(ErrorKind::usage, shown(path) + ": is there already, and is no tape",
              "choose another name; only an older tape is replaced");
}

NewFile::NewFile(std::string path) : path_(std::move(path)) {
  const UniqueFd file(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) throw errno_error(shown(path_), errno);
}

NewFile::~NewFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

FileIdentity NewFile::identity() const {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) throw errno_error(shown(path_), errno);
  return {info.st_dev, info.st_ino};
}

void NewFile::rename_durably(const std::string& to, bool replace) {
  {
    const UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) throw errno_error(shown(path_), errno);
    sync_descriptor(file.get(), shown(path_));
  }
  rename_file(path_, to, replace);
  path_.clear();
  sync_directory(folder_of(to));
}

}  // namespace tape
