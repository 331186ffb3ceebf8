#include "store/s3_options.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "store/s3_xml.h"
#include "tape/error.h"
#include "tape/files.h"
#include "tape/manifest.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;

constexpr std::string_view kScheme = "s3://";
constexpr std::size_t kCustomerKeyBytes = 32;
constexpr tape::ByteCount kKeyFileMax = 256;
constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kLockDaysMax = 36'500;  // what a Clock can tell ends in 2262
constexpr std::size_t kDateDigits = 10;        // 2027-01-31

[[noreturn]] void usage(const std::string& what, const std::string& hint = {}) {
  throw Error(ErrorKind::usage, what, hint);
}

// Of general purpose buckets, and of older ones and other stores a little more.
bool is_bucket(const std::string& name) {
  return name.size() >= 3 && name.size() <= 255 && name != "..." && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_';
         });
}

std::string text_of_file(const std::string& path) {
  const auto file = tape::open_file_source(path);
  if (file->size() > kKeyFileMax) usage(shown(path) + ": too large for a key of 32 bytes");
  tape::Bytes bytes(file->size());
  file->read_at(tape::GzOffset(0), bytes);
  return tape::as_text(bytes);
}

// None: it is no base64, or not written as everybody writes it.
std::optional<std::string> base64_decoded(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' '))
    text.pop_back();
  std::string out;
  unsigned bits = 0;
  int held = 0;
  for (const char c : text.substr(0, text.find('='))) {
    const std::size_t value = tape::kBase64Digits.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xFFFFFF;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held & 0xFF);
  }
  if (tape::base64(out) != text) return std::nullopt;
  return out;
}

// `30d`, or a moment in UTC that is in a calendar, in seconds since 1970. 0: it is neither.
std::int64_t moment(const std::string& text, std::int64_t now) {
  std::int64_t days = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, days);
  if (failure == std::errc() && rest + 1 == end && *rest == 'd' && days > 0 && days <= kLockDaysMax)
    return now + days * kSecondsPerDay;
  const std::string whole = text.size() == kDateDigits ? text + "T00:00:00Z" : text;
  std::tm parts{};
  if (::strptime(whole.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts) == nullptr) return 0;
  const std::int64_t seconds = ::timegm(&parts);
  if (tape::utc_text({seconds, 0}) != whole) return 0;
  return seconds;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// RFC 3986 §3.2.2: a name, an address, or an address of IPv6 in brackets.
bool is_host(const std::string& host) {
  if (host.starts_with('[') && host.ends_with(']'))
    return host.find(':') != std::string::npos &&
           host.find_first_not_of("0123456789abcdefABCDEF:.", 1) == host.size() - 1;
  return !host.empty() && is_letter_or_digit(host.front()) &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_';
         });
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, port);
  return failure == std::errc() && rest == end && port > 0 && port <= 65'535;
}

}  // namespace

bool is_region(const std::string& name) {
  constexpr std::size_t kRegionMax = 64;
  return name.size() <= kRegionMax && !name.empty() && is_letter_or_digit(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; });
}

S3Location parse_s3_location(const std::string& url) {
  std::string rest = url.substr(kScheme.size());
  while (rest.ends_with('/'))
    rest.pop_back();
  const std::size_t slash = rest.find('/');
  S3Location out{rest.substr(0, slash), slash == std::string::npos ? "" : rest.substr(slash + 1)};
  if (!is_bucket(out.bucket)) usage(shown(url) + ": s3://BUCKET or s3://BUCKET/PREFIX expected");
  if (!out.prefix.empty() && (!tape::is_object_key(out.prefix) || !fits_xml(out.prefix)))
    usage(shown(url) + ": a prefix is UTF-8 without controls, and has no empty part, `.` or `..`");
  return out;
}

S3Endpoint parse_endpoint(const std::string& typed, const std::string& region) {
  const std::string domain = region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
  if (typed.empty() && !is_region(region))
    usage("--region " + shown(region) + ": a name as eu-central-1 expected");
  if (typed.empty()) return {"https", "s3." + region + domain, true};
  S3Endpoint out;
  std::string rest = typed;
  if (const std::size_t end = typed.find("://"); end != std::string::npos) {
    out.scheme = typed.substr(0, end);
    rest = typed.substr(end + 3);
  }
  while (rest.ends_with('/'))
    rest.pop_back();
  if (out.scheme != "http" && out.scheme != "https")
    usage("--endpoint " + shown(typed) + ": https://HOST[:PORT] expected");
  // In front of the port. An address of IPv6 has colons of its own.
  const std::size_t end = std::min(rest.find(':', rest.find(']') + 1), rest.size());
  if (!is_host(rest.substr(0, end)) || (end < rest.size() && !is_port(rest.substr(end + 1))))
    usage("--endpoint " + shown(typed) + ": a host and perhaps a port expected, and nothing else",
          "the bucket and the prefix go into s3://BUCKET/PREFIX");
  // As a signature and libcurl have it: a port that goes without saying is not said.
  if (rest.substr(end) == (out.scheme == "https" ? ":443" : ":80")) rest.resize(end);
  out.host = rest;
  // Not every host there is AWS's own S3: machines of its customers have names below it, too.
  out.is_aws = (rest.starts_with("s3.") || rest.starts_with("s3-")) &&
               (rest.ends_with(".amazonaws.com") || rest.ends_with(".amazonaws.com.cn"));
  return out;
}

ServerSideEncryption parse_encryption(const std::string& typed) {
  using Kind = ServerSideEncryption::Kind;
  if (typed.empty()) return {};
  if (typed == "AES256") return {Kind::aes256, "", ""};
  if (typed == "aws:kms") return {Kind::kms, "", ""};
  if (typed.starts_with("aws:kms:") && typed.size() > 8) return {Kind::kms, typed.substr(8), ""};
  if (typed.starts_with("customer:") && typed.size() > 9) {
    const std::string file = typed.substr(9);
    std::string key = text_of_file(file);
    if (key.size() != kCustomerKeyBytes) key = base64_decoded(key).value_or("");
    if (key.size() != kCustomerKeyBytes)
      usage(shown(file) + ": a key of 32 bytes expected, or its base64");
    return {Kind::customer, "", key};
  }
  usage("--sse " + shown(typed) + ": AES256, aws:kms, aws:kms:KEY or customer:FILE expected");
}

ObjectLock parse_object_lock(const std::string& typed, Clock::Time now) {
  const std::size_t colon = typed.find(':');
  std::string mode = typed.substr(0, colon);
  std::transform(mode.begin(), mode.end(), mode.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  const std::int64_t now_s = Clock::Time::clock::to_time_t(now);
  const std::int64_t until =
      colon == std::string::npos ? 0 : moment(typed.substr(colon + 1), now_s);
  if ((mode != "GOVERNANCE" && mode != "COMPLIANCE") || until == 0)
    usage("--object-lock " + shown(typed) +
          ": governance:30d, compliance:30d or a date as in governance:2027-01-31 expected");
  if (until <= now_s) usage("--object-lock " + shown(typed) + ": that is past");
  if (until > now_s + kLockDaysMax * kSecondsPerDay)
    usage("--object-lock " + shown(typed) + ": that is more than 100 years ahead");
  return {mode, Clock::Time::clock::from_time_t(until)};
}

}  // namespace agent
