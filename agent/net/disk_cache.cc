#include "net/disk_cache.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/descriptor.h"
#include "tape/digest.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

constexpr std::size_t kSumSize = 8;
constexpr const char* kEnding = ".block";
// bford.info/cachedir: tools that honour it leave the folder out.
constexpr std::string_view kTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Blocks of remote archives, kept by ragtape. May be removed at any time.\n";

tape::Bytes sum_of(tape::ByteView bytes) {
  const std::uint64_t sum = tape::xxh3_64(bytes);
  tape::Bytes out;
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(sum >> shift));
  return out;
}

bool write_all(int fd, tape::ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

// Not synced: what a crash leaves is checked when it is read.
bool write_file(const std::string& folder,
                const std::string& path,
                tape::ByteView sum,
                tape::ByteView bytes) {
  const std::string temporary = tape::temporary_name(folder);
  bool done = false;
  {
    const Descriptor file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    done = file && write_all(file.get(), sum) && write_all(file.get(), bytes);
  }
  done = done && ::rename(temporary.c_str(), path.c_str()) == 0;
  if (!done) ::unlink(temporary.c_str());
  return done;
}

struct Held {
  std::filesystem::path path;
  std::filesystem::file_time_type used;
  tape::ByteCount size = 0;
};

std::vector<Held> held_in(const std::string& folder) {
  std::vector<Held> out;
  std::error_code ignored;
  for (auto at = std::filesystem::recursive_directory_iterator(folder, ignored);
       at != std::filesystem::recursive_directory_iterator(); at.increment(ignored)) {
    if (ignored || !at->is_regular_file(ignored) || at->path().extension() != kEnding) continue;
    const auto size = at->file_size(ignored);
    if (!ignored) out.push_back({at->path(), at->last_write_time(ignored), size});
  }
  return out;
}

}  // namespace

DiskCache::DiskCache(std::string folder, tape::ByteCount most)
    : folder_(std::move(folder)), most_(most) {
  tape::create_folders(folder_);
  const std::string tag = folder_ + "/CACHEDIR.TAG";
  if (!tape::is_regular_file(tag)) write_file(folder_, tag, {}, tape::as_bytes(kTag));
}

std::string DiskCache::folder_of(const std::string& object) const {
  const tape::Sha256 digest = tape::sha256(tape::as_bytes(object));
  return folder_ + "/" + tape::hex(tape::ByteView(digest).first(16));
}

std::string DiskCache::path_of(const std::string& object, std::uint64_t block) const {
  return folder_of(object) + "/" + std::to_string(block) + kEnding;
}

void DiskCache::forget(const std::string& object) {
  std::error_code ignored;
  std::filesystem::remove_all(folder_of(object), ignored);
}

std::optional<tape::Bytes> DiskCache::get(const std::string& object,
                                          std::uint64_t block,
                                          std::size_t size) {
  const std::string path = path_of(object, block);
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return std::nullopt;
  tape::Bytes bytes(kSumSize + size + 1);  // one more than there may be
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  bytes.resize(done);
  const bool right = done == kSumSize + size &&
                     std::equal(bytes.begin(), bytes.begin() + kSumSize,
                                sum_of(tape::ByteView(bytes).subspan(kSumSize)).begin());
  if (!right) {
    ::unlink(path.c_str());
    return std::nullopt;
  }
  ::futimens(file.get(), nullptr);  // used now
  bytes.erase(bytes.begin(), bytes.begin() + kSumSize);
  return bytes;
}

void DiskCache::put(const std::string& object, std::uint64_t block, tape::ByteView bytes) {
  const std::string path = path_of(object, block);
  const std::string folder = tape::folder_of(path);
  static_cast<void>(::mkdir(folder.c_str(), 0700));
  if (!write_file(folder, path, sum_of(bytes), bytes)) return;
  const std::lock_guard lock(mutex_);
  if (held_) *held_ += bytes.size() + kSumSize;
  make_room();
}

// Far below the limit, so that the next ones need not look.
void DiskCache::make_room() {
  if (held_ && *held_ <= most_) return;
  std::vector<Held> held = held_in(folder_);
  tape::ByteCount sum = 0;
  for (const Held& one : held)
    sum += one.size;
  if (sum > most_) {
    std::sort(held.begin(), held.end(),
              [](const Held& a, const Held& b) { return a.used < b.used; });
    for (const Held& one : held) {
      if (sum <= most_ - most_ / 4) break;
      std::error_code ignored;
      std::filesystem::remove(one.path, ignored);
      std::filesystem::remove(one.path.parent_path(), ignored);  // when it is empty
      sum -= one.size;
    }
  }
  held_ = sum;
}

}  // namespace agent
