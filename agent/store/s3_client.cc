#include "store/s3_client.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "store/s3_xml.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::shown;

constexpr int kMendsMax = 3;  // a region, a clock, credentials
constexpr std::string_view kAwsDomain = ".amazonaws.com";

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
    KnownCode{"InternalError", HttpFailure::server, ""},
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

bool fits_host_name(const std::string& bucket) {
  return bucket.find('_') == std::string::npos && bucket.find('.') == std::string::npos &&
         std::none_of(bucket.begin(), bucket.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

S3Client::S3Client(const Context& context, const S3Options& options)
    : context_(context), options_(options), region_(options.region), host_(options.endpoint.host) {}

std::string S3Client::name_of(const std::string& key) const {
  return "s3://" + options_.location.bucket + (key.empty() ? "" : "/" + key);
}

S3Client::Target S3Client::target(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const std::string& bucket = options_.location.bucket;
  // A certificate for *.s3.… does not cover a bucket with a dot.
  const bool path_style = options_.path_style == PathStyle::on ||
                          (options_.path_style == PathStyle::automatic &&
                           (!options_.endpoint.is_aws || !fits_host_name(bucket)));
  if (path_style) return {options_.endpoint.scheme, host_, "/" + bucket + "/" + key, region_};
  return {options_.endpoint.scheme, bucket + "." + host_, "/" + key, region_};
}

HttpResponse S3Client::send_once(const S3Request& request, const Credentials& credentials) {
  const Target to = target(request.key);
  UnsignedRequest unsigned_request{request.method, to.scheme,       to.host, to.path,
                                   request.query,  request.headers, ""};
  if (options_.requester_pays)
    unsigned_request.headers.push_back({"x-amz-request-payer", "requester"});
  unsigned_request.payload_sha256 =
      tape::hex(request.body_sha256 ? *request.body_sha256 : tape::sha256(request.body));
  // Signed anew each time: the moment is part of it.
  SignedRequest ready = signed_request(unsigned_request, credentials,
                                       {to.region, "s3", context_.clock.now() + skew()});
  HttpRequest http;
  http.method = request.method;
  http.url = std::move(ready.url);
  http.headers = std::move(ready.headers);
  http.body = request.body;
  http.body_limit = request.body_limit;
  http.sink = request.sink;
  return context_.http.send(http);
}

HttpResponse S3Client::send_or(const S3Request& request, std::initializer_list<int> accepted) {
  Credentials credentials = context_.credentials.get();
  for (int mends = 0;; ++mends) {
    HttpResponse response = send_once(request, credentials);
    if (response.ok()) return response;
    response = explained(request, std::move(response));
    const auto better = mends < kMendsMax ? mended(response, credentials) : std::nullopt;
    if (better) {
      credentials = *better;
      continue;
    }
    if (std::find(accepted.begin(), accepted.end(), response.status) == accepted.end())
      fail(request, response);
    return response;
  }
}

HttpResponse S3Client::send(const S3Request& request) {
  return send_or(request, {});
}

// An answer to HEAD has no body to say why: the same is asked with GET, for one byte.
HttpResponse S3Client::explained(const S3Request& request, HttpResponse response) {
  const bool unclear = response.status == 400 || response.status == 403 || response.status == 301;
  if (request.method != "HEAD" || !unclear) return response;
  S3Request question;
  question.method = "GET";
  question.key = request.key;
  question.headers = request.headers;
  question.headers.push_back({"Range", "bytes=0-0"});
  question.sink = [](tape::ByteView) {};
  HttpResponse answer = send_once(question, context_.credentials.get());
  return answer.ok() ? response : answer;
}

// What to sign the same request with again; none: there is nothing to mend.
std::optional<Credentials> S3Client::mended(const HttpResponse& response, const Credentials& used) {
  const S3Failure said = failure_in(response.body).value_or(S3Failure{});
  if (mend_region(response, said.region)) return used;
  if (said.code == "RequestTimeTooSkewed") {
    const auto theirs = response.date();
    const bool first = skew_seconds_ == 0;
    if (!theirs || !first) return std::nullopt;
    skew_seconds_ =
        std::chrono::duration_cast<std::chrono::seconds>(*theirs - context_.clock.now()).count();
    return used;
  }
  if (said.code == "ExpiredToken" || said.code == "TokenRefreshRequired") {
    context_.credentials.expired(used);
    Credentials fresh = context_.credentials.get();
    if (fresh.session_token == used.session_token) return std::nullopt;
    return fresh;
  }
  return std::nullopt;
}

// 301, 307 and 400 tell where the bucket is. A signature goes to AWS's own hosts or nowhere else.
bool S3Client::mend_region(const HttpResponse& response, const std::string& said) {
  const bool moved = response.status == 301 || response.status == 307 || response.status == 400;
  const std::string header = response.header("x-amz-bucket-region");
  const std::string region = header.empty() ? said : header;
  const bool clean = region.size() <= 64 && region.find_first_of("/:@?# ") == std::string::npos;
  const std::lock_guard lock(mutex_);
  if (!moved || region.empty() || !clean || region == region_) return false;
  region_ = region;
  if (options_.endpoint.is_aws && host_.ends_with(kAwsDomain))
    host_ = "s3." + region + std::string(kAwsDomain);
  return true;
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
  if (!said.code.empty()) what += " " + shown(said.code);
  if (!said.message.empty() && said.message != said.code) what += ": " + shown(said.message);
  HttpError error(code != nullptr ? code->failure : failure_of_status(response.status), what, hint);
  error.set_retry_after(response.retry_after);
  throw HttpError(error);
}

HttpResponse S3Client::send_unsigned(const S3Request& request) {
  const Target to = target(request.key);
  UnsignedRequest plain{request.method, to.scheme, to.host, to.path, request.query, {}, ""};
  HttpRequest http;
  http.method = request.method;
  http.url = url_of(plain);
  http.body_limit = request.body_limit;
  http.sink = request.sink;
  return context_.http.send(http);
}

std::string S3Client::presigned(const std::string& method,
                                const std::string& key,
                                std::uint32_t seconds) {
  const Target to = target(key);
  return presigned_url({method, to.scheme, to.host, to.path, {}, {}, ""},
                       context_.credentials.get(), {to.region, "s3", context_.clock.now() + skew()},
                       seconds);
}

}  // namespace agent
