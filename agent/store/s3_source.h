// One object of S3, read in ranges.
//
// Each read names the object's ETag, so all of them see one object.
// Fails:   object_changed; not_found; unsupported where the store gives no ranges; HttpError.
// Threads: any number of readers.
#pragma once
#include <string>

#include "store/object_store.h"
#include "store/s3_client.h"
#include "tape/io.h"

namespace agent {

class S3Source final : public tape::RangeSource {
 public:
  // `key`: whole. `known.etag` may be empty: then sizes alone are compared.
  S3Source(S3Client& client, std::string key, ObjectInfo known, std::vector<HttpHeader> headers)
      : client_(client),
        key_(std::move(key)),
        known_(std::move(known)),
        headers_(std::move(headers)) {}

  tape::ByteCount size() const override { return known_.size; }
  std::string name() const override { return tape::shown(client_.name_of(key_)); }
  void read_at(tape::GzOffset at, tape::MutableBytes out) const override;

 private:
  S3Client& client_;
  const std::string key_;
  const ObjectInfo known_;
  const std::vector<HttpHeader> headers_;  // a customer's key
};

}  // namespace agent
