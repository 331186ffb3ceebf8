// HttpClient: one request, one answer. HTTP/1.1 and 2, TLS verified, connections kept.
//
// Nothing is followed, signed or tried again here.
//
// Fails:   HttpError connection, time_out, denied (certificate); corrupt when an answer is larger
//          than it may be; canceled. An answer with any status is no failure.
// Limits:  headers of an answer: 128 KiB; its body: as the request says, of an error 64 KiB are
// kept. Threads: any number of callers; a connection for each that sends at the same time. Spec:
// RFC 9110, RFC 9112, RFC 9113.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/rate_limit.h"
#include "net/transfer_counts.h"
#include "tape/bytes.h"
#include "tape/offset.h"

namespace agent {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // absolute; path and query are sent as they stand
  std::vector<HttpHeader> headers;
  tape::ByteView body;             // sent as it is read; valid until send() returns
  tape::ByteCount body_limit = 0;  // of a 2xx answer that is kept in memory
  // Takes the body of a 2xx answer, piece by piece, instead of memory; of `sink_status` alone when
  // it is not 0. Of other answers 64 KiB are kept, and the rest is not waited for.
  std::function<void(tape::ByteView)> sink;
  int sink_status = 0;
};

struct HttpResponse {
  int status = 0;
  std::vector<HttpHeader> headers;
  tape::Bytes body;

  std::optional<std::chrono::seconds> retry_after;

  // When the server says that it is. None: it does not.
  std::optional<std::chrono::system_clock::time_point> date() const;
  bool ok() const { return status >= 200 && status < 300; }
  // The last one of that name, without regard to case; empty when there is none.
  std::string header(std::string_view name) const;
};

// For messages: without user, password and query, which may be secrets.
std::string shown_url(const std::string& url);

struct HttpOptions {
  std::chrono::milliseconds connect_timeout{15'000};
  std::chrono::seconds idle_timeout{60};  // less than 1 byte a second, in either direction
  std::chrono::milliseconds total_timeout{3'600'000};
  std::string ca_bundle;  // a file; empty: the system's
  std::string user_agent = "ragtape";
  std::string unix_socket;  // connect there, whatever the URL's host is; empty: as the URL says
  bool proxy_from_environment = true;  // http_proxy, HTTPS_PROXY, NO_PROXY
  // May be null; must outlive the client.
  RateLimit* upload_limit = nullptr;
  RateLimit* download_limit = nullptr;
  TransferCounts* counts = nullptr;
};

class HttpClient {
 public:
  // Fails: usage when the bundle of certificates cannot be read.
  explicit HttpClient(HttpOptions options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  HttpResponse send(const HttpRequest& request);

 private:
  class Handles;
  HttpOptions options_;
  std::unique_ptr<Handles> handles_;
};

}  // namespace agent
