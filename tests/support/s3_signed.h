// What tests of S3 see of the requests that a server recorded.
#pragma once
#include <algorithm>
#include <ctime>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "net/sigv4.h"
#include "support/http_server.h"
#include "tape/digest.h"

namespace test {

inline std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
    i += 2;
  }
  return out;
}

inline std::vector<std::pair<std::string, std::string>> query_of(const Request& request) {
  std::vector<std::pair<std::string, std::string>> out;
  std::istringstream words(request.query());
  for (std::string word; std::getline(words, word, '&');) {
    const std::size_t equals = word.find('=');
    out.emplace_back(percent_decoded(word.substr(0, equals)),
                     percent_decoded(word.substr(equals + 1)));
  }
  return out;
}

// Empty when there is none of that name.
inline std::string query_of(const Request& request, const std::string& name) {
  for (const auto& [key, value] : query_of(request)) {
    if (key == name) return value;
  }
  return "";
}

// What stands in `text` behind `begin`, up to the next `,` or its end.
inline std::string word_behind(const std::string& text, const std::string& begin) {
  const std::size_t at = text.find(begin);
  if (at == std::string::npos) return "";
  const std::size_t from = at + begin.size();
  return text.substr(from, text.find(',', from) - from);
}

// A part of the scope of its signature: 0 the key, 1 the day, 2 the region, 3 the service.
inline std::string scope_of(const Request& request, int part) {
  std::istringstream words(word_behind(request.header("Authorization"), "Credential="));
  std::string out;
  for (int i = 0; i <= part; ++i)
    std::getline(words, out, '/');
  return out;
}
inline std::string region_of(const Request& request) {
  return scope_of(request, 2);
}

// Whether the signature is the one that these credentials give to the request as it came, with
// every x-amz- header in it and the digest of the body that came.
inline bool is_signed_by(const Request& request, const agent::Credentials& credentials) {
  const std::string digest = tape::hex(tape::sha256(tape::as_bytes(request.body)));
  if (request.header("x-amz-content-sha256") != digest) return false;
  const std::string authorization = request.header("Authorization");
  std::istringstream words(word_behind(authorization, "SignedHeaders="));
  std::set<std::string> names;
  for (std::string name; std::getline(words, name, ';');)
    names.insert(name);
  agent::UnsignedRequest plain{request.method,
                               "http",
                               request.header("Host"),
                               percent_decoded(request.path()),
                               query_of(request),
                               {},
                               digest};
  for (const auto& [name, value] : request.headers) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(), ::tolower);
    if (lower.starts_with("x-amz-") && !names.contains(lower)) return false;
    // These are added to every signature.
    const bool own = lower == "host" || lower == "x-amz-date" || lower == "x-amz-content-sha256" ||
                     lower == "x-amz-security-token";
    if (names.contains(lower) && !own) plain.headers.push_back({name, value});
  }
  std::tm parts{};
  ::strptime(request.header("x-amz-date").c_str(), "%Y%m%dT%H%M%SZ", &parts);
  const auto time = agent::Clock::Time::clock::from_time_t(::timegm(&parts));
  const auto again = agent::signed_request(plain, credentials, {region_of(request), "s3", time});
  return again.headers.back().value == authorization;
}

}  // namespace test
