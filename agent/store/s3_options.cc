#include "store/s3_options.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;

constexpr std::string_view kScheme = "s3://";
constexpr std::size_t kCustomerKeyBytes = 32;
constexpr tape::ByteCount kKeyFileMax = 256;

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

std::string base64_decoded(const std::string& text) {
  std::string out;
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=' || c == '\n' || c == '\r' || c == ' ') continue;
    const std::size_t value = tape::kBase64Digits.find(c);
    if (value == std::string_view::npos) return "";
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xFFFFFF;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held & 0xFF);
  }
  return out;
}

// `30d`, or a moment in UTC.
std::optional<Clock::Time> moment(const std::string& text, Clock::Time now) {
  unsigned days = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, days);
  if (failure == std::errc() && rest + 1 == end && *rest == 'd' && days > 0 && days <= 36'500)
    return now + std::chrono::hours(24) * days;
  for (const char* const format : {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"}) {
    std::tm parts{};
    const char* const read = ::strptime(text.c_str(), format, &parts);
    if (read != nullptr && *read == '\0') return Clock::Time::clock::from_time_t(::timegm(&parts));
  }
  return std::nullopt;
}

}  // namespace

S3Location parse_s3_location(const std::string& url) {
  std::string rest = url.substr(kScheme.size());
  while (rest.ends_with('/'))
    rest.pop_back();
  const std::size_t slash = rest.find('/');
  S3Location out{rest.substr(0, slash), slash == std::string::npos ? "" : rest.substr(slash + 1)};
  if (!is_bucket(out.bucket)) usage(shown(url) + ": s3://BUCKET or s3://BUCKET/PREFIX expected");
  for (std::size_t at = 0; !out.prefix.empty() && at != std::string::npos;) {
    const std::size_t end = out.prefix.find('/', at);
    const std::string part = out.prefix.substr(at, end - at);
    if (part.empty() || part == "." || part == "..")
      usage(shown(url) + ": the prefix has an empty part, `.` or `..`");
    at = end == std::string::npos ? end : end + 1;
  }
  return out;
}

S3Endpoint parse_endpoint(const std::string& typed, const std::string& region) {
  const std::string domain = region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
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
  if (rest.empty() || rest.find_first_of("/?#@ ") != std::string::npos)
    usage("--endpoint " + shown(typed) + ": a host and perhaps a port expected, and nothing else",
          "the bucket and the prefix go into s3://BUCKET/PREFIX");
  // As a signature and libcurl have it: a port that goes without saying is not said.
  const std::string own = out.scheme == "https" ? ":443" : ":80";
  if (rest.ends_with(own)) rest.resize(rest.size() - own.size());
  out.host = rest;
  out.is_aws = rest.ends_with(".amazonaws.com") || rest.ends_with(".amazonaws.com.cn");
  return out;
}

ServerSideEncryption parse_encryption(const std::string& typed) {
  using Kind = ServerSideEncryption::Kind;
  if (typed.empty()) return {};
  if (typed == "AES256") return {Kind::aes256, "", ""};
  if (typed == "aws:kms") return {Kind::kms, "", ""};
  if (typed.starts_with("aws:kms:")) return {Kind::kms, typed.substr(8), ""};
  if (typed.starts_with("customer:")) {
    const std::string file = typed.substr(9);
    std::string key = text_of_file(file);
    if (key.size() != kCustomerKeyBytes) key = base64_decoded(key);
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
  const auto until =
      colon == std::string::npos ? std::nullopt : moment(typed.substr(colon + 1), now);
  if ((mode != "GOVERNANCE" && mode != "COMPLIANCE") || !until)
    usage("--object-lock " + shown(typed) +
          ": governance:30d, compliance:30d or a date as in governance:2027-01-31 expected");
  if (*until <= now) usage("--object-lock " + shown(typed) + ": that is past");
  return {mode, *until};
}

}  // namespace agent
