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
#include <memory>
#include <string>

#include "net/credentials.h"
#include "net/http_client.h"
#include "store/object_store.h"
#include "store/s3_options.h"

namespace agent {

class S3Store : public ObjectStore {
 public:
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
