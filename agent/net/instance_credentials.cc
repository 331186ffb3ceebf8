#include "net/instance_credentials.h"

#include <algorithm>
#include <chrono>

#include "net/credentials_answer.h"
#include "net/credentials_http.h"
#include "net/http_client.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;

constexpr std::chrono::milliseconds kTimeout{1000};
constexpr Attempts kAttempts{2, Clock::Duration(0)};
constexpr const char* kTokenSeconds = "21600";
constexpr const char* kRolePath = "/latest/meta-data/iam/security-credentials/";
constexpr std::size_t kTokenSizeMax = 4096;  // bytes
constexpr std::size_t kRoleSizeMax = 128;    // bytes; IAM gives 64
// While it cannot renew keys the service goes on to hand out those that have run out, and they are
// taken: AWS calls that static stability.
constexpr std::chrono::minutes kExtension{10};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

std::string endpoint(const Environment& environment) {
  const std::string variable = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
  std::string url = environment(variable);
  if (url.empty())
    return lower(environment(variable + "_MODE")) == "ipv6" ? "http://[fd00:ec2::254]"
                                                            : "http://169.254.169.254";
  if (!parse_url(url)) throw Error(ErrorKind::usage, variable + ": a URL expected");
  while (url.ends_with('/'))
    url.pop_back();
  return url;
}

// The one line that an answer is.
std::string line_of(const HttpResponse& response) {
  const std::string text = tape::as_text(response.body);
  return text.substr(0, text.find_first_of("\r\n"));
}

bool is_printable(const std::string& text, std::size_t size_max) {
  return !text.empty() && text.size() <= size_max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7F'; });
}

class Service {
 public:
  Service(std::string url, Clock& clock)
      : url_(std::move(url)),
        source_("instance metadata at " + shown(url_)),
        clock_(clock),
        http_(local_options(kTimeout)) {}

  InstanceAnswer credentials() {
    if (std::string why_not = get_token(); !why_not.empty()) return {std::nullopt, why_not};
    const HttpResponse roles = get(kRolePath);
    if (roles.status == 404) return {std::nullopt, "no role is attached to this instance"};
    if (!roles.ok()) refuse(source_, roles, "");
    const std::string role = line_of(roles);
    if (!is_printable(role, kRoleSizeMax) || role.find_first_of("/?#%") != std::string::npos)
      throw Error(ErrorKind::denied, source_ + ": the name of a role expected");
    return {of_role(role), ""};
  }

 private:
  // Why there is none; empty: there is.
  std::string get_token() {
    HttpRequest request;
    request.method = "PUT";
    request.url = url_ + "/latest/api/token";
    request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", kTokenSeconds}};
    request.body_limit = kAnswerSizeMax;
    HttpResponse response;
    const auto failure =
        tape::failure_of([&] { response = ask(http_, request, kAttempts, clock_); });
    if (failure && failure->kind() == ErrorKind::transient) return "no answer";
    if (failure) throw Error(*failure);
    // Without a token there are versions of this that anybody can be tricked to ask: not for us.
    if (response.status >= 300 && response.status < 500)
      return "no token: HTTP " + std::to_string(response.status);
    if (!response.ok()) refuse(source_, response, "");
    token_ = line_of(response);
    return is_printable(token_, kTokenSizeMax) ? "" : "no token in its answer";
  }

  HttpResponse get(const std::string& path) {
    HttpRequest request;
    request.url = url_ + path;
    request.headers = {{"X-aws-ec2-metadata-token", token_}};
    request.body_limit = kAnswerSizeMax;
    return tape::within(source_, [&] { return ask(http_, request, kAttempts, clock_); });
  }

  Credentials of_role(const std::string& role) {
    const HttpResponse response = get(kRolePath + role);
    if (!response.ok()) refuse(source_, response, "");
    const std::string source = source_ + ", role " + shown(role);
    auto fields = fields_of_json(tape::as_text(response.body));
    if (!fields) throw Error(ErrorKind::denied, source + ": a JSON object expected");
    const std::string code = (*fields)["Code"];
    if (!code.empty() && code != "Success") {
      const std::string word = plain_word(code);
      throw Error(ErrorKind::denied, source + ": no keys" + (word.empty() ? "" : ": " + word));
    }
    Credentials out = credentials_of(*fields, "Token", source);
    const Clock::Time now = clock_.now();
    if (out.expires && *out.expires <= now) out.expires = now + kExtension;
    return out;
  }

  const std::string url_;
  const std::string source_;
  Clock& clock_;
  HttpClient http_;
  std::string token_;
};

}  // namespace

InstanceAnswer instance_credentials(const Environment& environment, Clock& clock) {
  if (lower(environment("AWS_EC2_METADATA_DISABLED")) == "true")
    return {std::nullopt, "AWS_EC2_METADATA_DISABLED is set"};
  return Service(endpoint(environment), clock).credentials();
}

}  // namespace agent
