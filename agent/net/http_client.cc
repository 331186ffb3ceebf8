#include "net/http_client.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <ctime>
#include <exception>
#include <mutex>

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>

#include "net/http_error.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;

constexpr tape::ByteCount kErrorBodyMax = tape::ByteCount{64} << 10;
constexpr tape::ByteCount kHeadersMax = tape::ByteCount{128} << 10;
constexpr long kLimitedBufferBytes = 16L << 10;  // what is let pass goes at once
constexpr long kBufferBytes = 512L << 10;        // of libcurl, each way: few calls for large bodies
// A larger body is sent when the server said that it wants it. A smaller one is not worth the wait.
constexpr tape::ByteCount kAskFirstBytes = tape::ByteCount{1} << 20;
constexpr int kCurlTooLarge = 100;  // CURLE_TOO_LARGE, since libcurl 8.6

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  constexpr const char* kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

struct FreeStore {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};

// libcurl would say so, too, but of each request.
void check_bundle(const std::string& file) {
  const std::unique_ptr<X509_STORE, FreeStore> store(X509_STORE_new());
  if (store && X509_STORE_load_file(store.get(), file.c_str()) == 1) return;
  ERR_clear_error();
  throw Error(ErrorKind::usage, tape::shown(file) + ": no certificates can be read there",
              "--ca-bundle, or AWS_CA_BUNDLE: a file of certificates in PEM is expected");
}

// A query may carry a signature: it is nobody's to read.
std::string described(const HttpRequest& request) {
  return request.method + " " + shown_url(request.url);
}

// SIGPIPE of this thread waits, and one that came meanwhile is taken: libcurl leaves it alone, for
// it knows nothing of threads.
class NoBrokenPipes {
 public:
  NoBrokenPipes() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pending_ = is_pending();
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  NoBrokenPipes(const NoBrokenPipes&) = delete;
  NoBrokenPipes& operator=(const NoBrokenPipes&) = delete;
  ~NoBrokenPipes() {
    const timespec now{};
    if (!pending_ && is_pending()) ::sigtimedwait(&pipe_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  static bool is_pending() {
    sigset_t pending;
    sigemptyset(&pending);
    ::sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
  }
  sigset_t pipe_{};
  sigset_t before_{};
  bool pending_ = false;
};

// One request on its way. What its callbacks throw comes out of run().
class Transfer {
 public:
  Transfer(const HttpRequest& request,
           const HttpOptions& options,
           CURL* handle,
           bool asks_first = true)
      : request_(request),
        options_(options),
        handle_(handle),
        asks_first_(asks_first && request.body.size() > kAskFirstBytes) {}

  HttpResponse run() {
    set_up();
    if (options_.counts != nullptr) ++options_.counts->requests;
    const CURLcode code = perform();
    if (failure_) std::rethrow_exception(failure_);
    if (code != CURLE_OK && !error_body_cut_) fail(code);
    // To libcurl, a connection that ends in the headers is the end of an answer.
    if (!headers_whole_)
      throw HttpError(HttpFailure::connection,
                      described(request_) + ": the answer was cut in its headers");
    finish();
    return std::move(response_);
  }

 private:
  // OpenSSL writes to sockets that may be closed; a program that reads should not die of it.
  CURLcode perform() {
    const NoBrokenPipes held;
    return curl_easy_perform(handle_);
  }

  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(handle_, option, value);
    if (code == CURLE_OUT_OF_MEMORY) throw Error(ErrorKind::exhausted, "no memory for a request");
    if (code != CURLE_OK)
      throw Error(ErrorKind::usage,
                  described(request_) + ": " + std::string(curl_easy_strerror(code)));
  }

  // A slow line, or a limit, is no failure: what is sent has its time on top.
  std::int64_t total_timeout_ms() const {
    constexpr std::int64_t kSlowBytesPerSecond = 512;
    const auto body = static_cast<std::int64_t>(request_.body.size());
    return options_.total_timeout.count() + body * 1000 / kSlowBytesPerSecond;
  }

  void set_up() {
    curl_easy_reset(handle_);  // connections stay
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_USERAGENT, options_.user_agent.c_str());
    if (!options_.ca_bundle.empty()) {
      set(CURLOPT_CAINFO, options_.ca_bundle.c_str());
      set(CURLOPT_CAPATH, nullptr);
    }
    if (!options_.unix_socket.empty()) set(CURLOPT_UNIX_SOCKET_PATH, options_.unix_socket.c_str());
    if (!options_.proxy_from_environment) set(CURLOPT_PROXY, "");
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(total_timeout_ms()));
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.idle_timeout.count()));
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_BUFFERSIZE,
        options_.download_limit == nullptr ? kBufferBytes : kLimitedBufferBytes);
    set(CURLOPT_UPLOAD_BUFFERSIZE,
        options_.upload_limit == nullptr ? kBufferBytes : kLimitedBufferBytes);
    set(CURLOPT_ERRORBUFFER, static_cast<char*>(error_text_));
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    set_method();
    set_headers();
  }

  void set_method() {
    const std::string& method = request_.method;
    if (method == "HEAD") return set(CURLOPT_NOBODY, 1L);
    if (method == "PUT" || method == "POST") {
      const auto size = static_cast<curl_off_t>(request_.body.size());
      set(CURLOPT_READFUNCTION, &Transfer::on_read);
      set(CURLOPT_READDATA, static_cast<void*>(this));
      // A kept connection may turn out to be dead when some of the body has gone.
      set(CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
      set(CURLOPT_SEEKDATA, static_cast<void*>(this));
      set(method == "PUT" ? CURLOPT_UPLOAD : CURLOPT_POST, 1L);
      set(method == "PUT" ? CURLOPT_INFILESIZE_LARGE : CURLOPT_POSTFIELDSIZE_LARGE, size);
      return;
    }
    set(CURLOPT_HTTPGET, 1L);
    if (method != "GET") set(CURLOPT_CUSTOMREQUEST, method.c_str());
  }

  void set_headers() {
    add_header("Accept-Encoding: identity");
    for (const HttpHeader& header : request_.headers) {
      constexpr std::string_view kUnclean("\r\n\0", 3);
      const bool clean = !header.name.empty() &&
                         header.name.find_first_of(kUnclean) == std::string::npos &&
                         header.name.find(':') == std::string::npos &&
                         header.value.find_first_of(kUnclean) == std::string::npos;
      if (!clean)
        throw Error(ErrorKind::usage, "header \"" + tape::shown(header.name) +
                                          "\": a line break, a NUL or a colon in it, or no name");
      // `Name;` is how libcurl sends a header without a value.
      const bool blank = trimmed(header.value).empty();
      add_header(blank ? header.name + ";" : header.name + ": " + header.value);
    }
    if (!asks_first_) add_header("Expect:");
    if (request_.method == "POST" && !has_header("Content-Type")) add_header("Content-Type:");
    set(CURLOPT_HTTPHEADER, headers_.get());
  }

  bool has_header(std::string_view name) const {
    return std::any_of(request_.headers.begin(), request_.headers.end(),
                       [&](const HttpHeader& header) { return same_name(header.name, name); });
  }

  void add_header(const std::string& line) {
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) throw Error(ErrorKind::exhausted, "no memory for a request");
    static_cast<void>(headers_.release());
    headers_.reset(longer);
  }

  // What a callback throws ends the transfer: libcurl is C.
  template <class Step>
  std::size_t guarded(std::size_t failed, Step step) {
    try {
      return step();
    } catch (...) {
      failure_ = std::current_exception();
      return failed;
    }
  }

  static std::size_t on_read(char* out, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    return transfer.guarded(CURL_READFUNC_ABORT, [&] { return transfer.give(out, size * count); });
  }
  static int on_seek(void* self, curl_off_t offset, int origin) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
    transfer.sent_ =
        std::min<std::size_t>(static_cast<std::size_t>(offset), transfer.request_.body.size());
    return CURL_SEEKFUNC_OK;
  }
  static std::size_t on_header(char* text, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    return transfer.guarded(0, [&] {
      transfer.take_header({text, size * count});
      return size * count;
    });
  }
  static std::size_t on_body(char* text, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    return transfer.guarded(0, [&] { return transfer.take_body({text, size * count}); });
  }

  std::size_t give(char* out, std::size_t room) {
    const std::size_t n = std::min(room, request_.body.size() - sent_);
    if (options_.upload_limit != nullptr) options_.upload_limit->pass(n);
    if (n > 0) std::memcpy(out, request_.body.data() + sent_, n);
    sent_ += n;
    if (options_.counts != nullptr) options_.counts->bytes_sent += n;
    return n;
  }

  void take_header(std::string_view line) {
    header_bytes_ += line.size();
    if (header_bytes_ > kHeadersMax) headers_too_large();
    if (line.starts_with("HTTP/")) {  // of 100 Continue, too: what counts is the last
      response_ = {};
      headers_whole_ = false;
      return;
    }
    if (trimmed(line).empty()) headers_whole_ = true;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    response_.headers.push_back({std::string(trimmed(line.substr(0, colon))),
                                 std::string(trimmed(line.substr(colon + 1)))});
  }

  std::size_t take_body(std::string_view text) {
    if (response_.status == 0) response_.status = status();
    if (options_.download_limit != nullptr) options_.download_limit->pass(text.size());
    if (options_.counts != nullptr) options_.counts->bytes_read += text.size();
    const tape::ByteView bytes = tape::as_bytes(text);
    const bool is_wanted =
        response_.ok() && (request_.sink_status == 0 || request_.sink_status == response_.status);
    if (is_wanted && request_.sink) {
      request_.sink(bytes);
      return text.size();
    }
    tape::Bytes& body = response_.body;
    const tape::ByteCount limit = is_wanted ? request_.body_limit : kErrorBodyMax;
    const std::size_t room = limit - std::min<tape::ByteCount>(limit, body.size());
    if (is_wanted && bytes.size() > room)
      throw Error(ErrorKind::corrupt, described(request_) + ": more than " + std::to_string(limit) +
                                          " bytes, which is all that was expected");
    body.insert(body.end(), bytes.begin(),
                bytes.begin() + static_cast<std::ptrdiff_t>(std::min(room, bytes.size())));
    error_body_cut_ = bytes.size() > room;
    return error_body_cut_ ? 0 : text.size();
  }

  int status() const {
    long code = 0;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &code);
    return static_cast<int>(code);
  }

  bool was_sent() const {
    long bytes = 0;
    curl_easy_getinfo(handle_, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > 0;
  }

  [[noreturn]] void headers_too_large() const {
    throw Error(ErrorKind::corrupt, described(request_) +
                                        ": the headers of the answer are larger than " +
                                        std::to_string(kHeadersMax) + " bytes");
  }

  void finish() {
    response_.status = status();
    curl_off_t seconds = 0;
    curl_easy_getinfo(handle_, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds > 0) response_.retry_after = std::chrono::seconds(seconds);
  }

  [[noreturn]] void fail(CURLcode code) const {
    const char* const text = error_text_[0] != '\0' ? error_text_ : curl_easy_strerror(code);
    const std::string what = described(request_) + ": " + tape::shown(text);
    // A line of a header has its own limit in libcurl, and is memory that it does not give.
    const bool in_headers = status() != 0 && !headers_whole_;
    if (in_headers && (code == CURLE_OUT_OF_MEMORY || static_cast<int>(code) == kCurlTooLarge))
      headers_too_large();
    // Of an answer that is not HTTP.
    if (code == CURLE_UNSUPPORTED_PROTOCOL && was_sent())
      throw HttpError(HttpFailure::connection, what);
    switch (code) {
      case CURLE_OPERATION_TIMEDOUT:
        throw HttpError(HttpFailure::time_out, what);
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_ISSUER_ERROR:
        throw HttpError(HttpFailure::denied, what, certificate_hint());
      case CURLE_SSL_CACERT_BADFILE:
        throw Error(ErrorKind::usage, what,
                    "--ca-bundle, or AWS_CA_BUNDLE: a file of certificates in PEM is expected");
      case CURLE_URL_MALFORMAT:
      case CURLE_UNSUPPORTED_PROTOCOL:
        throw Error(ErrorKind::usage, what);
      case CURLE_OUT_OF_MEMORY:
        throw Error(ErrorKind::exhausted, what);
      case CURLE_COULDNT_RESOLVE_HOST:
      case CURLE_COULDNT_CONNECT:
        throw HttpError(HttpFailure::connection, what,
                        "is the endpoint right, and the network up? the same command continues");
      case CURLE_SSL_CONNECT_ERROR:
        throw HttpError(HttpFailure::connection, what,
                        "does the server speak TLS on this port? http:// has to be typed");
      default:
        throw HttpError(HttpFailure::connection, what);
    }
  }

  const char* certificate_hint() const {
    long found = X509_V_OK;
    curl_easy_getinfo(handle_, CURLINFO_SSL_VERIFYRESULT, &found);
    switch (found) {
      case X509_V_OK:
      case X509_V_ERR_UNSPECIFIED:  // libcurl's before it has looked at the chain
        return "a certificate for another name: is the endpoint right?";
      case X509_V_ERR_CERT_HAS_EXPIRED:
      case X509_V_ERR_CERT_NOT_YET_VALID:
        return "is this machine's clock right?";
      default:
        return "a private authority's certificate is trusted with --ca-bundle FILE or "
               "AWS_CA_BUNDLE";
    }
  }

  const HttpRequest& request_;
  const HttpOptions& options_;
  CURL* const handle_;
  const bool asks_first_;
  HeaderList headers_;
  HttpResponse response_;
  std::exception_ptr failure_;
  std::size_t sent_ = 0;
  tape::ByteCount header_bytes_ = 0;
  bool headers_whole_ = false;
  bool error_body_cut_ = false;
  char error_text_[CURL_ERROR_SIZE] = {};
};

}  // namespace

// Each handle keeps its own connections; as many as sent at one time.
class HttpClient::Handles {
 public:
  Handles() {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
      throw Error(ErrorKind::exhausted, "libcurl cannot start");
  }
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;
  ~Handles() {
    idle_.clear();
    curl_global_cleanup();
  }

  Handle take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Handle out = std::move(idle_.back());
        idle_.pop_back();
        return out;
      }
    }
    Handle out(curl_easy_init());
    if (!out) throw Error(ErrorKind::exhausted, "no memory for a connection");
    return out;
  }
  void give_back(Handle handle) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(handle));
  }

 private:
  std::mutex mutex_;
  std::vector<Handle> idle_;
};

std::string shown_url(const std::string& url) {
  std::string out = url.substr(0, url.find_first_of("?#"));
  const std::size_t begin = out.find("://");
  const std::size_t host = begin == std::string::npos ? 0 : begin + 3;
  const std::size_t at = out.rfind('@', out.find('/', host));
  if (at != std::string::npos && at >= host) out.erase(host, at + 1 - host);
  return tape::shown(out);
}

std::string HttpResponse::header(std::string_view name) const {
  const auto found = std::find_if(headers.rbegin(), headers.rend(), [&](const HttpHeader& header) {
    return same_name(header.name, name);
  });
  return found == headers.rend() ? "" : found->value;
}

std::optional<std::chrono::system_clock::time_point> HttpResponse::date() const {
  const std::string text = header("Date");
  const std::time_t seconds = curl_getdate(text.c_str(), nullptr);
  if (text.empty() || seconds == -1) return std::nullopt;
  return std::chrono::system_clock::from_time_t(seconds);
}

HttpClient::HttpClient(HttpOptions options)
    : options_(std::move(options)), handles_(std::make_unique<Handles>()) {
  if (!options_.ca_bundle.empty()) check_bundle(options_.ca_bundle);
}

HttpClient::~HttpClient() = default;

HttpResponse HttpClient::send(const HttpRequest& request) {
  Handle handle = handles_->take();
  HttpResponse response = Transfer(request, options_, handle.get()).run();
  // RFC 9110 §10.1.1: a server may refuse to be asked first, and to nothing else.
  if (response.status == 417 && request.body.size() > kAskFirstBytes)
    response = Transfer(request, options_, handle.get(), false).run();
  handles_->give_back(std::move(handle));  // after a failure it is not trusted again
  return response;
}

}  // namespace agent
