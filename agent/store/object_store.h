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
  // Seconds since 1970; of list() alone, and where the store says so.
  std::optional<std::int64_t> modified{};
};

struct PartInfo {
  std::uint32_t number = 0;  // from 1
  tape::ByteCount size = 0;
  std::string etag;  // what complete_upload() wants back
};

inline constexpr std::uint32_t kPartCountMax = 9500;  // object stores take 10 000

// An upload that was begun and neither completed nor aborted.
struct UploadInfo {
  std::string key;  // where a store does not know it: the folder's, with the upload's own name
  std::string upload;
  std::int64_t begun = 0;  // seconds since 1970, by the store's clock
};

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

  // Canonical, for messages: a URL or an absolute path.
  virtual std::string name() const = 0;
  // What keeps this store apart from all others: of one behind a network also the server.
  virtual std::string identity() const { return name(); }

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
  // How many parts an upload may have, and how small all but the last may be.
  virtual std::uint32_t part_count_max() const { return kPartCountMax; }
  virtual tape::ByteCount part_size_min() const { return 1; }
  // By number. Fails also: not_found.
  virtual std::vector<PartInfo> list_parts(const std::string& key, const std::string& upload) = 0;
  // `parts`: all of the object's, from number 1, as put_part() gave them. Of an upload that was
  // completed with the same ones the same object again, as long as it is there and, as far as the
  // store can tell, is made of these parts. Fails also: not_found;
  // corrupt when they are not what the store holds.
  virtual ObjectInfo complete_upload(const std::string& key,
                                     const std::string& upload,
                                     const std::vector<PartInfo>& parts) = 0;
  // Also of one that is not there any more; an object that was completed from it is durable then.
  virtual void abort_upload(const std::string& key, const std::string& upload) = 0;
  // Every upload to a key below `prefix`, which ends in `/`, and what puts that were cut left
  // there.
  virtual void abort_uploads(const std::string& prefix) = 0;
  // All of them below `prefix`, which is empty or ends in `/`; abort_upload() takes each.
  virtual std::vector<UploadInfo> list_uploads(const std::string& prefix) = 0;

  // None: there is no such object.
  virtual std::optional<ObjectInfo> head(const std::string& key) = 0;
  // Reads see one object, never a mixture of two: Error{object_changed}. Fails also: not_found.
  virtual std::unique_ptr<tape::RangeSource> open(const std::string& key) = 0;
  // The same of an object whose size, and ETag if it has one, are known: a store behind a network
  // asks nothing before the first read. Another object there is object_changed.
  virtual std::unique_ptr<tape::RangeSource> open_known(const ObjectInfo& known) = 0;
  // A whole small object. Fails also: not_found; corrupt when it has more than `limit` bytes.
  virtual tape::Bytes get(const std::string& key, tape::ByteCount limit) = 0;

  // Objects whose keys begin with `prefix`, which is empty or ends in `/`, sorted by key.
  virtual void list(const std::string& prefix,
                    const std::function<void(const ObjectInfo&)>& visit) = 0;
  // The next components of keys below `prefix` that have more behind them, sorted.
  virtual std::vector<std::string> folders(const std::string& prefix) = 0;

  // Also of a key that is not there.
  virtual void remove(const std::string& key) = 0;
  // Of many, in few requests where the store can. After a failure some of them may be gone.
  virtual void remove_all(const std::vector<std::string>& keys) = 0;
};

// get(), for stores to whom an object is an open file.
tape::Bytes read_whole(const tape::RangeSource& source, tape::ByteCount limit);

// Runs what tidies up: a backup that may not delete, in a store that knows nothing of it, is a
// backup all the same (docs/operations.md). Fails: transient, canceled.
void tidy(const std::function<void()>& step);

// Fails: Error{usage} unless `key` is a key.
void check_object_key(const std::string& key);

}  // namespace agent
