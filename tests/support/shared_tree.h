// A MemoryTree that several threads look at, and that counts how many do so at once.
//
// Threads: any number, each with its own view.
#pragma once
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/memory_tree.h"

namespace test {

class SharedTree final : public tape::SourceTree {
 public:
  explicit SharedTree(tape::MemoryTree& tree) : core_(std::make_shared<Core>(tree)) {}

  // How long each listing takes.
  void set_delay(std::chrono::milliseconds delay) { core_->delay = delay; }
  unsigned most_at_once() const { return core_->most; }
  unsigned views() const { return core_->views; }

  tape::SourceStat stat(const std::string& path) override {
    const std::lock_guard lock(core_->mutex);
    return core_->tree.stat(path);
  }
  void list(const std::string& path, const NameVisitor& visit) override {
    std::unique_lock lock(core_->mutex);
    core_->most = std::max(core_->most, ++core_->now);
    lock.unlock();
    std::this_thread::sleep_for(core_->delay);
    lock.lock();
    --core_->now;
    std::vector<std::string> names;
    core_->tree.list(path, [&](std::string_view name) { names.emplace_back(name); });
    lock.unlock();
    for (const std::string& name : names)
      visit(name);
  }
  std::string read_link(const std::string& path) override {
    const std::lock_guard lock(core_->mutex);
    return core_->tree.read_link(path);
  }
  std::vector<tape::Xattr> xattrs(const std::string& path) override {
    const std::lock_guard lock(core_->mutex);
    return core_->tree.xattrs(path);
  }
  std::unique_ptr<tape::SourceFile> open(const std::string& path) override {
    const std::lock_guard lock(core_->mutex);
    return core_->tree.open(path);
  }
  void check_readable(const std::string& path) override {
    const std::lock_guard lock(core_->mutex);
    core_->tree.check_readable(path);
  }
  std::string user_name(std::uint64_t uid) override { return core_->tree.user_name(uid); }
  std::string group_name(std::uint64_t gid) override { return core_->tree.group_name(gid); }
  std::unique_ptr<tape::SourceTree> another_view() override {
    const std::lock_guard lock(core_->mutex);
    ++core_->views;
    return std::make_unique<SharedTree>(*this);
  }

  SharedTree(const SharedTree& other) : core_(other.core_) {}

 private:
  struct Core {
    explicit Core(tape::MemoryTree& inner) : tree(inner) {}
    tape::MemoryTree& tree;
    std::mutex mutex;
    std::chrono::milliseconds delay{0};
    unsigned now = 0;
    unsigned most = 0;
    unsigned views = 1;
  };
  std::shared_ptr<Core> core_;  // of all views
};

}  // namespace test
