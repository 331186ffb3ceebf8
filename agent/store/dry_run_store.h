// DryRunStore: what would be written or deleted is told and not done; reads go through.
//
// Each such call that is sound is told once, and answered as if it had been done: with the sizes
// that were given, parts by their SHA-256, no ETag of an object. What was not written is not there
// when it is read.
//
// Fails:   usage for what is no key; reads, and put(if_absent), which looks: as the store inside
//          does.
// Threads: any number of callers; `tell` must be safe to call from each.
#pragma once
#include <functional>
#include <string>

#include "store/wrapped_store.h"

namespace agent {

struct DryRunCall {
  enum class What {
    put,
    begin_upload,
    put_part,
    complete_upload,
    abort_upload,
    abort_uploads,
    remove
  };
  What what = What::put;
  std::string key;            // of abort_uploads: the prefix
  tape::ByteCount bytes = 0;  // that would be sent; of complete_upload: those of the object
};

class DryRunStore final : public WrappedStore {
 public:
  using Tell = std::function<void(const DryRunCall&)>;
  // `store` must outlive this.
  DryRunStore(ObjectStore& store, Tell tell) : WrappedStore(store), tell_(std::move(tell)) {}

  // A key that is taken stays so (if_absent): nothing would be written.
  std::optional<ObjectInfo> put(const std::string& key, tape::ByteView bytes, Put how) override;
  std::string begin_upload(const std::string& key) override;
  PartInfo put_part(const std::string& key,
                    const std::string& upload,
                    const UploadedPart& part) override;
  ObjectInfo complete_upload(const std::string& key,
                             const std::string& upload,
                             const std::vector<PartInfo>& parts) override;
  void abort_upload(const std::string& key, const std::string& upload) override;
  void abort_uploads(const std::string& prefix) override;
  void remove(const std::string& key) override;
  // A call for each key.
  void remove_all(const std::vector<std::string>& keys) override;

 private:
  const Tell tell_;
};

}  // namespace agent
