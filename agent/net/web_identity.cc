#include "net/web_identity.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "net/credentials_http.h"
#include "net/http_error.h"
#include "net/sigv4.h"
#include "net/small_file.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;

constexpr std::size_t kTokenSizeMax = std::size_t{64} << 10;  // STS takes 20 000
constexpr std::size_t kRegionMax = 64;
constexpr Attempts kAttempts{3, Clock::Duration(500)};

// What stands between <name> and </name>; none unless each is there once.
std::optional<std::string_view> element(std::string_view xml, const std::string& name) {
  const std::string begin = "<" + name + ">";
  const std::string end = "</" + name + ">";
  const std::size_t from = xml.find(begin);
  const std::size_t to = xml.find(end);
  if (from == std::string_view::npos || to == std::string_view::npos || to < from + begin.size())
    return std::nullopt;
  if (xml.find(begin, from + 1) != std::string_view::npos ||
      xml.find(end, to + 1) != std::string_view::npos)
    return std::nullopt;
  return xml.substr(from + begin.size(), to - from - begin.size());
}

// Text of an element that holds nothing but text.
std::optional<std::string> plain_text(std::string_view xml) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kEntities = {
      {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
  std::string out;
  while (!xml.empty()) {
    if (xml.front() == '<') return std::nullopt;
    if (xml.front() != '&') {
      out += xml.front();
      xml.remove_prefix(1);
      continue;
    }
    const auto entity = std::find_if(kEntities.begin(), kEntities.end(), [&](const auto& known) {
      return xml.starts_with(known.first);
    });
    if (entity == kEntities.end()) return std::nullopt;
    out += entity->second;
    xml.remove_prefix(entity->first.size());
  }
  return out;
}

std::string token_of(const WebIdentity& identity) {
  const SmallFile file = read_small_file(identity.token_file, kTokenSizeMax);
  const std::string where = identity.source + ": the token file " + shown(identity.token_file);
  if (file.state == SmallFile::State::absent) throw Error(ErrorKind::denied, where + " is missing");
  if (file.state == SmallFile::State::denied)
    throw Error(ErrorKind::denied, where + " is not ours to read");
  std::string token = file.text;
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' '))
    token.pop_back();
  if (token.empty()) throw Error(ErrorKind::denied, where + " is empty");
  return token;
}

std::string form(const WebIdentity& identity, const std::string& token, Clock& clock) {
  std::string session = identity.session_name;
  if (session.empty())
    session = "ragtape-" + std::to_string(Clock::Time::clock::to_time_t(clock.now()));
  return "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" +
         percent_encoded(identity.role_arn) + "&RoleSessionName=" + percent_encoded(session) +
         "&WebIdentityToken=" + percent_encoded(token);
}

// STS's message may repeat what it was sent: its code alone is shown.
[[noreturn]] void fail(const std::string& who, const HttpResponse& response) {
  const std::string text = tape::as_text(response.body);
  const auto code = element(text, "Code");
  const std::string word = code ? plain_word(std::string(*code)) : "";
  // HTTP 400, but STS could not reach who vouches.
  if (word == "IDPCommunicationError")
    throw HttpError(HttpFailure::server,
                    who + ": HTTP " + std::to_string(response.status) + " " + word);
  refuse(who, response, word);
}

std::string regional_url(const Environment& environment, const AwsConfig& config) {
  std::string region = environment("AWS_REGION");
  if (region.empty()) region = environment("AWS_DEFAULT_REGION");
  if (region.empty()) region = config.value("region");
  if (region.empty() || region == "aws-global") return "https://sts.amazonaws.com";
  const bool clean =
      region.size() <= kRegionMax &&
      region.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  if (!clean)
    throw Error(ErrorKind::usage,
                "region " + shown(region) + ": a name like eu-central-1 expected");
  return "https://sts." + region + ".amazonaws.com" + (region.starts_with("cn-") ? ".cn" : "");
}

}  // namespace

AnswerFields fields_of_sts(std::string_view xml) {
  const auto inner = element(xml, "Credentials");
  if (!inner) return {};
  AnswerFields out;
  for (const char* const name : {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}) {
    const auto found = element(*inner, name);
    const auto text = found ? plain_text(*found) : std::nullopt;
    if (!text) return {};
    out[name] = *text;
  }
  return out;
}

std::string sts_url(const Environment& environment, const AwsConfig& config) {
  std::string url = environment("AWS_ENDPOINT_URL_STS");
  if (url.empty()) url = environment("AWS_ENDPOINT_URL");
  const bool typed = !url.empty();
  if (url.empty()) url = config.endpoint_url("sts");
  if (url.empty()) return regional_url(environment, config);
  const auto parts = parse_url(url);
  if (!parts)
    throw Error(ErrorKind::usage, "the endpoint of STS: https://HOST[:PORT] expected",
                "AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL or endpoint_url names it");
  if (parts->scheme == "http" && !typed && !is_loopback(parts->host))
    throw Error(ErrorKind::usage,
                "the endpoint of STS, " + shown(parts->host) +
                    ", is not https:// : the token would go there in the clear",
                "AWS_ENDPOINT_URL_STS=http://... says that this is meant");
  return url;
}

Credentials assume_web_identity(const WebIdentity& identity, HttpClient& http, Clock& clock) {
  const std::string body = form(identity, token_of(identity), clock);
  HttpRequest request;
  request.method = "POST";
  request.url = identity.sts_url;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  request.body = tape::as_bytes(body);
  request.body_limit = kAnswerSizeMax;
  const HttpResponse response = ask(http, request, kAttempts, clock);
  if (!response.ok()) fail(identity.source, response);
  const AnswerFields fields = fields_of_sts(tape::as_text(response.body));
  if (fields.empty())
    throw Error(ErrorKind::denied, identity.source + ": the answer of STS has no credentials");
  return credentials_of(fields, "SessionToken", identity.source);
}

}  // namespace agent
