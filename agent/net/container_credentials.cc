#include "net/container_credentials.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "net/credentials_answer.h"
#include "net/credentials_http.h"
#include "net/small_file.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;

constexpr const char* kRelative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
constexpr const char* kFull = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
constexpr const char* kToken = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
constexpr const char* kTokenFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
constexpr const char* kRelativeHost = "http://169.254.170.2";
// Of ECS, and of EKS by IPv4 and IPv6.
constexpr std::array<std::string_view, 3> kHosts = {"169.254.170.2", "169.254.170.23",
                                                    "[fd00:ec2::23]"};
constexpr std::size_t kTokenSizeMax = 16'384;  // bytes; it goes into a header
constexpr std::chrono::milliseconds kTimeout{5000};
constexpr Attempts kAttempts{3, Clock::Duration(1000)};

bool may_be_asked(const UrlParts& url) {
  return url.scheme == "https" || is_loopback(url.host) ||
         std::find(kHosts.begin(), kHosts.end(), url.host) != kHosts.end();
}

std::string authorization(const Environment& environment) {
  const std::string path = environment(kTokenFile);
  std::string token = environment(kToken);
  std::string where = kToken;
  if (!path.empty()) {
    const SmallFile file = read_small_file(path, kTokenSizeMax);
    where = shown(path) + ", which " + kTokenFile + " names,";
    if (file.state != SmallFile::State::there)
      throw Error(ErrorKind::denied, where + " is missing, or not ours to read");
    token = file.text;
  }
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r'))
    token.pop_back();
  const bool clean =
      std::all_of(token.begin(), token.end(), [](char c) { return c >= ' ' && c != '\x7F'; });
  if (!clean || token.size() > kTokenSizeMax)
    throw Error(ErrorKind::denied, where + " cannot go into a header: one line of at most " +
                                       std::to_string(kTokenSizeMax) + " bytes expected");
  return token;
}

// The path is a secret of the container's: whoever knows it gets the keys.
std::string without_path(std::string text, const std::string& url, const std::string& origin) {
  const std::string whole = shown(url.substr(0, url.find('?')));
  for (std::size_t at = 0; (at = text.find(whole, at)) != std::string::npos; at += origin.size())
    text.replace(at, whole.size(), origin);
  return text;
}

}  // namespace

std::string container_url(const Environment& environment) {
  const std::string relative = environment(kRelative);
  const char* const variable = relative.empty() ? kFull : kRelative;
  std::string url = relative.empty() ? environment(kFull) : kRelativeHost + relative;
  if (url.empty()) return "";
  const auto parts = parse_url(url);
  if (!parts || (!relative.empty() && relative.front() != '/'))
    throw Error(ErrorKind::usage, std::string(variable) + (relative.empty() ? ": a URL expected"
                                                                            : ": a path expected"));
  if (!may_be_asked(*parts))
    throw Error(ErrorKind::denied,
                std::string(kFull) + ": http:// to " + shown(parts->host) + " is refused",
                "https://, an address of this machine, or that of ECS or EKS expected");
  return url;
}

std::optional<Credentials> container_credentials(const Environment& environment,
                                                 HttpClient& http,
                                                 Clock& clock) {
  const std::string url = container_url(environment);
  if (url.empty()) return std::nullopt;
  const auto parts = parse_url(url);
  const std::string source = "container credentials of " + parts->origin;

  HttpRequest request;
  request.url = url;
  request.headers = {{"Accept", "application/json"}};
  request.body_limit = kAnswerSizeMax;
  if (const std::string token = authorization(environment); !token.empty())
    request.headers.push_back({"Authorization", token});

  HttpClient local(local_options(kTimeout));
  HttpResponse response;
  const auto failure = tape::failure_of(
      [&] { response = ask(parts->scheme == "https" ? http : local, request, kAttempts, clock); });
  if (failure)
    throw Error(failure->kind(), source + ": " + without_path(failure->what(), url, parts->origin),
                failure->hint());

  auto fields = fields_of_json(tape::as_text(response.body)).value_or(AnswerFields{});
  if (!response.ok()) refuse(source, response, plain_word(fields["code"]));
  return credentials_of(fields, "Token", source);
}

}  // namespace agent
