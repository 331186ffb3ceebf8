#include "net/credentials_http.h"

#include <algorithm>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "net/http_error.h"
#include "tape/error.h"

namespace agent {
namespace {

bool may_help(int status) {
  return kind_of(failure_of_status(status)) == tape::ErrorKind::transient;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool is_port(std::string_view text) {
  return text.empty() || (text.size() > 1 && text.size() <= 6 && text.front() == ':' &&
                          text.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

}  // namespace

HttpResponse ask(HttpClient& http,
                 const HttpRequest& request,
                 const Attempts& attempts,
                 Clock& clock) {
  for (int left = attempts.count;; clock.sleep(attempts.pause)) {
    HttpResponse response;
    const auto failure = tape::failure_of([&] { response = http.send(request); });
    --left;
    // Too large an answer: corrupt is said of archives alone.
    if (failure && failure->kind() == tape::ErrorKind::corrupt)
      throw tape::Error(tape::ErrorKind::denied, failure->what());
    if (failure && (left <= 0 || failure->kind() != tape::ErrorKind::transient))
      throw tape::Error(*failure);
    if (!failure && (left <= 0 || !may_help(response.status))) return response;
  }
}

HttpOptions local_options(std::chrono::milliseconds timeout) {
  HttpOptions out;
  out.connect_timeout = std::min(timeout, std::chrono::milliseconds(1000));
  out.idle_timeout = std::chrono::ceil<std::chrono::seconds>(timeout);
  out.total_timeout = timeout;
  out.proxy_from_environment = false;
  return out;
}

void refuse(const std::string& who, const HttpResponse& response, const std::string& code) {
  // That something was not found there is not that the archive was not found.
  const HttpFailure failure =
      may_help(response.status) ? failure_of_status(response.status) : HttpFailure::denied;
  HttpError error(failure, who + ": HTTP " + std::to_string(response.status) +
                               (code.empty() ? "" : " " + code));
  error.set_retry_after(response.retry_after);
  throw HttpError(error);
}

std::optional<UrlParts> parse_url(const std::string& url) {
  const bool clean =
      std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c != '\x7F'; });
  const std::size_t scheme_end = url.find("://");
  if (!clean || scheme_end == std::string::npos) return std::nullopt;
  UrlParts out{url.substr(0, scheme_end), "", ""};
  if (out.scheme != "http" && out.scheme != "https") return std::nullopt;
  std::string rest = url.substr(scheme_end + 3);
  rest.resize(std::min(rest.find_first_of("/?#"), rest.size()));
  out.origin = out.scheme + "://" + rest;
  for (char& c : rest) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  std::size_t end = 0;
  if (rest.starts_with('[')) {
    end = rest.find_first_not_of("0123456789abcdef:.", 1);
    if (end == std::string::npos || rest[end] != ']') return std::nullopt;
    ++end;
  } else {
    while (end < rest.size() && is_host_character(rest[end]))
      ++end;
  }
  out.host = rest.substr(0, end);
  if (out.host.empty() || !is_port(std::string_view(rest).substr(end))) return std::nullopt;
  return out;
}

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  if (host.starts_with('[')) {
    in6_addr address{};
    const std::string inner = host.substr(1, host.size() - 2);
    return ::inet_pton(AF_INET6, inner.c_str(), &address) == 1 && IN6_IS_ADDR_LOOPBACK(&address);
  }
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

}  // namespace agent
