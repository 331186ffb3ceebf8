#include "store/s3_client.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "store/s3_xml.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::shown;

constexpr std::array<std::string_view, 2> kAwsDomains{".amazonaws.com", ".amazonaws.com.cn"};
constexpr std::size_t kMessageMax = 500;

struct KnownCode {
  std::string_view code;
  HttpFailure failure;
  const char* hint;
};
constexpr std::array kKnownCodes{
    KnownCode{"NoSuchBucket", HttpFailure::not_found,
              "is the name right, and the endpoint? buckets are made with the store's own tools"},
    KnownCode{
        "AccessDenied", HttpFailure::denied,
        "these credentials may not do this here: docs/operations.md lists what a backup needs"},
    KnownCode{"InvalidAccessKeyId", HttpFailure::denied,
              "the store does not know this access key: is it for another store?"},
    KnownCode{"SignatureDoesNotMatch", HttpFailure::denied, "is the secret key right?"},
    KnownCode{"ExpiredToken", HttpFailure::denied,
              "the credentials have expired: get new ones; the same command continues"},
    KnownCode{"InvalidToken", HttpFailure::denied, "is the session token of this access key?"},
    KnownCode{"RequestTimeTooSkewed", HttpFailure::denied, "set this machine's clock right"},
    KnownCode{"PreconditionFailed", HttpFailure::changed, ""},
    KnownCode{"InvalidRange", HttpFailure::unsatisfiable, ""},
    KnownCode{"SlowDown", HttpFailure::throttled, ""},
    KnownCode{"TooManyRequests", HttpFailure::throttled, ""},
    KnownCode{"RequestTimeout", HttpFailure::time_out, ""},
    KnownCode{"OperationAborted", HttpFailure::server, ""},
    // Of two conditional writes at one time: neither is known to have won.
    KnownCode{"ConditionalRequestConflict", HttpFailure::server, ""},
    KnownCode{"InternalError", HttpFailure::server, ""},
    KnownCode{"NotImplemented", HttpFailure::refused,
              "the store does not know a thing that was asked of it: an option, perhaps?"},
    // What was sent is not what arrived: a signed SHA-256 finds any bit that flipped on the way.
    KnownCode{"BadDigest", HttpFailure::garbled, ""},
    KnownCode{"InvalidDigest", HttpFailure::garbled, ""},
    KnownCode{"XAmzContentSHA256Mismatch", HttpFailure::garbled, ""},
    KnownCode{"IncompleteBody", HttpFailure::garbled, ""},
    KnownCode{"MalformedXML", HttpFailure::garbled, ""},
};

const KnownCode* known(const std::string& code) {
  const auto* const found = std::find_if(kKnownCodes.begin(), kKnownCodes.end(),
                                         [&](const KnownCode& k) { return k.code == code; });
  return found == kKnownCodes.end() ? nullptr : found;
}

// s3.amazonaws.com, s3.eu-west-1.amazonaws.com. Another one, such as that of a private network, was
// typed for a reason.
bool is_of_a_region(std::string_view host, std::string_view domain) {
  if (!host.starts_with("s3") || !host.ends_with(domain)) return false;
  const std::string_view middle = host.substr(2, host.size() - 2 - domain.size());
  return middle.empty() || (middle.front() == '.' && middle.find('.', 1) == std::string_view::npos);
}

bool fits_host_name(const std::string& bucket) {
  return bucket.find('_') == std::string::npos && bucket.find('.') == std::string::npos &&
         std::none_of(bucket.begin(), bucket.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

S3Client::S3Client(const Context& context, const S3Options& options)
    : context_(context), options_(options), place_{options.endpoint.host, options.region} {}

std::string S3Client::name_of(const std::string& key) const {
  return "s3://" + options_.location.bucket + (key.empty() ? "" : "/" + key);
}

S3Client::Place S3Client::place() const {
  const std::lock_guard lock(mutex_);
  return place_;
}

S3Client::Signing S3Client::signing() const {
  return {place(), std::chrono::seconds(skew_seconds_.load()), context_.credentials.get()};
}

// Of its headers only those of `request`.
UnsignedRequest S3Client::unsigned_request(const S3Request& request, const Place& place) const {
  const std::string& bucket = options_.location.bucket;
  // A certificate for *.s3.… does not cover a bucket with a dot.
  const bool path_style = options_.path_style == PathStyle::on ||
                          (options_.path_style == PathStyle::automatic &&
                           (!options_.endpoint.is_aws || !fits_host_name(bucket)));
  UnsignedRequest out;
  out.method = request.method;
  out.scheme = options_.endpoint.scheme;
  out.host = path_style ? place.host : bucket + "." + place.host;
  out.path = (path_style ? "/" + bucket + "/" : "/") + request.key;
  out.query = request.query;
  out.headers = request.headers;
  return out;
}

HttpResponse S3Client::send_once(const S3Request& request, const Signing& signing) {
  UnsignedRequest plain = unsigned_request(request, signing.place);
  if (options_.requester_pays) plain.headers.push_back({"x-amz-request-payer", "requester"});
  plain.payload_sha256 =
      tape::hex(request.body_sha256 ? *request.body_sha256 : tape::sha256(request.body));
  // Signed anew each time: the moment is part of it.
  SignedRequest ready =
      signed_request(plain, signing.credentials,
                     {signing.place.region, "s3", context_.clock.now() + signing.skew});
  HttpRequest http;
  http.method = request.method;
  http.url = std::move(ready.url);
  http.headers = std::move(ready.headers);
  http.body = request.body;
  http.body_limit = request.body_limit;
  http.sink = request.sink;
  http.sink_status = request.sink_status;
  return context_.http.send(http);
}

bool S3Client::is_answer(const HttpResponse& response, std::initializer_list<int> accepted) {
  const bool named = std::find(accepted.begin(), accepted.end(), response.status) != accepted.end();
  return named || (response.ok() && !failure_in(response.body));
}

HttpResponse S3Client::send_or(const S3Request& request, std::initializer_list<int> accepted) {
  Mends done;
  for (;;) {
    const Signing now = signing();
    HttpResponse response = send_once(request, now);
    if (!response.ok()) {
      response = explained(request, now, std::move(response));
      if (mend(response, now, done)) continue;
    }
    if (!is_answer(response, accepted)) fail(request, response);
    return response;
  }
}

HttpResponse S3Client::send(const S3Request& request) {
  return send_or(request, {});
}

// An answer to HEAD has no body to say why: the same is asked with GET, for one byte.
HttpResponse S3Client::explained(const S3Request& request,
                                 const Signing& signing,
                                 HttpResponse response) {
  const bool unclear = response.status == 400 || response.status == 403 || response.status == 301;
  if (request.method != "HEAD" || !unclear) return response;
  S3Request question;
  question.method = "GET";
  question.key = request.key;
  question.headers = request.headers;
  question.headers.push_back({"Range", "bytes=0-0"});
  question.sink = [](tape::ByteView) {};
  HttpResponse answer = send_once(question, signing);
  return answer.ok() ? response : answer;
}

// Whether the same request may succeed now. What was wrong is compared with what was used: of many
// callers who are told the same at the same time, each tries again.
bool S3Client::mend(const HttpResponse& response, const Signing& used, Mends& done) {
  const S3Failure said = failure_in(response.body).value_or(S3Failure{});
  if (mend_place(response, said.region, used.place)) return !std::exchange(done.place, true);
  if (said.code == "RequestTimeTooSkewed")
    return !std::exchange(done.clock, true) && mend_clock(response, used.skew);
  if (said.code == "ExpiredToken" || said.code == "TokenRefreshRequired")
    return !std::exchange(done.credentials, true) && mend_credentials(used.credentials);
  return false;
}

// 301, 307 and 400 tell where the bucket is. A signature goes to AWS's own hosts or nowhere else.
bool S3Client::mend_place(const HttpResponse& response,
                          const std::string& said,
                          const Place& used) {
  const bool moved = response.status == 301 || response.status == 307 || response.status == 400;
  const std::string header = response.header("x-amz-bucket-region");
  const std::string region = header.empty() ? said : header;
  if (!moved || !is_region(region) || region == used.region) return false;
  const std::lock_guard lock(mutex_);
  place_.region = region;
  for (const std::string_view domain : kAwsDomains) {
    if (is_of_a_region(place_.host, domain)) place_.host = "s3." + region + std::string(domain);
  }
  return true;
}

bool S3Client::mend_clock(const HttpResponse& response, std::chrono::seconds used) {
  const auto theirs = response.date();
  if (!theirs) return false;
  const auto skew =
      std::chrono::duration_cast<std::chrono::seconds>(*theirs - context_.clock.now());
  skew_seconds_ = skew.count();
  return skew != used;
}

bool S3Client::mend_credentials(const Credentials& used) {
  context_.credentials.expired(used);
  const Credentials fresh = context_.credentials.get();
  return fresh.session_token != used.session_token || fresh.access_key != used.access_key;
}

// What a server says, of which a line is enough. It may have been told secrets, and be one that
// tells all it knows.
std::string S3Client::told(const S3Failure& said, const S3Request& request) const {
  Credentials ours;
  static_cast<void>(tape::failure_of([&] { ours = context_.credentials.get(); }));
  std::vector<std::string> secrets{ours.secret_key, ours.session_token};
  for (const HttpHeader& header : request.headers) {
    if (header.name.ends_with("-customer-key")) secrets.push_back(header.value);
  }
  std::string out = said.message == said.code ? "" : said.message;
  for (const std::string& secret : secrets) {
    for (std::size_t at = 0; !secret.empty() && (at = out.find(secret)) != std::string::npos;)
      out.replace(at, secret.size(), "(secret)");
  }
  const bool cut = out.size() > kMessageMax;
  return shown(said.code) + (out.empty() ? "" : ": " + shown(out.substr(0, kMessageMax))) +
         (cut ? "..." : "");
}

void S3Client::fail(const S3Request& request, const HttpResponse& response) const {
  const S3Failure said = failure_in(response.body).value_or(S3Failure{});
  const KnownCode* const code = known(said.code);
  const bool redirected = response.status >= 300 && response.status < 400;
  std::string hint = code != nullptr ? code->hint : "";
  if (redirected && code == nullptr)
    hint = "the store is elsewhere: --endpoint and --region name it";
  std::string what = request.method + " " + shown(name_of(request.key)) + ": HTTP " +
                     std::to_string(response.status);
  if (!said.code.empty()) what += " " + told(said, request);
  // What a customer's key seals cannot be read without it; to say that it is damaged would be a
  // lie.
  const bool is_sealed = response.status == 400 && !request.key.empty() &&
                         (request.method == "GET" || request.method == "HEAD") &&
                         said.message.find("ncryption") != std::string::npos;
  if (is_sealed)
    throw HttpError(HttpFailure::denied, what,
                    "was it stored with a key of its own? --sse customer:FILE");
  // What takes long is answered with a success before it is done, and fails on the server.
  const HttpFailure by_status =
      response.ok() ? HttpFailure::server : failure_of_status(response.status);
  HttpError error(failure_of_code(said.code).value_or(by_status), what, hint);
  error.set_retry_after(response.retry_after);
  throw HttpError(error);
}

std::optional<HttpFailure> S3Client::failure_of_code(const std::string& code) {
  const KnownCode* const found = known(code);
  return found == nullptr ? std::nullopt : std::optional(found->failure);
}

HttpResponse S3Client::send_unsigned(const S3Request& request) {
  HttpRequest http;
  http.method = request.method;
  http.url = url_of(unsigned_request(request, place()));
  http.body_limit = request.body_limit;
  http.sink = request.sink;
  return context_.http.send(http);
}

std::string S3Client::presigned(const std::string& method,
                                const std::string& key,
                                std::uint32_t seconds) {
  if (method != "GET" && method != "PUT")
    throw tape::Error(tape::ErrorKind::usage,
                      "a URL for others is to GET or to PUT, not to " + shown(method));
  S3Request request;
  request.method = method;
  request.key = key;
  const Signing now = signing();
  return presigned_url(unsigned_request(request, now.place), now.credentials,
                       {now.place.region, "s3", context_.clock.now() + now.skew}, seconds);
}

}  // namespace agent
