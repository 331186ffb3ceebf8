#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/unique_fd.h"
#include "tape/error.h"
#include "tape/files.h"

namespace tape {
namespace {

class FileSource final : public RangeSource {
 public:
  FileSource(UniqueFd file, ByteCount size, std::string path)
      : file_(std::move(file)), size_(size), path_(std::move(path)) {}

  ByteCount size() const override { return size_; }
  std::string name() const override { return shown(path_); }
  void read_at(GzOffset at, MutableBytes out) const override {
    TAPE_ASSERT(at.value() <= size_ && out.size() <= size_ - at.value());
    const std::size_t done = read_full_at(file_.get(), at.value(), out, name());
    if (done == out.size()) return;
    throw Error(ErrorKind::object_changed, name() + ": ends at " +
                                               std::to_string(at.value() + done) + ", had " +
                                               std::to_string(size_) + " bytes");
  }

 private:
  UniqueFd file_;
  ByteCount size_;
  std::string path_;
};

class PosixScratchFile final : public ScratchFile, private ByteSink, private RangeSource {
 public:
  explicit PosixScratchFile(const std::string& folder)
      : name_("a temporary file in " + shown(folder)) {
    file_ = UniqueFd(::open(folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
    if (!file_ && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
      const std::string path = temporary_name(folder);
      file_ = UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
      if (file_) ::unlink(path.c_str());
    }
    if (!file_) throw errno_error(name_, errno);
  }

  ByteSink& out() override { return *this; }
  const RangeSource& in() const override { return *this; }

 private:
  void write(ByteView bytes) override {
    write_all(file_.get(), bytes, name_);
    size_ += bytes.size();
  }
  void finish() override {}
  ByteCount size() const override { return size_; }
  std::string name() const override { return name_; }
  void read_at(GzOffset at, MutableBytes out) const override {
    if (read_full_at(file_.get(), at.value(), out, name_) != out.size())
      throw Error(ErrorKind::io, name_ + ": became shorter");
  }

  UniqueFd file_;
  std::string name_;
  ByteCount size_ = 0;
};

}  // namespace

std::unique_ptr<RangeSource> open_file_source(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file) throw errno_error(shown(path), errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) throw errno_error(shown(path), errno);
  if (!S_ISREG(info.st_mode))
    throw Error(ErrorKind::unsupported,
                shown(path) + ": not a regular file; an archive is read from its end");
  return std::make_unique<FileSource>(std::move(file), static_cast<ByteCount>(info.st_size), path);
}

std::unique_ptr<ScratchFile> create_scratch_file(const std::string& folder) {
  return std::make_unique<PosixScratchFile>(folder);
}

std::string temporary_name(const std::string& folder) {
  std::uint64_t random = 0;
  if (::getentropy(&random, sizeof random) != 0) throw errno_error("random bytes", errno);
  char name[32];
  std::snprintf(name, sizeof name, "/.part-%016llx", static_cast<unsigned long long>(random));
  return (folder == "/" ? "" : folder) + name;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string resolved(const std::string& path) {
  struct Free {
    void operator()(char* text) const { std::free(text); }
  };
  const std::unique_ptr<char, Free> out(::realpath(path.c_str(), nullptr));
  if (!out) throw errno_error(path.empty() ? "an empty path" : shown(path), errno);
  return out.get();
}

bool is_standard_output(const std::string& path) {
  struct stat named {};
  struct stat output {};
  if (::stat(path.c_str(), &named) != 0 || ::fstat(STDOUT_FILENO, &output) != 0) return false;
  // /dev/null may be both and is no loss for either.
  return named.st_dev == output.st_dev && named.st_ino == output.st_ino;
}

bool is_directory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::uint32_t permissions_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0666;
}

bool is_regular_file(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

std::optional<FileIdentity> identity_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return FileIdentity{info.st_dev, info.st_ino};
}

std::optional<FileIdentity> identity_of_descriptor(int descriptor) {
  struct stat info {};
  if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) return {};
  return FileIdentity{info.st_dev, info.st_ino};
}

}  // namespace tape
