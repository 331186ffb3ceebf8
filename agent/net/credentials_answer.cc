#include "net/credentials_answer.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <nlohmann/json.hpp>

#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using Json = nlohmann::json;

constexpr std::size_t kWordMax = 64;
// 2200-01-01: Clock::Time ends in 2262, and some programs say 9999 for never.
constexpr std::time_t kNever = 7'258'118'400;

[[noreturn]] void fail(const std::string& source, const std::string& what) {
  throw Error(ErrorKind::denied, source + ": " + what);
}

void check_text(const std::string& text, std::size_t size_max, const std::string& what) {
  const bool clean =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7F'; });
  if (!clean)
    throw Error(ErrorKind::denied, what + " has a blank or another character that none has",
                "a comment has a line of its own");
  if (text.size() > size_max)
    throw Error(ErrorKind::denied, what + " has " + std::to_string(text.size()) +
                                       " bytes, at most " + std::to_string(size_max) + " expected");
}

// +02:00, +0200, Z.
std::optional<int> offset_minutes(std::string text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() == 6 && text[3] == ':') text.erase(3, 1);
  const bool sound = text.size() == 5 && (text[0] == '+' || text[0] == '-') &&
                     text.find_first_not_of("0123456789", 1) == std::string::npos;
  if (!sound) return std::nullopt;
  int value = 0;
  std::from_chars(text.data() + 1, text.data() + text.size(), value);
  const int minutes = value / 100 * 60 + value % 100;
  return text[0] == '-' ? -minutes : minutes;
}

std::optional<std::time_t> utc_seconds(const std::string& text) {
  std::tm parts{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return std::nullopt;
  if (*rest == '.') {
    do {
      ++rest;
    } while (*rest >= '0' && *rest <= '9');
  }
  const auto minutes = offset_minutes(rest);
  if (!minutes) return std::nullopt;
  return ::timegm(&parts) - *minutes * std::time_t{60};
}

std::string field(const AnswerFields& fields, const char* name) {
  const auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

}  // namespace

std::optional<AnswerFields> fields_of_json(std::string_view json) {
  const Json parsed = Json::parse(json, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  AnswerFields out;
  for (const auto& [name, value] : parsed.items()) {
    if (value.is_string()) out[name] = value.get<std::string>();
    if (value.is_number_integer()) out[name] = value.dump();
  }
  return out;
}

Credentials credentials_of(const AnswerFields& fields,
                           const char* token_field,
                           const std::string& source) {
  Credentials out;
  out.access_key = field(fields, "AccessKeyId");
  out.secret_key = field(fields, "SecretAccessKey");
  out.session_token = field(fields, token_field);
  out.source = source;
  if (out.access_key.empty()) fail(source, "the answer has no AccessKeyId");
  if (out.secret_key.empty()) fail(source, "the answer has no SecretAccessKey");
  check_shape(out);
  if (const std::string expiry = field(fields, "Expiration"); !expiry.empty())
    set_expiry(out, expiry);
  return out;
}

void check_shape(const Credentials& credentials) {
  const std::string& source = credentials.source;
  if (credentials.access_key.empty()) fail(source, "the access key is empty");
  if (credentials.secret_key.empty()) fail(source, "the secret key is empty");
  check_text(credentials.access_key, kAccessKeyMax, source + ": the access key");
  check_text(credentials.secret_key, kSecretKeyMax, source + ": the secret key");
  check_text(credentials.session_token, kSessionTokenMax, source + ": the session token");
}

std::optional<Clock::Time> parse_expiry(const std::string& text) {
  const auto seconds = utc_seconds(text);
  if (!seconds) return std::nullopt;
  return Clock::Time::clock::from_time_t(std::clamp(*seconds, std::time_t{0}, kNever));
}

void set_expiry(Credentials& credentials, const std::string& text) {
  const auto time = parse_expiry(text);
  if (!time) fail(credentials.source, "the time of expiry is not of the form 2026-01-31T12:00:00Z");
  if (*time < Clock::Time::clock::from_time_t(kNever)) credentials.expires = *time;
}

std::string plain_word(const std::string& text) {
  const bool plain = text.size() <= kWordMax && std::all_of(text.begin(), text.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
                     });
  return plain ? text : "";
}

}  // namespace agent
