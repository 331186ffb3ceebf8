// A store in a bucket of Amazon S3, or of what speaks its language.
//
// Every body that is sent is signed with its SHA-256, and parts and objects carry a Content-MD5: a
// bit that flips on the way is refused there. What a store answers is checked: ETags where they are
// MD5 (not with KMS or customer keys), sizes, ranges.
//
// Fails:   as ObjectStore says, with HttpError where the way to it failed; nothing is tried again
//          but what S3Client mends.
// Limits:  objects put at once: 5 GiB; 10 000 parts of 5 MiB to 5 GiB; a page of 1000 keys at a
//          time in memory.
// Threads: any number of callers.
// Spec:    Amazon S3 API Reference; docs/adr/0016.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "net/credentials.h"
#include "net/http_client.h"
#include "store/object_store.h"
#include "store/s3_options.h"

namespace agent {

// What a bucket does by itself below a prefix, as its lifecycle rules say. None: nothing.
struct BucketRules {
  std::optional<std::uint64_t> abort_uploads_days;
  std::optional<std::uint64_t> expire_days;  // 0: at a date
};

class S3Store : public ObjectStore {
 public:
  // The server's clock less this machine's.
  virtual std::chrono::seconds clock_ahead() = 0;
  // Whether a PUT with If-None-Match leaves an object that is there: `key`, of this content.
  virtual bool keeps_what_is_there(const std::string& key, tape::ByteView content) = 0;
  virtual BucketRules rules() = 0;
  // Whether anybody may, without credentials.
  virtual bool anybody_reads(const std::string& key) = 0;
  virtual bool anybody_lists() = 0;
  // For GET or PUT by anybody who has it. Fails: Error{usage}.
  virtual std::string presigned(const std::string& method,
                                const std::string& key,
                                std::uint32_t seconds) = 0;
};

// What is referred to must outlive the store.
struct S3Parts {
  HttpClient& http;
  CredentialsProvider& credentials;
  Clock& clock;
};
std::unique_ptr<S3Store> open_s3_store(const S3Parts& parts, S3Options options);

}  // namespace agent
