// WrappedStore: every call of another store through one hook. A decorator overrides the hook, and
// the calls that it must know more of.
//
// Limits:  what was opened must not outlive the store that it was opened by.
// Fails:   as the store inside does.
// Threads: any number of callers.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "store/object_store.h"

namespace agent {

struct StoreCall {
  const char* name;           // of the function; "read_at" for a source that was opened
  tape::ByteCount sent = 0;   // with it
  tape::ByteCount asked = 0;  // by read_at; what get() brings is not known before
};

class WrappedStore : public ObjectStore {
 public:
  // `store` must outlive this.
  explicit WrappedStore(ObjectStore& store) : store_(store) {}

  std::string name() const override { return store_.name(); }
  std::string identity() const override { return store_.identity(); }
  std::uint32_t part_count_max() const override { return store_.part_count_max(); }
  tape::ByteCount part_size_min() const override { return store_.part_size_min(); }

  std::optional<ObjectInfo> put(const std::string& key, tape::ByteView bytes, Put how) override;
  std::string begin_upload(const std::string& key) override;
  PartInfo put_part(const std::string& key,
                    const std::string& upload,
                    const UploadedPart& part) override;
  std::vector<PartInfo> list_parts(const std::string& key, const std::string& upload) override;
  ObjectInfo complete_upload(const std::string& key,
                             const std::string& upload,
                             const std::vector<PartInfo>& parts) override;
  void abort_upload(const std::string& key, const std::string& upload) override;
  void abort_uploads(const std::string& prefix) override;
  std::vector<UploadInfo> list_uploads(const std::string& prefix) override;
  std::optional<ObjectInfo> head(const std::string& key) override;
  std::unique_ptr<tape::RangeSource> open(const std::string& key) override;
  std::unique_ptr<tape::RangeSource> open_known(const ObjectInfo& known) override;
  tape::Bytes get(const std::string& key, tape::ByteCount limit) override;
  void list(const std::string& prefix,
            const std::function<void(const ObjectInfo&)>& visit) override;
  std::vector<std::string> folders(const std::string& prefix) override;
  void remove(const std::string& key) override;
  void remove_all(const std::vector<std::string>& keys) override;

 protected:
  // Runs `step`, which makes the call, once or more; or throws.
  virtual void around(const StoreCall& call, const std::function<void()>& step);

  ObjectStore& inner() { return store_; }

 private:
  class Source;

  template <class Step>
  auto through(const StoreCall& call, Step step) -> decltype(step()) {
    if constexpr (std::is_void_v<decltype(step())>) {
      around(call, step);
    } else {
      std::optional<decltype(step())> out;
      around(call, [&] { out.emplace(step()); });
      return std::move(*out);
    }
  }

  ObjectStore& store_;
};

}  // namespace agent
