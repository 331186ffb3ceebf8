// A SourceTree in memory, with a hook between its calls.
//
// Threads: one caller at a time.
#pragma once
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tape/error.h"
#include "tape/source_tree.h"

namespace tape {

class MemoryTree final : public SourceTree {
 public:
  struct Inode {
    SourceStat stat;
    Bytes content;
    std::string target;
    std::vector<Xattr> xattrs;
    bool denied = false;         // open(), check_readable() and list() fail
    bool xattrs_denied = false;  // xattrs() fails
  };

  enum class Verb { stat, list, read_link, xattrs, open, check_readable, file_stat, file_read };
  struct Access {
    Verb verb;
    std::string path;
    friend bool operator==(const Access&, const Access&) = default;
  };

  // Called before each access, which sees what the hook has changed.
  std::function<void(const Access&)> before;
  std::vector<Access> accesses;
  bool tells_names_twice = false;  // as a directory that is written to while it is listed may

  MemoryTree() { add("", SourceKind::directory, 0755); }

  // Parents must be there; the path must be new.
  Inode& add(const std::string& path, SourceKind kind, std::uint32_t mode) {
    const std::uint64_t number = next_inode_++;
    Inode& inode = inodes_[number];
    inode.stat.kind = kind;
    inode.stat.mode = mode;
    inode.stat.identity = {1, number};
    inode.stat.mtime = inode.stat.ctime = tick();
    names_.emplace(path, number);
    return inode;
  }
  Inode& add_directory(const std::string& path) { return add(path, SourceKind::directory, 0755); }
  Inode& add_file(const std::string& path, Bytes content) {
    Inode& inode = add(path, SourceKind::regular, 0644);
    inode.stat.size = content.size();
    inode.content = std::move(content);
    return inode;
  }
  Inode& add_file(const std::string& path, std::string_view content) {
    const ByteView bytes = as_bytes(content);
    return add_file(path, Bytes(bytes.begin(), bytes.end()));
  }
  Inode& add_symlink(const std::string& path, const std::string& target) {
    Inode& inode = add(path, SourceKind::symlink, 0777);
    inode.target = target;
    inode.stat.size = target.size();
    return inode;
  }
  void add_link(const std::string& path, const std::string& first) {
    const std::uint64_t number = names_.at(first);
    names_.emplace(path, number);
    ++inodes_.at(number).stat.links;
  }

  Inode& inode(const std::string& path) { return inodes_.at(names_.at(path)); }

  // As write(2) from the beginning and ftruncate(2): content, size, mtime and ctime change.
  void rewrite(const std::string& path, Bytes content) {
    Inode& file = inode(path);
    file.stat.size = content.size();
    file.content = std::move(content);
    file.stat.mtime = file.stat.ctime = tick();
  }
  // The name goes; the inode stays for its other names and for who has it open.
  void remove(const std::string& path) {
    --inode(path).stat.links;
    names_.erase(path);
  }
  void rename(const std::string& from, const std::string& to) {
    names_[to] = names_.at(from);
    names_.erase(from);
  }

  SourceStat stat(const std::string& path) override {
    note(Verb::stat, path);
    return found(path).stat;
  }

  void list(const std::string& path, const NameVisitor& visit) override {
    note(Verb::list, path);
    if (found(path).denied) throw Error(ErrorKind::denied, path + ": denied");
    const std::string top = path.empty() ? "" : path + "/";
    // Backwards: callers must not count on any order.
    for (auto at = names_.rbegin(); at != names_.rend(); ++at) {
      const std::string& name = at->first;
      if (name.size() > top.size() && name.starts_with(top) &&
          name.find('/', top.size()) == std::string::npos) {
        visit(std::string_view(name).substr(top.size()));
        if (tells_names_twice) visit(std::string_view(name).substr(top.size()));
      }
    }
  }

  std::string read_link(const std::string& path) override {
    note(Verb::read_link, path);
    return found(path).target;
  }

  std::vector<Xattr> xattrs(const std::string& path) override {
    note(Verb::xattrs, path);
    if (found(path).xattrs_denied) throw Error(ErrorKind::denied, path + ": xattrs denied");
    return found(path).xattrs;
  }

  std::unique_ptr<SourceFile> open(const std::string& path) override {
    note(Verb::open, path);
    const Inode& file = found(path);
    if (file.denied) throw Error(ErrorKind::denied, path + ": denied");
    if (file.stat.kind != SourceKind::regular)
      throw Error(ErrorKind::source_changed, path + ": not a regular file");
    return std::make_unique<OpenFile>(*this, path, file);
  }

  void check_readable(const std::string& path) override {
    note(Verb::check_readable, path);
    if (found(path).denied) throw Error(ErrorKind::denied, path + ": denied");
  }

  static constexpr std::uint64_t kUnknowable = 4242;  // the look-up of this owner fails
  std::string user_name(std::uint64_t uid) override {
    if (uid == kUnknowable) throw Error(ErrorKind::io, "the host does not answer");
    return uid == 0 ? "root" : "";
  }
  std::string group_name(std::uint64_t gid) override { return gid == 0 ? "root" : ""; }

 private:
  class OpenFile final : public SourceFile {
   public:
    OpenFile(MemoryTree& tree, std::string path, const Inode& inode)
        : tree_(tree), path_(std::move(path)), inode_(inode) {}
    SourceStat stat() const override {
      tree_.note(Verb::file_stat, path_);
      return inode_.stat;
    }
    std::size_t read_at(FileOffset at, MutableBytes out) const override {
      tree_.note(Verb::file_read, path_);
      const Bytes& content = inode_.content;
      if (at.value() >= content.size()) return 0;
      const std::size_t n = std::min<std::size_t>(out.size(), content.size() - at.value());
      std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(at.value()), n, out.begin());
      return n;
    }

   private:
    MemoryTree& tree_;
    std::string path_;
    const Inode& inode_;
  };

  void note(Verb verb, const std::string& path) {
    accesses.push_back({verb, path});
    if (before) before(accesses.back());
  }

  const Inode& found(const std::string& path) {
    const auto at = names_.find(path);
    if (at == names_.end()) throw Error(ErrorKind::not_found, path + ": not found");
    return inodes_.at(at->second);
  }

  // No two changes have one time.
  Timestamp tick() { return {1'700'000'000 + ++ticks_, 250'000'000}; }

  std::map<std::string, std::uint64_t> names_;
  std::map<std::uint64_t, Inode> inodes_;
  std::uint64_t next_inode_ = 1;
  std::int64_t ticks_ = 0;
};

}  // namespace tape
