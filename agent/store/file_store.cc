#include "store/file_store.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <sstream>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;
using tape::WorkingFile;

constexpr std::uint32_t kFilePartsMax = 65'536;  // a journal row and a line of the log each
constexpr tape::ByteCount kPartLogMax = tape::ByteCount{32} << 20;  // two of each, of 200 bytes
constexpr std::size_t kUploadDigits = 16;
constexpr std::size_t kDigestDigits = 64;
constexpr std::string_view kPartPrefix = ".part-";

bool is_temporary(const std::string& name) {
  return name.starts_with(kPartPrefix);
}

// A log line of one durable part: number, offset, size, SHA-256.
struct LoggedPart {
  std::uint64_t offset = 0;
  PartInfo info;
};

class FileStore final : public ObjectStore {
 public:
  explicit FileStore(std::string root)
      : root_(std::move(root)),
        held_(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
        identity_(tape::identity_of(root_)) {}
  FileStore(const FileStore&) = delete;
  FileStore& operator=(const FileStore&) = delete;
  ~FileStore() override {
    if (held_ >= 0) ::close(held_);
  }

  std::string name() const override { return root_; }

  std::optional<ObjectInfo> put(const std::string& key, tape::ByteView bytes, Put how) override {
    const std::string path = place(key);
    const std::string folder = tape::folder_of(path);
    if (how == Put::if_absent && head(key)) {
      tape::sync_folder(folder);  // whoever made it may have been killed in front of that
      return std::nullopt;
    }
    make_parents(key);
    const std::string temporary = tape::temporary_name(folder);
    bool named = true;
    const auto failure = tape::failure_of([&] {
      const auto file = WorkingFile::create(temporary);
      file->write_at(0, bytes);
      file->sync();
      if (how == Put::if_absent) {
        named = tape::rename_if_absent(temporary, path);
      } else {
        rename_over(temporary, path);
      }
    });
    if (failure || !named) ::unlink(temporary.c_str());
    if (failure) throw Error(*failure);
    tape::sync_folder(folder);
    if (!named) return std::nullopt;
    return ObjectInfo{key, bytes.size(), ""};
  }

  std::string begin_upload(const std::string& key) override {
    make_parents(key);
    const std::string folder = tape::folder_of(place(key));
    const std::string path = tape::temporary_name(folder);
    WorkingFile::create(path)->sync();
    WorkingFile::create(path + ".parts")->sync();
    tape::sync_folder(folder);
    return path.substr(path.size() - kUploadDigits);
  }

  std::uint32_t part_count_max() const override { return kFilePartsMax; }

  PartInfo put_part(const std::string& key,
                    const std::string& upload,
                    const UploadedPart& part) override {
    const std::string path = upload_place(key, upload);
    const auto file = open_upload(path);
    file->write_at(part.offset, part.bytes);
    file->sync();
    PartInfo info{part.number, part.bytes.size(), tape::hex(part.sha256)};
    // Begun anew: what a failed append left may not reach into it.
    std::string line = "\n";
    for (const std::uint64_t value : {std::uint64_t{part.number}, part.offset, info.size})
      line.append(std::to_string(value)).append(" ");
    line.append(info.etag).append("\n");
    const auto log = open_upload(path + ".parts");
    log->append(tape::as_bytes(line));
    log->sync();
    return info;
  }

  std::vector<PartInfo> list_parts(const std::string& key, const std::string& upload) override {
    std::vector<PartInfo> out;
    for (const auto& [number, part] : logged(key, upload))
      out.push_back(part.info);
    return out;
  }

  ObjectInfo complete_upload(const std::string& key,
                             const std::string& upload,
                             const std::vector<PartInfo>& parts) override {
    const std::string path = place(key);
    std::map<std::uint32_t, LoggedPart> held;
    const auto failure = tape::failure_of([&] { held = logged(key, upload); });
    if (failure && failure->kind() == ErrorKind::not_found && is_made_of(key, parts)) {
      tape::sync_folder(tape::folder_of(path));  // whoever made it may have been killed before that
      return *head(key);
    }
    if (failure) throw Error(*failure);
    std::uint64_t size = 0;
    for (const PartInfo& part : parts) {
      const auto found = held.find(part.number);
      if (found == held.end() || found->second.offset != size ||
          found->second.info.size != part.size || found->second.info.etag != part.etag)
        throw Error(ErrorKind::corrupt, shown(path) + ": part " + std::to_string(part.number) +
                                            " is not what was uploaded");
      size += part.size;
    }
    const std::string temporary = upload_place(key, upload);
    {
      const auto file = open_upload(temporary);
      file->truncate(size);
      file->sync();
    }
    rename_over(temporary, path);
    tape::sync_folder(tape::folder_of(path));
    // Not before: a crash could keep this and lose the name, and an upload without its log is none.
    ::unlink((temporary + ".parts").c_str());
    return {key, size, ""};
  }

  void abort_upload(const std::string& key, const std::string& upload) override {
    const std::string path = upload_place(key, upload);
    tape::remove_if_there(path);
    tape::remove_if_there(path + ".parts");
    sync_removal(path);
    remove_empty_parents(key);
  }

  void abort_uploads(const std::string& prefix) override {
    const std::string folder = root_ + "/" + prefix;
    must_not_lead_away(prefix);
    for (const auto& [name, mode] : all_names_in(prefix)) {
      if (S_ISDIR(mode)) abort_uploads(prefix + name + "/");
      if (S_ISREG(mode) && is_temporary(name)) tape::remove_if_there(folder + name);
    }
    remove_empty_parents(prefix);
  }

  std::vector<UploadInfo> list_uploads(const std::string& prefix) override {
    std::vector<UploadInfo> out;
    add_uploads(prefix, out);
    return out;
  }

  std::optional<ObjectInfo> head(const std::string& key) override {
    const std::string path = place(key);
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) {
        check_root();
        return std::nullopt;
      }
      throw tape::errno_error(shown(path), errno);
    }
    if (!S_ISREG(info.st_mode)) return std::nullopt;
    return ObjectInfo{key, static_cast<tape::ByteCount>(info.st_size), "", info.st_mtim.tv_sec};
  }

  std::unique_ptr<tape::RangeSource> open(const std::string& key) override {
    std::unique_ptr<tape::RangeSource> out;
    const auto failure = tape::failure_of([&] { out = tape::open_file_source(place(key)); });
    if (failure && failure->kind() == ErrorKind::not_found) check_root();
    if (failure) throw Error(*failure);
    return out;
  }

  std::unique_ptr<tape::RangeSource> open_known(const ObjectInfo& known) override {
    auto out = open(known.key);
    if (out->size() != known.size)
      throw Error(ErrorKind::object_changed, out->name() + ": " + std::to_string(out->size()) +
                                                 " bytes, " + std::to_string(known.size) +
                                                 " expected");
    return out;
  }

  tape::Bytes get(const std::string& key, tape::ByteCount limit) override {
    return read_whole(*open(key), limit);
  }

  void list(const std::string& prefix,
            const std::function<void(const ObjectInfo&)>& visit) override {
    std::vector<ObjectInfo> found;
    walk(prefix, found);
    std::sort(found.begin(), found.end(),
              [](const ObjectInfo& a, const ObjectInfo& b) { return a.key < b.key; });
    for (const ObjectInfo& object : found)
      visit(object);
  }

  std::vector<std::string> folders(const std::string& prefix) override {
    std::vector<std::string> out;
    for (const auto& [name, mode] : names_in(prefix)) {
      if (S_ISDIR(mode)) out.push_back(name);
    }
    return out;
  }

  void remove(const std::string& key) override {
    const std::string path = place(key);
    must_not_lead_away(key);
    if (tape::remove_if_there(path)) sync_removal(path);
    remove_empty_parents(key);
  }

  void remove_all(const std::vector<std::string>& keys) override {
    for (const std::string& key : keys)
      remove(key);
  }

 private:
  // Read whole: what has the name by now may be anything.
  bool is_made_of(const std::string& key, const std::vector<PartInfo>& parts) {
    tape::ByteCount size = 0;
    for (const PartInfo& part : parts)
      size += part.size;
    const auto found = head(key);
    if (!found || found->size != size) return false;
    const auto file = open(key);
    tape::Bytes bytes;
    std::uint64_t at = 0;
    return std::all_of(parts.begin(), parts.end(), [&](const PartInfo& part) {
      bytes.resize(part.size);
      file->read_at(tape::GzOffset(at), bytes);
      at += part.size;
      return tape::hex(tape::sha256(bytes)) == part.etag;
    });
  }

  void add_uploads(const std::string& prefix, std::vector<UploadInfo>& out) const {
    for (const auto& [name, mode] : all_names_in(prefix)) {
      std::string key = prefix;
      key.append(name);
      if (S_ISDIR(mode)) add_uploads(key + "/", out);
      struct stat info {};
      const bool is_upload = S_ISREG(mode) && is_temporary(name) && !name.ends_with(".parts");
      if (is_upload && ::lstat((root_ + "/" + key).c_str(), &info) == 0)
        out.push_back({key, name.substr(kPartPrefix.size()), info.st_mtim.tv_sec});
    }
  }

  std::string place(const std::string& key) const {
    check_object_key(key);
    return root_ + "/" + key;
  }

  std::string upload_place(const std::string& key, const std::string& upload) const {
    const bool digits = upload.size() == kUploadDigits &&
                        upload.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!digits) throw Error(ErrorKind::not_found, shown(upload) + ": no such upload");
    return tape::folder_of(place(key)) + "/" + std::string(kPartPrefix) + upload;
  }

  // A store that went away, or is another one now, must not look like one that has lost things.
  void check_root() const {
    if (!identity_ || tape::identity_of(root_) != identity_)
      throw Error(ErrorKind::transient, shown(root_) + ": the store is not there any more",
                  "when it is back, the same command continues");
  }

  // A set may be a symlink to another disk; below it, nothing is deleted through one.
  void must_not_lead_away(const std::string& key) const {
    std::size_t slash = key.find('/');
    while (slash != std::string::npos && (slash = key.find('/', slash + 1)) != std::string::npos) {
      const std::string folder = root_ + "/" + key.substr(0, slash);
      struct stat info {};
      if (::lstat(folder.c_str(), &info) == 0 && S_ISLNK(info.st_mode))
        throw Error(ErrorKind::usage,
                    shown(folder) + ": a symlink, and nothing is deleted through one");
    }
  }

  // Of what was removed: another process may have removed the folder that it was in, too.
  void sync_removal(const std::string& path) const {
    std::string folder = tape::folder_of(path);
    for (;;) {
      const auto failure = tape::failure_of([&] { tape::sync_folder(folder); });
      if (!failure) return;
      if (failure->kind() != ErrorKind::not_found || folder.size() <= root_.size())
        throw Error(*failure);
      folder = tape::folder_of(folder);
    }
  }

  // An upload that is not there, in a store that is.
  std::unique_ptr<WorkingFile> open_upload(const std::string& path) const {
    std::unique_ptr<WorkingFile> out;
    const auto failure = tape::failure_of([&] { out = WorkingFile::open(path); });
    if (failure && failure->kind() == ErrorKind::not_found) check_root();
    if (failure) throw Error(*failure);
    return out;
  }

  void make_parents(const std::string& key) const {
    check_root();
    for (std::size_t slash = key.find('/'); slash != std::string::npos;
         slash = key.find('/', slash + 1)) {
      const std::string folder = root_ + "/" + key.substr(0, slash);
      tape::create_folder(folder);
      tape::sync_folder(tape::folder_of(folder));  // also what a killed run made and did not sync
    }
  }

  void remove_empty_parents(const std::string& key) const {
    for (std::size_t slash = key.rfind('/'); slash != std::string::npos && slash > 0;
         slash = key.rfind('/', slash - 1)) {
      if (::rmdir((root_ + "/" + key.substr(0, slash)).c_str()) != 0 && errno != ENOENT) return;
    }
  }

  static void rename_over(const std::string& from, const std::string& to) {
    if (std::rename(from.c_str(), to.c_str()) != 0) throw tape::errno_error(shown(to), errno);
  }

  // The last line of each number; a line that was cut never became durable, and a part that the
  // file is too short for went with what cut it.
  std::map<std::uint32_t, LoggedPart> logged(const std::string& key, const std::string& upload) {
    const std::string path = upload_place(key, upload);
    const tape::ByteCount held = open_upload(path)->size();
    const auto log = tape::open_file_source(path + ".parts");
    if (log->size() > kPartLogMax)
      throw Error(ErrorKind::corrupt, log->name() + ": larger than any log of parts");
    tape::Bytes bytes(log->size());
    log->read_at(tape::GzOffset(0), bytes);
    const std::string text = tape::as_text(bytes);
    std::istringstream lines(text.substr(0, text.rfind('\n') + 1));
    std::map<std::uint32_t, LoggedPart> out;
    for (std::string line; std::getline(lines, line);) {
      LoggedPart part;
      std::istringstream fields(line);
      if (fields >> part.info.number >> part.offset >> part.info.size >> part.info.etag &&
          part.info.etag.size() == kDigestDigits && part.offset <= held &&
          part.info.size <= held - part.offset)
        out[part.info.number] = part;
    }
    return out;
  }

  std::vector<std::pair<std::string, mode_t>> names_in(const std::string& prefix) const {
    auto out = all_names_in(prefix);
    std::erase_if(out, [](const auto& entry) { return is_temporary(entry.first); });
    return out;
  }

  std::vector<std::pair<std::string, mode_t>> all_names_in(const std::string& prefix) const {
    const std::string folder = root_ + "/" + prefix;
    struct Close {
      void operator()(DIR* handle) const { ::closedir(handle); }
    };
    const std::unique_ptr<DIR, Close> handle(::opendir(folder.c_str()));
    std::vector<std::pair<std::string, mode_t>> out;
    if (!handle) {
      if (errno != ENOENT && errno != ENOTDIR) throw tape::errno_error(shown(folder), errno);
      check_root();
      return out;
    }
    for (errno = 0;; errno = 0) {
      const dirent* entry = ::readdir(handle.get());  // NOLINT(concurrency-mt-unsafe): own handle
      if (entry == nullptr) break;
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct stat info {};
      const std::string path = folder + name;
      if (::lstat(path.c_str(), &info) != 0) {
        if (errno == ENOENT) continue;
        // Passed over, it would look as if it were not there.
        throw tape::errno_error(shown(path), errno);
      }
      // A set may be a symlink to another disk; what is one below it, or leads nowhere, is not
      // ours.
      struct stat target {};
      if (prefix.empty() && S_ISLNK(info.st_mode) && ::stat(path.c_str(), &target) == 0)
        info = target;
      out.emplace_back(name, info.st_mode);
    }
    if (errno != 0) throw tape::errno_error(shown(folder), errno);
    std::sort(out.begin(), out.end());
    return out;
  }

  void walk(const std::string& prefix, std::vector<ObjectInfo>& found) {
    for (const auto& [name, mode] : names_in(prefix)) {
      if (S_ISDIR(mode)) walk(prefix + name + "/", found);
      if (!S_ISREG(mode)) continue;
      if (auto info = head(prefix + name)) found.push_back(std::move(*info));
    }
  }

  std::string root_;
  int held_;  // so that no other folder gets its inode
  std::optional<tape::FileIdentity> identity_;
};

std::unique_ptr<ObjectStore> opened(const std::string& path) {
  const std::string root = tape::resolved(path);
  if (!tape::is_directory(root))
    throw Error(ErrorKind::usage, shown(path) + ": not a directory, so no store");
  return std::make_unique<FileStore>(root);
}

}  // namespace

std::unique_ptr<ObjectStore> create_file_store(const std::string& path, bool& made) {
  std::string folder = path;
  while (folder.size() > 1 && folder.ends_with('/'))
    folder.pop_back();
  made = !tape::identity_of(folder) && tape::create_folder(folder);
  tape::sync_folder(tape::folder_of(folder));
  return opened(folder);
}

std::unique_ptr<ObjectStore> open_file_store(const std::string& path) {
  return opened(path);
}

}  // namespace agent
