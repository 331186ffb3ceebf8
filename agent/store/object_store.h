// ObjectStore: the seam behind which snapshots are kept.
//
// Keys:    UTF-8, components divided by `/`, none empty, `.` or `..`; no leading `/`.
// Fails:   denied, exhausted, transient (the same call may succeed later), io; not_found, usage as
//          said. A put that fails leaves the key as it was.
// Threads: any number of callers.
// Spec:    docs/format.md §5; tests/conformance/object_store.h is what every store must pass.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tape/digest.h"
#include "tape/io.h"

namespace agent {

struct ObjectInfo {
  std::string key;
  tape::ByteCount size = 0;
  std::string etag;  // empty where the store has none
};

struct PartInfo {
  std::uint32_t number = 0;  // from 1
  tape::ByteCount size = 0;
  std::string etag;  // what complete_upload() wants back
};

inline constexpr std::uint32_t kPartCountMax = 9500;  // object stores take 10 000

struct UploadedPart {
  std::uint32_t number = 0;  // from 1
  std::uint64_t offset = 0;  // in the object: the sizes of the parts in front of it
  tape::ByteView bytes;
  tape::Sha256 sha256{};  // of `bytes`
};

class ObjectStore {
 public:
  ObjectStore() = default;
  ObjectStore(const ObjectStore&) = delete;
  ObjectStore& operator=(const ObjectStore&) = delete;
  virtual ~ObjectStore() = default;

  // Canonical, for messages and for telling stores apart: a URL or an absolute path.
  virtual std::string name() const = 0;

  enum class Put { replace, if_absent };
  // Durable and visible, whole, when it returns. None: the key was taken (if_absent); what is there
  // is durable then, too.
  virtual std::optional<ObjectInfo> put(const std::string& key, tape::ByteView bytes, Put how) = 0;

  // A multipart upload: nothing is visible under `key` before it is completed.
  virtual std::string begin_upload(const std::string& key) = 0;
  // Durable when it returns; the same number again replaces the part. All parts but the last have
  // one size. Fails also: not_found when there is no such upload.
  virtual PartInfo put_part(const std::string& key,
                            const std::string& upload,
                            const UploadedPart& part) = 0;
  // How many parts an upload may have.
  virtual std::uint32_t part_count_max() const { return kPartCountMax; }
  // By number. Fails also: not_found.
  virtual std::vector<PartInfo> list_parts(const std::string& key, const std::string& upload) = 0;
  // `parts`: all of the object's, from number 1, as put_part() gave them. Fails also: not_found;
  // corrupt when they are not what the store holds.
  virtual ObjectInfo complete_upload(const std::string& key,
                                     const std::string& upload,
                                     const std::vector<PartInfo>& parts) = 0;
  // Also of one that is not there any more; an object that was completed from it is durable then.
  virtual void abort_upload(const std::string& key, const std::string& upload) = 0;
  // Every upload to a key below `prefix`, which ends in `/`, and what puts that were cut left
  // there.
  virtual void abort_uploads(const std::string& prefix) = 0;

  // None: there is no such object.
  virtual std::optional<ObjectInfo> head(const std::string& key) = 0;
  // Reads see one object, never a mixture of two: Error{object_changed}. Fails also: not_found.
  virtual std::unique_ptr<tape::RangeSource> open(const std::string& key) = 0;

  // Objects whose keys begin with `prefix`, which is empty or ends in `/`, sorted by key.
  virtual void list(const std::string& prefix,
                    const std::function<void(const ObjectInfo&)>& visit) = 0;
  // The next components of keys below `prefix` that have more behind them, sorted.
  virtual std::vector<std::string> folders(const std::string& prefix) = 0;

  // Also of a key that is not there.
  virtual void remove(const std::string& key) = 0;
};

// A whole small object. Fails: not_found; corrupt when it has more than `limit` bytes.
tape::Bytes read_object(ObjectStore& store, const std::string& key, tape::ByteCount limit);

// Fails: Error{usage} unless `key` is a key.
void check_object_key(const std::string& key);

}  // namespace agent
