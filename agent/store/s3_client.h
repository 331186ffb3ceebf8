// S3Client: signed requests to one bucket, and typed errors.
//
// Mended here, once for each request: another region, a clock that is off, credentials that have
// expired.
//
// Fails:   as HttpClient does; HttpError of every answer that is not a success, from its status and
//          S3's own code. Neither names a secret.
// Threads: any number of callers.
// Spec:    Amazon S3 API Reference, "Error responses"; docs/adr/0016.
#pragma once
#include <atomic>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/credentials.h"
#include "net/http_client.h"
#include "net/http_error.h"
#include "net/sigv4.h"
#include "store/s3_options.h"
#include "store/s3_xml.h"
#include "tape/digest.h"

namespace agent {

struct S3Request {
  std::string method;
  std::string key;  // whole; empty: of the bucket
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<HttpHeader> headers;
  tape::ByteView body;
  std::optional<tape::Sha256> body_sha256;  // where it is known already
  tape::ByteCount body_limit = 0;
  std::function<void(tape::ByteView)> sink;  // as of HttpRequest
  int sink_status = 0;
};

class S3Client {
 public:
  struct Context {
    HttpClient& http;
    CredentialsProvider& credentials;
    Clock& clock;
  };
  // What is referred to must outlive this.
  S3Client(const Context& context, const S3Options& options);

  // Returns 2xx only.
  HttpResponse send(const S3Request& request);
  // The same, but these statuses are answers, too. With 200 among them a success that holds an
  // error is one; else it is that error.
  HttpResponse send_or(const S3Request& request, std::initializer_list<int> accepted);
  // Throws what the answer to `request` says; it may be a success by its status only.
  [[noreturn]] void fail(const S3Request& request, const HttpResponse& response) const;

  // Without a signature: what anybody gets.
  HttpResponse send_unsigned(const S3Request& request);
  // Good for anybody who has it, for so many seconds. `method`: GET or PUT. Fails also:
  // Error{usage}.
  std::string presigned(const std::string& method, const std::string& key, std::uint32_t seconds);

  // For messages. What a store says is cut to a line, and what we told it in secret is not in it.
  std::string name_of(const std::string& key) const;
  std::string told(const S3Failure& said, const S3Request& request) const;
  // Of a code that says more than a status.
  static std::optional<HttpFailure> failure_of_code(const std::string& code);

 private:
  // Where the bucket is, as far as is known: what one request learns holds for all.
  struct Place {
    std::string host;  // of the endpoint
    std::string region;
  };
  // What one attempt is signed with.
  struct Signing {
    Place place;
    std::chrono::seconds skew;
    Credentials credentials;
  };
  // What was mended in one request.
  struct Mends {
    bool place = false;
    bool clock = false;
    bool credentials = false;
  };

  Place place() const;
  Signing signing() const;
  UnsignedRequest unsigned_request(const S3Request& request, const Place& place) const;
  HttpResponse send_once(const S3Request& request, const Signing& signing);
  static bool is_answer(const HttpResponse& response, std::initializer_list<int> accepted);
  HttpResponse explained(const S3Request& request, const Signing& signing, HttpResponse response);
  bool mend(const HttpResponse& response, const Signing& used, Mends& done);
  bool mend_place(const HttpResponse& response, const std::string& said, const Place& used);
  bool mend_clock(const HttpResponse& response, std::chrono::seconds used);
  bool mend_credentials(const Credentials& used);

  const Context context_;
  const S3Options& options_;
  mutable std::mutex mutex_;  // of this one
  Place place_;
  // The server's clock less this machine's, once a request failed by it.
  std::atomic<std::int64_t> skew_seconds_ = 0;
};

}  // namespace agent
