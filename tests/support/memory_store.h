// An ObjectStore in memory, and wrappers that fail on command or take their time.
//
// Threads: any number of callers.
#pragma once
#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "store/wrapped_store.h"
#include "support/faulty.h"
#include "support/memory_io.h"

namespace test {

class MemoryStore final : public agent::ObjectStore {
 public:
  std::string name() const override { return "memory:"; }

  std::optional<agent::ObjectInfo> put(const std::string& key,
                                       tape::ByteView bytes,
                                       Put how) override {
    const std::lock_guard lock(mutex_);
    agent::check_object_key(key);
    if (how == Put::if_absent && objects_.contains(key)) return std::nullopt;
    objects_[key].assign(bytes.begin(), bytes.end());
    return agent::ObjectInfo{key, bytes.size(), ""};
  }
  std::string begin_upload(const std::string& key) override {
    const std::lock_guard lock(mutex_);
    agent::check_object_key(key);
    const std::string id = std::to_string(++next_);
    uploads_[{key, id}];
    return id;
  }
  agent::PartInfo put_part(const std::string& key,
                           const std::string& upload,
                           const agent::UploadedPart& part) override {
    const std::lock_guard lock(mutex_);
    found(key, upload)[part.number].assign(part.bytes.begin(), part.bytes.end());
    return {part.number, part.bytes.size(), tape::hex(part.sha256)};
  }
  std::vector<agent::PartInfo> list_parts(const std::string& key,
                                          const std::string& upload) override {
    const std::lock_guard lock(mutex_);
    std::vector<agent::PartInfo> out;
    for (const auto& [number, bytes] : found(key, upload))
      out.push_back({number, bytes.size(), tape::hex(tape::sha256(bytes))});
    return out;
  }
  agent::ObjectInfo complete_upload(const std::string& key,
                                    const std::string& upload,
                                    const std::vector<agent::PartInfo>& parts) override {
    const std::lock_guard lock(mutex_);
    if (!uploads_.contains({key, upload}) && is_made_of(key, parts))
      return {key, objects_[key].size(), ""};
    const auto& held = found(key, upload);
    tape::Bytes whole;
    for (const agent::PartInfo& part : parts) {
      const auto bytes = held.find(part.number);
      if (bytes == held.end() || tape::hex(tape::sha256(bytes->second)) != part.etag)
        throw tape::Error(tape::ErrorKind::corrupt, key + ": another part");
      whole.insert(whole.end(), bytes->second.begin(), bytes->second.end());
    }
    uploads_.erase({key, upload});
    const tape::ByteCount size = whole.size();
    objects_[key] = std::move(whole);
    return {key, size, ""};
  }
  void abort_upload(const std::string& key, const std::string& upload) override {
    const std::lock_guard lock(mutex_);
    uploads_.erase({key, upload});
  }
  void abort_uploads(const std::string& prefix) override {
    const std::lock_guard lock(mutex_);
    std::erase_if(uploads_,
                  [&](const auto& upload) { return upload.first.first.starts_with(prefix); });
  }
  std::vector<agent::UploadInfo> list_uploads(const std::string& prefix) override {
    const std::lock_guard lock(mutex_);
    std::vector<agent::UploadInfo> out;
    for (const auto& [name, parts] : uploads_) {
      if (name.first.starts_with(prefix)) out.push_back({name.first, name.second, begun_at});
    }
    return out;
  }
  std::optional<agent::ObjectInfo> head(const std::string& key) override {
    const std::lock_guard lock(mutex_);
    const auto object = objects_.find(key);
    if (object == objects_.end()) return std::nullopt;
    return agent::ObjectInfo{key, object->second.size(), ""};
  }
  std::unique_ptr<tape::RangeSource> open(const std::string& key) override {
    const std::lock_guard lock(mutex_);
    agent::check_object_key(key);
    const auto object = objects_.find(key);
    if (object == objects_.end())
      throw tape::Error(tape::ErrorKind::not_found, key + ": not there");
    return std::make_unique<tape::MemorySource>(object->second, key);
  }
  std::unique_ptr<tape::RangeSource> open_known(const agent::ObjectInfo& known) override {
    auto out = open(known.key);
    if (out->size() != known.size)
      throw tape::Error(tape::ErrorKind::object_changed, known.key + ": another size");
    return out;
  }
  tape::Bytes get(const std::string& key, tape::ByteCount limit) override {
    return agent::read_whole(*open(key), limit);
  }
  void list(const std::string& prefix,
            const std::function<void(const agent::ObjectInfo&)>& visit) override {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, bytes] : objects_) {
      if (key.starts_with(prefix)) visit({key, bytes.size(), "", modified_at});
    }
  }
  std::vector<std::string> folders(const std::string& prefix) override {
    const std::lock_guard lock(mutex_);
    std::set<std::string> out;
    for (const auto& [key, bytes] : objects_) {
      const std::size_t slash = key.find('/', prefix.size());
      if (key.starts_with(prefix) && slash != std::string::npos)
        out.insert(key.substr(prefix.size(), slash - prefix.size()));
    }
    return {out.begin(), out.end()};
  }
  void remove(const std::string& key) override {
    const std::lock_guard lock(mutex_);
    objects_.erase(key);
  }
  void remove_all(const std::vector<std::string>& keys) override {
    for (const std::string& key : keys)
      remove(key);
  }

  std::int64_t begun_at = 0;                // what list_uploads() tells of each
  std::optional<std::int64_t> modified_at;  // of every object, in lists

  std::map<std::string, tape::Bytes> objects() const {
    const std::lock_guard lock(mutex_);
    return objects_;
  }
  std::size_t uploads() const { return uploads_.size(); }

 private:
  bool is_made_of(const std::string& key, const std::vector<agent::PartInfo>& parts) {
    const auto object = objects_.find(key);
    if (object == objects_.end()) return false;
    tape::ByteView left = object->second;
    for (const agent::PartInfo& part : parts) {
      if (left.size() < part.size || tape::hex(tape::sha256(left.first(part.size))) != part.etag)
        return false;
      left = left.subspan(part.size);
    }
    return left.empty();
  }
  using Parts = std::map<std::uint32_t, tape::Bytes>;
  Parts& found(const std::string& key, const std::string& upload) {
    const auto at = uploads_.find({key, upload});
    if (at == uploads_.end())
      throw tape::Error(tape::ErrorKind::not_found, upload + ": no such upload");
    return at->second;
  }
  mutable std::mutex mutex_;
  std::map<std::string, tape::Bytes> objects_;
  std::map<std::pair<std::string, std::string>, Parts> uploads_;
  std::uint64_t next_ = 0;
};

// When a call fails: before it reached the store, or after, the answer being lost.
enum class Lost { request, answer };

// Reads of what it opened are calls, too.
class FaultyStore final : public agent::WrappedStore {
 public:
  // `singly`: what is removed at once fails between two, as well.
  FaultyStore(agent::ObjectStore& store, tape::Faults& faults, Lost lost, bool singly = false)
      : WrappedStore(store), faults_(faults), lost_(lost), singly_(singly) {}

  void remove_all(const std::vector<std::string>& keys) override {
    if (!singly_) return WrappedStore::remove_all(keys);
    for (const std::string& key : keys)
      remove(key);
  }

 private:
  void around(const agent::StoreCall&, const std::function<void()>& step) override {
    if (lost_ == Lost::request) fault();
    step();
    if (lost_ == Lost::answer) fault();
  }
  void fault() {
    const std::lock_guard lock(mutex_);
    faults_.call();
  }
  tape::Faults& faults_;
  Lost lost_;
  bool singly_;
  std::mutex mutex_;
};

// Each call takes its time, a random one.
class SlowStore final : public agent::WrappedStore {
 public:
  SlowStore(agent::ObjectStore& store, std::uint64_t seed) : WrappedStore(store), random_(seed) {}

 private:
  void around(const agent::StoreCall&, const std::function<void()>& step) override {
    std::this_thread::sleep_for(delay());
    step();
  }
  std::chrono::microseconds delay() {
    const std::lock_guard lock(mutex_);
    return std::chrono::microseconds(random_() % 2000);
  }
  std::mt19937_64 random_;
  std::mutex mutex_;
};

}  // namespace test
