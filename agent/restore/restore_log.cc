#include "restore/restore_log.h"

#include <cerrno>
#include <fstream>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tape/digest.h"
#include "tape/error.h"
#include "tape/fields.h"
#include "tape/files.h"

namespace agent {
namespace {

// Records: a kind, a text.
constexpr std::uint64_t kRun = 1;     // a run began: what its temporary names begin with, its boot
constexpr std::uint64_t kMade = 2;    // a directory
constexpr std::uint64_t kFolder = 3;  // from now on names appear there

constexpr std::size_t kRunDigits = 8;

std::uint64_t hash_of(const std::string& text) {
  return tape::xxh3_64(tape::as_bytes(text));
}

}  // namespace

std::string RestoreLog::boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string out;
  file >> out;
  return out;
}

std::unique_ptr<RestoreLog> RestoreLog::open(const std::string& path, const std::string& boot) {
  for (;;) {
    const int file =
        ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) throw tape::errno_error(tape::shown(path), errno);
    std::unique_ptr<RestoreLog> log(new RestoreLog(path, file, boot));
    if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return nullptr;
      throw tape::errno_error(tape::shown(path), errno);
    }
    struct stat info {};
    if (::fstat(file, &info) != 0) throw tape::errno_error(tape::shown(path), errno);
    if (info.st_nlink == 0) continue;  // its run ended between the two
    log->read();
    log->run_ = tape::temporary_name("").substr(std::string("/.part-").size(), kRunDigits);
    log->append(kRun, log->run_ + boot);
    return log;
  }
}

RestoreLog::RestoreLog(std::string path, int file, std::string boot)
    : path_(std::move(path)), file_(file), boot_(std::move(boot)) {}

RestoreLog::~RestoreLog() {
  if (file_ >= 0) ::close(file_);
}

// A run that was killed, or lost its power, may leave half a record, or worse, at the end: what is
// there before it holds. The rest is cut off, or what this run appends could not be read behind it.
void RestoreLog::read() {
  const auto source = tape::open_file_source(path_);
  tape::Bytes bytes(source->size());
  source->read_at(tape::GzOffset(0), bytes);
  tape::FieldReader fields(bytes);
  std::size_t whole = 0;
  const auto end = tape::failure_of([&] {
    for (;;) {
      const std::uint64_t kind = fields.number_to(kFolder);
      take(kind, fields.text());
      whole = bytes.size() - fields.left();
    }
  });
  if (whole < bytes.size() && ::ftruncate(file_, static_cast<off_t>(whole)) != 0)
    throw tape::errno_error(tape::shown(path_), errno);
}

void RestoreLog::take(std::uint64_t kind, const std::string& text) {
  if (kind == kRun) {
    leftovers_.push_back({text.substr(0, kRunDigits), {}});
    // Who cannot tell must look.
    rebooted_ = rebooted_ || boot_.empty() || text.substr(leftovers_.back().run.size()) != boot_;
  }
  if (kind == kMade) made_.insert(hash_of(text));
  if (kind == kFolder && is_continued()) leftovers_.back().folder = text;
}

void RestoreLog::append(std::uint64_t kind, const std::string& text) {
  if (lost_) return;
  tape::Bytes record;
  tape::FieldWriter fields(record);
  fields.number(kind);
  fields.text(text);
  lost_ = ::write(file_, record.data(), record.size()) != static_cast<ssize_t>(record.size());
  if (lost_) remove();
}

bool RestoreLog::has_made(const std::string& directory) const {
  return made_.contains(hash_of(directory));
}

void RestoreLog::made(const std::string& directory) {
  made_.insert(hash_of(directory));
  append(kMade, directory);
}

void RestoreLog::writes_in(const std::string& folder) {
  if (folder == folder_) return;
  folder_ = folder;
  append(kFolder, folder);
}

void RestoreLog::remove() {
  static_cast<void>(tape::failure_of([&] { tape::remove_if_there(path_); }));
}

}  // namespace agent
