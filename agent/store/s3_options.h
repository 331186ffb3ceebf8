// What a user may say about an S3 store.
//
// Threads: values.
// Spec:    docs/cli.md "S3".
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/clock.h"

namespace agent {

// s3://bucket/prefix.
struct S3Location {
  std::string bucket;
  std::string prefix;  // without a `/` at either end; may be empty
};
// Fails: Error{usage}.
S3Location parse_s3_location(const std::string& url);

// A name as eu-central-1. It becomes part of a host's name, so it is no more than one of the parts
// of one.
bool is_region(const std::string& name);

// Where requests go.
struct S3Endpoint {
  std::string scheme = "https";
  std::string host;  // with the port where it is not the scheme's own
  bool is_aws = false;
};
// `typed`: a URL, or a host and port, which is https; empty: AWS's own in `region`.
// Fails: Error{usage}.
S3Endpoint parse_endpoint(const std::string& typed, const std::string& region);

enum class PathStyle { automatic, on, off };  // automatic: on for all but AWS's own

struct ServerSideEncryption {
  enum class Kind { none, aes256, kms, customer };
  Kind kind = Kind::none;
  std::string kms_key;       // empty: the bucket's
  std::string customer_key;  // 32 bytes: a secret
};
// `AES256`, `aws:kms[:KEY]`, `customer:FILE` (32 bytes, or their base64). Fails: Error{usage}; as
// open_file_source() does.
ServerSideEncryption parse_encryption(const std::string& typed);

struct ObjectLock {
  std::string mode;  // GOVERNANCE, COMPLIANCE
  Clock::Time retain_until;
};
// `governance:30d`, `compliance:2027-01-31` or `…T12:00:00Z`, within 100 years. Fails:
// Error{usage}.
ObjectLock parse_object_lock(const std::string& typed, Clock::Time now);

struct S3Options {
  S3Location location;
  S3Endpoint endpoint;
  std::string region;
  PathStyle path_style = PathStyle::automatic;
  std::string storage_class;  // of volumes; manifests are read at every start
  ServerSideEncryption encryption;
  std::vector<std::pair<std::string, std::string>> tags;
  std::optional<ObjectLock> lock;
  bool requester_pays = false;
  std::string acl;
};

}  // namespace agent
