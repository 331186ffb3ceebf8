// A folder of its own for one test, below $TMPDIR, removed with everything in it at the end.
//
// Threads: one caller at a time.
#pragma once
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tape/member.h"

namespace test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "ragtape-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
    // Compared with paths that the code has resolved.
    path_ = std::filesystem::canonical(name);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view below) const { return path_ + "/" + std::string(below); }

 private:
  std::string path_;
};

inline void must(bool done, const std::string& what) {
  if (!done) throw std::runtime_error("cannot prepare the test: " + what);
}

inline void write_file(const std::string& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  must(out.good(), path);
}

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  must(in.is_open(), path);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void make_folder(const std::string& path) {
  must(::mkdir(path.c_str(), 0755) == 0, path);
}

inline void make_symlink(const std::string& target, const std::string& path) {
  must(::symlink(target.c_str(), path.c_str()) == 0, path);
}

inline void make_hard_link(const std::string& first, const std::string& path) {
  must(::link(first.c_str(), path.c_str()) == 0, path);
}

inline void make_fifo(const std::string& path) {
  must(::mkfifo(path.c_str(), 0644) == 0, path);
}

inline struct stat stat_of(const std::string& path) {
  struct stat found {};
  must(::lstat(path.c_str(), &found) == 0, path);
  return found;
}

inline bool is_there(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0;
}

inline std::string link_target(const std::string& path) {
  return std::filesystem::read_symlink(path);
}

// Of what is at `path` itself, a symlink not followed; atime stays.
inline void set_mtime(const std::string& path, const tape::Timestamp& time) {
  const timespec times[2] = {{0, UTIME_OMIT}, {time.seconds, static_cast<long>(time.nanoseconds)}};
  must(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0, path);
}

inline tape::Timestamp mtime_of(const std::string& path) {
  const struct stat found = stat_of(path);
  return {found.st_mtim.tv_sec, static_cast<std::uint32_t>(found.st_mtim.tv_nsec)};
}

// Names in a folder, temporary ones among them, sorted.
inline std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace test
