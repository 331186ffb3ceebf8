#include "backup/set_folder.h"

#include <cerrno>
#include <cstdint>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "tape/digest.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

// A short name for a store's URL: the journal records the whole and compares.
std::string short_name(const std::string& store) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::uint64_t hash = tape::xxh3_64(tape::as_bytes(store));
  std::string out;
  for (int i = 0; i < 16; ++i, hash >>= 4)
    out += kDigits[hash & 15];
  return out;
}

std::string folder_in(const std::string& state, const std::string& store, const std::string& set) {
  return state + "/sets/" + set + "-" + short_name(store);
}

}  // namespace

bool SetFolder::is_there(const std::string& state,
                         const std::string& store,
                         const std::string& set) {
  return tape::is_directory(folder_in(state, store, set));
}

std::optional<SetFolder> SetFolder::lock(const std::string& state,
                                         const std::string& store,
                                         const std::string& set) {
  std::string path = folder_in(state, store, set);
  tape::create_folders(path);
  const std::string name = path + "/lock";
  const int lock = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) throw tape::errno_error(tape::shown(name), errno);
  // flock, never the mere existence of the file: a killed run holds nothing.
  if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return SetFolder(std::move(path), lock);
  const int error = errno;
  ::close(lock);
  if (error == EWOULDBLOCK) return std::nullopt;
  throw tape::errno_error(tape::shown(name), error);
}

SetFolder::SetFolder(SetFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

SetFolder::~SetFolder() {
  if (lock_ >= 0) ::close(lock_);
}

void SetFolder::sweep() const {
  struct Close {
    void operator()(DIR* handle) const { ::closedir(handle); }
  };
  const std::unique_ptr<DIR, Close> handle(::opendir(path_.c_str()));
  if (!handle) return;
  while (const dirent* entry = ::readdir(handle.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string name = entry->d_name;
    if (name.starts_with(".part-")) ::unlink((path_ + "/" + name).c_str());
  }
}

}  // namespace agent
