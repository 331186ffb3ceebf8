// One object of S3, read in ranges.
//
// Each read names the object's ETag, that of the first answer where none is known, so all of them
// see one object.
// Fails:   object_changed; not_found; unsupported where the store gives no ranges; HttpError.
// Threads: any number of readers.
#pragma once
#include <mutex>
#include <string>

#include "store/object_store.h"
#include "store/s3_client.h"
#include "tape/error.h"
#include "tape/io.h"

namespace agent {

class S3Source final : public tape::RangeSource {
 public:
  // `key`: whole. `known.etag` may be empty.
  S3Source(S3Client& client, std::string key, ObjectInfo known, std::vector<HttpHeader> headers)
      : client_(client),
        key_(std::move(key)),
        size_(known.size),
        headers_(std::move(headers)),
        etag_(std::move(known.etag)) {}

  tape::ByteCount size() const override { return size_; }
  std::string name() const override { return tape::shown(client_.name_of(key_)); }
  void read_at(tape::GzOffset at, tape::MutableBytes out) const override;

 private:
  void check(const HttpResponse& response, const std::string& range, bool whole) const;
  std::string etag() const;
  void must_have_etag(const std::string& found) const;

  S3Client& client_;
  const std::string key_;
  const tape::ByteCount size_;
  const std::vector<HttpHeader> headers_;  // a customer's key
  mutable std::mutex mutex_;               // of this one
  mutable std::string etag_;               // empty: not known yet
};

}  // namespace agent
