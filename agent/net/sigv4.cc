#include "net/sigv4.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "tape/digest.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using Mac = std::array<std::uint8_t, 32>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::uint32_t kPresignedSecondsMax = 604'800;

Mac hmac(tape::ByteView key, std::string_view text) {
  Mac out{};
  unsigned size = 0;
  const tape::ByteView bytes = tape::as_bytes(text);
  if (::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes.data(), bytes.size(),
             out.data(), &size) == nullptr ||
      size != out.size())
    throw Error(ErrorKind::unsupported, "OpenSSL refuses HMAC-SHA256");
  return out;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// Without spaces around it, and with one between words.
std::string folded(const std::string& value) {
  std::string out;
  for (const char c : value) {
    const bool space = c == ' ' || c == '\t';
    if (!space) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// 20130524T000000Z.
std::string basic_time(Clock::Time time) {
  const std::time_t seconds = Clock::Time::clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char out[20];
  return {static_cast<char*>(out), std::strftime(out, sizeof out, "%Y%m%dT%H%M%SZ", &parts)};
}

std::string canonical_query(const Pairs& query) {
  Pairs encoded;
  for (const auto& [name, value] : query)
    encoded.emplace_back(percent_encoded(name), percent_encoded(value));
  std::sort(encoded.begin(), encoded.end());
  std::string out;
  for (const auto& [name, value] : encoded)
    out.append(out.empty() ? "" : "&").append(name).append("=").append(value);
  return out;
}

// Lower case names, sorted; the host is one of them.
Pairs canonical_headers(const UnsignedRequest& request) {
  Pairs out{{"host", request.host}};
  for (const HttpHeader& header : request.headers)
    out.emplace_back(lower(header.name), folded(header.value));
  std::sort(out.begin(), out.end());
  return out;
}

std::string signed_headers(const UnsignedRequest& request) {
  std::string out;
  for (const auto& [name, value] : canonical_headers(request))
    out.append(out.empty() ? "" : ";").append(name);
  return out;
}

std::string scope_text(const SigningScope& scope) {
  return basic_time(scope.time).substr(0, 8) + "/" + scope.region + "/" + scope.service +
         "/aws4_request";
}

std::string signature(const UnsignedRequest& request,
                      const Credentials& credentials,
                      const SigningScope& scope) {
  const std::string time = basic_time(scope.time);
  const std::string text = std::string(kAlgorithm) + "\n" + time + "\n" + scope_text(scope) + "\n" +
                           tape::hex(tape::sha256(tape::as_bytes(canonical_request(request))));
  const std::string first = "AWS4" + credentials.secret_key;
  Mac key = hmac(tape::as_bytes(first), time.substr(0, 8));
  for (const std::string& step : {scope.region, scope.service, std::string("aws4_request")})
    key = hmac(key, step);
  return tape::hex(hmac(key, text));
}

}  // namespace

std::string percent_encoded(std::string_view text, bool keep_slash) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved || (keep_slash && c == '/')) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append("%").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
    }
  }
  return out;
}

std::string canonical_request(const UnsignedRequest& request) {
  std::string out = request.method + "\n" + percent_encoded(request.path, true) + "\n" +
                    canonical_query(request.query) + "\n";
  for (const auto& [name, value] : canonical_headers(request))
    out.append(name).append(":").append(value).append("\n");
  return out + "\n" + signed_headers(request) + "\n" + request.payload_sha256;
}

std::string url_of(const UnsignedRequest& request) {
  const std::string query = canonical_query(request.query);
  return request.scheme + "://" + request.host + percent_encoded(request.path, true) +
         (query.empty() ? "" : "?" + query);
}

SignedRequest signed_request(const UnsignedRequest& request,
                             const Credentials& credentials,
                             const SigningScope& scope) {
  UnsignedRequest whole = request;
  whole.headers.push_back({"x-amz-content-sha256", request.payload_sha256});
  whole.headers.push_back({"x-amz-date", basic_time(scope.time)});
  if (!credentials.session_token.empty())
    whole.headers.push_back({"x-amz-security-token", credentials.session_token});
  const std::string proof = std::string(kAlgorithm) + " Credential=" + credentials.access_key +
                            "/" + scope_text(scope) + ",SignedHeaders=" + signed_headers(whole) +
                            ",Signature=" + signature(whole, credentials, scope);
  SignedRequest out{url_of(whole), whole.headers};
  out.headers.push_back({"Authorization", proof});
  return out;
}

std::string presigned_url(const UnsignedRequest& request,
                          const Credentials& credentials,
                          const SigningScope& scope,
                          std::uint32_t seconds) {
  if (seconds == 0 || seconds > kPresignedSecondsMax)
    throw Error(ErrorKind::usage,
                "a presigned URL is good for 1 to 604800 seconds, not " + std::to_string(seconds));
  UnsignedRequest whole = request;
  whole.payload_sha256 = kUnsignedPayload;
  auto& query = whole.query;
  query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  query.emplace_back("X-Amz-Credential", credentials.access_key + "/" + scope_text(scope));
  query.emplace_back("X-Amz-Date", basic_time(scope.time));
  query.emplace_back("X-Amz-Expires", std::to_string(seconds));
  query.emplace_back("X-Amz-SignedHeaders", signed_headers(whole));
  if (!credentials.session_token.empty())
    query.emplace_back("X-Amz-Security-Token", credentials.session_token);
  query.emplace_back("X-Amz-Signature", signature(whole, credentials, scope));
  return url_of(whole);
}

}  // namespace agent
