#include "cli/where.h"

#include <charconv>
#include <cstdlib>
#include <random>

#include "cli/options.h"
#include "cli/signals.h"
#include "store/counting_store.h"
#include "store/dry_run_store.h"
#include "store/file_store.h"
#include "store/http_store.h"
#include "store/limited_store.h"
#include "store/retry_store.h"
#include "store/s3_store.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

constexpr const char* kFileScheme = "file://";

constexpr const char* kS3Scheme = "s3://";

bool has_scheme(const std::string& what) {
  return what.find("://") != std::string::npos;
}

bool is_plain_http(const std::string& what) {
  return what.starts_with("https://") || what.starts_with("http://");
}

// Without the query: in a key of S3 a `?` is a letter.
std::string path_in(const std::string& what) {
  return is_plain_http(what) ? what.substr(0, what.find('?')) : what;
}

bool ends_as_archive(const std::string& what) {
  const std::string path = path_in(what);
  return path.ends_with(".gz") || path.ends_with(".tgz") || path.ends_with(".rgz");
}

std::string environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets any
  return value == nullptr ? "" : value;
}

std::string first_of(const std::vector<std::string>& choices) {
  for (const std::string& choice : choices) {
    if (!choice.empty()) return choice;
  }
  return "";
}

std::vector<std::pair<std::string, std::string>> parse_tags(const std::vector<std::string>& typed) {
  constexpr std::size_t kTagsMax = 10;  // of an object
  if (typed.size() > kTagsMax)
    throw tape::Error(tape::ErrorKind::usage, "--tag: an object has at most 10");
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& tag : typed) {
    const std::size_t equals = tag.find('=');
    if (equals == std::string::npos || equals == 0)
      throw tape::Error(tape::ErrorKind::usage,
                        "--tag " + tape::shown(tag) + ": KEY=VALUE expected");
    out.emplace_back(tag.substr(0, equals), tag.substr(equals + 1));
  }
  return out;
}

S3Options s3_options(const std::string& url,
                     const StoreWords& words,
                     const AwsProfile& profile,
                     const Clock& clock) {
  S3Options out;
  out.location = parse_s3_location(url);
  out.region = first_of({words.region, environment("AWS_REGION"), environment("AWS_DEFAULT_REGION"),
                         profile.region, "us-east-1"});
  const std::string typed = first_of(
      {words.endpoint, environment("AWS_ENDPOINT_URL_S3"), environment("AWS_ENDPOINT_URL")});
  out.endpoint = parse_endpoint(typed.empty() ? profile.endpoint_url : typed, out.region);
  if (typed.empty() && out.endpoint.scheme == "http")
    throw tape::Error(tape::ErrorKind::usage,
                      "endpoint_url " + tape::shown(profile.endpoint_url) +
                          " in ~/.aws/config: without TLS only where it is typed",
                      "--endpoint " + profile.endpoint_url);
  out.path_style = words.path_style == "on"    ? PathStyle::on
                   : words.path_style == "off" ? PathStyle::off
                                               : PathStyle::automatic;
  out.storage_class = words.storage_class;
  out.encryption = parse_encryption(words.sse);
  const bool in_the_clear = out.endpoint.scheme == "http" &&
                            out.endpoint.host.rfind("127.0.0.1", 0) != 0 &&
                            out.endpoint.host.rfind("localhost", 0) != 0;
  if (out.encryption.kind == ServerSideEncryption::Kind::customer && in_the_clear)
    throw tape::Error(
        tape::ErrorKind::usage,
        "--sse customer: the key would go to " + tape::shown(out.endpoint.host) + " in the clear",
        "an endpoint of https://");
  out.tags = parse_tags(words.tags);
  if (!words.object_lock.empty()) out.lock = parse_object_lock(words.object_lock, clock.now());
  out.requester_pays = !words.request_payer.empty();
  out.acl = words.acl;
  return out;
}

std::string percent_decoded(const std::string& encoded) {
  std::string out;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    unsigned byte = 0;
    const char* digits = encoded.data() + i + 1;
    const bool escape = encoded[i] == '%' && i + 2 < encoded.size() &&
                        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2;
    out += escape ? static_cast<char>(byte) : encoded[i];
    if (escape) i += 2;
  }
  return out;
}

// RFC 8089: an absolute path, percent-encoded.
std::string path_of_url(const std::string& url) {
  const std::string encoded = url.substr(std::string(kFileScheme).size());
  if (!encoded.starts_with('/'))
    throw tape::Error(tape::ErrorKind::usage,
                      tape::shown(url) + ": file:///ABSOLUTE/PATH expected");
  return percent_decoded(encoded);
}

}  // namespace

RemoteArchive parse_remote_archive(const std::string& url) {
  const std::string path = path_in(url);
  const std::size_t slash = path.rfind('/');
  const std::string name = path.substr(slash + 1);
  return {path.substr(0, slash) + url.substr(path.size()),
          is_plain_http(url) ? percent_decoded(name) : name};
}

std::string without_query(const std::string& what) {
  return path_in(what);
}

std::string store_directory(const std::string& what) {
  if (what.empty()) throw tape::Error(tape::ErrorKind::usage, "an empty name of a store");
  if (what.starts_with(kFileScheme)) return path_of_url(what);
  return has_scheme(what) ? "" : what;
}

bool is_remote_archive(const std::string& what) {
  return has_scheme(what) && !what.starts_with(kFileScheme) && ends_as_archive(what);
}

bool is_store(const std::string& what) {
  if (what.starts_with(kFileScheme)) return true;
  return has_scheme(what) ? !ends_as_archive(what) : tape::is_directory(what);
}

template <class Layer, class... Arguments>
void OpenStore::layer(Arguments&&... arguments) {
  layers_.push_back(std::make_unique<Layer>(**this, std::forward<Arguments>(arguments)...));
}

OpenStore::OpenStore(const std::string& what, const StoreWords& words, Access access)
    : clock_(system_clock(check_stop)) {
  const auto limit = [&](const char* option, const std::string& typed,
                         std::optional<RateLimit>& out) {
    if (!typed.empty()) out.emplace(parse_size(option, typed), *clock_);
  };
  limit("--limit-upload", words.limit_upload, upload_limit_);
  limit("--limit-download", words.limit_download, download_limit_);
  if (what.starts_with(kS3Scheme)) {
    open_s3(what, words);
  } else if (is_plain_http(what)) {
    open_http(what, words, access);
  } else if (const std::string folder = store_directory(what); !folder.empty()) {
    open_directory(folder, access);
  } else {
    throw tape::Error(tape::ErrorKind::unsupported,
                      tape::shown(what) +
                          ": this version knows stores in a directory (a path or "
                          "file:///path), at s3://BUCKET/PREFIX, and "
                          "for reading at https://HOST/PATH");
  }
  // Whatever a dry run might do by mistake, it does not.
  if (access == Access::dry_run) layer<DryRunStore>([](const DryRunCall&) {});
}

OpenStore::~OpenStore() {
  while (!layers_.empty())
    layers_.pop_back();
}

void OpenStore::open_directory(const std::string& folder, Access access) {
  layers_.push_back(access == Access::write ? create_file_store(folder, was_made_)
                                            : open_file_store(folder));
  layer<LimitedStore>(LimitedStore::Limits{upload_limit_ ? &*upload_limit_ : nullptr,
                                           download_limit_ ? &*download_limit_ : nullptr});
  layer<CountingStore>(counts_);
}

// `ca_bundle`: of a profile.
void OpenStore::connect(const StoreWords& words, const std::string& ca_bundle) {
  is_remote_ = true;
  HttpOptions http;
  http.ca_bundle = first_of({words.ca_bundle, environment("AWS_CA_BUNDLE"), ca_bundle});
  http.idle_timeout = parse_duration("--idle-timeout", words.idle_timeout);
  credentials_http_ = std::make_unique<HttpClient>(http);
  http.upload_limit = upload_limit_ ? &*upload_limit_ : nullptr;
  http.download_limit = download_limit_ ? &*download_limit_ : nullptr;
  http.counts = &counts_;
  http_ = std::make_unique<HttpClient>(http);
}

void OpenStore::open_http(const std::string& url, const StoreWords& words, Access access) {
  if (access != Access::read)
    throw tape::Error(tape::ErrorKind::unsupported,
                      tape::shown(url) + ": a store behind plain HTTP is read-only",
                      "backups go to a directory or to s3://BUCKET/PREFIX");
  connect(words, "");
  layers_.push_back(open_http_store(*http_, url));
  try_again(words);
}

void OpenStore::open_s3(const std::string& url, const StoreWords& words) {
  const AwsProfile profile = aws_profile(environment, words.aws_profile);
  S3Options options = s3_options(url, words, profile, *clock_);
  connect(words, profile.ca_bundle);
  credentials_ =
      standard_credentials({environment, words.aws_profile, *credentials_http_, *clock_});
  auto s3 = open_s3_store({*http_, *credentials_, *clock_}, std::move(options));
  s3_ = s3.get();
  layers_.push_back(std::move(s3));
  try_again(words);
}

void OpenStore::try_again(const StoreWords& words) {
  RetryOptions retry;
  retry.deadline = parse_duration("--retry-for", words.retry_for);
  if (retry.deadline.count() == 0) retry.attempts_max = 1;
  retry.seed = std::random_device{}();
  retry.counts = &counts_;
  layer<RetryStore>(*clock_, retry);
}

std::string OpenStore::credentials_source() {
  return credentials_->get().source;
}

}  // namespace agent
