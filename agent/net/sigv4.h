// AWS Signature Version 4: what is sent and what is signed come from one place.
//
// Threads: pure functions.
// Spec:    AWS "Signature Version 4 for API requests", S3's own variant: the path is encoded once
//          and not normalized.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/clock.h"
#include "net/credentials.h"
#include "net/http_client.h"

namespace agent {

inline constexpr const char* kUnsignedPayload = "UNSIGNED-PAYLOAD";

// RFC 3986 §2.3: all but unreserved bytes as %XX; with `keep_slash` a `/` stays.
std::string percent_encoded(std::string_view text, bool keep_slash = false);

struct SigningScope {
  std::string region;
  std::string service = "s3";
  Clock::Time time;
};

// Nothing here is encoded.
struct UnsignedRequest {
  std::string method;
  std::string scheme;  // "https"
  std::string host;    // with the port where it is not the scheme's own: as the header has it
  std::string path;    // from `/` on
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<HttpHeader> headers;  // all of them are signed; one value a name
  std::string payload_sha256;       // lower case hex, or kUnsignedPayload
};

// Where it goes, as it is signed.
std::string url_of(const UnsignedRequest& request);

struct SignedRequest {
  std::string url;
  std::vector<HttpHeader> headers;  // Host is not among them: it follows from the URL
};

// Adds x-amz-date, x-amz-content-sha256, with a session token x-amz-security-token, and
// Authorization.
SignedRequest signed_request(const UnsignedRequest& request,
                             const Credentials& credentials,
                             const SigningScope& scope);

// A URL that carries its signature and is good for `seconds` (1 .. 604800): for GET and PUT without
// credentials. Its payload is not signed; `request.headers` must be sent along. Fails:
// Error{usage}.
std::string presigned_url(const UnsignedRequest& request,
                          const Credentials& credentials,
                          const SigningScope& scope,
                          std::uint32_t seconds);

// For tests against published examples.
std::string canonical_request(const UnsignedRequest& request);

}  // namespace agent
