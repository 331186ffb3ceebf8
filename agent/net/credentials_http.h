// How sources of credentials ask over HTTP.
//
// Threads: pure functions, and as HttpClient.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "net/clock.h"
#include "net/http_client.h"

namespace agent {

struct Attempts {
  int count = 1;
  Clock::Duration pause{0};  // in front of each but the first
};

// The first answer that is not worth another attempt, or that to the last one. Fails as
// HttpClient::send, but loses HttpError; and denied when the answer is larger than it may be.
HttpResponse ask(HttpClient& http,
                 const HttpRequest& request,
                 const Attempts& attempts,
                 Clock& clock);

// For what answers on this machine or its host: no proxy stands between.
HttpOptions local_options(std::chrono::milliseconds timeout);

// Fails: HttpError, "WHO: HTTP 403 CODE"; denied unless another attempt may help. `code` may be
// empty.
[[noreturn]] void refuse(const std::string& who,
                         const HttpResponse& response,
                         const std::string& code);

// Of an absolute URL; none: it is not of the form http[s]://HOST[:PORT][/...], or has a user name,
// blanks or control characters in it.
struct UrlParts {
  std::string scheme;
  std::string host;    // lower case; of IPv6 with its brackets
  std::string origin;  // as it stands, in front of the path
};
std::optional<UrlParts> parse_url(const std::string& url);

// localhost, 127.0.0.0/8, ::1.
bool is_loopback(const std::string& host);

}  // namespace agent
