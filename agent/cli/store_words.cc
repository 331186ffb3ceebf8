#include "cli/store_words.h"

namespace agent {
namespace {

constexpr const char* kGroup = "Stores behind a network";

}  // namespace

void StoreWords::add_reading(const Verb& verb) {
  const auto add = [&](const char* name, std::string& value, const char* variable,
                       const char* help) {
    return verb.option(name, value, help).group(kGroup).environment(variable);
  };
  add("--endpoint", endpoint, "RAGTAPE_ENDPOINT",
      "URL of the S3 server (default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, ~/.aws/config, AWS's "
      "own); http:// only here");
  add("--region", region, "RAGTAPE_REGION",
      "(default: AWS_REGION, AWS_DEFAULT_REGION, ~/.aws/config, us-east-1; a bucket elsewhere is "
      "found)");
  add("--aws-profile", aws_profile, "RAGTAPE_AWS_PROFILE",
      "A profile of ~/.aws/credentials and ~/.aws/config");
  add("--path-style", path_style, "RAGTAPE_PATH_STYLE",
      "on: https://HOST/BUCKET, off: https://BUCKET.HOST (auto: off at AWS)")
      .one_of({"auto", "on", "off"});
  add("--ca-bundle", ca_bundle, "RAGTAPE_CA_BUNDLE",
      "A file of certificates to trust instead of the system's (default: AWS_CA_BUNDLE)");
  add("--sse", sse, "RAGTAPE_SSE",
      "Encryption by the server: AES256, aws:kms[:KEY], customer:FILE (a key of 32 bytes; reading "
      "needs it, too)");
  add("--request-payer", request_payer, "RAGTAPE_REQUEST_PAYER", "Who pays for requests")
      .one_of({"requester"});
  add("--limit-download", limit_download, "RAGTAPE_LIMIT_DOWNLOAD",
      "Bytes a second, such as 2M, of all connections together");
  add("--idle-timeout", idle_timeout, "RAGTAPE_IDLE_TIMEOUT",
      "A connection on which nothing moves for so long is given up")
      .show_default();
  add("--retry-for", retry_for, "RAGTAPE_RETRY_FOR",
      "How long a request that fails is tried again; 0: not at all")
      .show_default();
}

void StoreWords::add_writing(const Verb& verb) {
  add_reading(verb);
  const auto add = [&](const char* name, std::string& value, const char* variable,
                       const char* help) {
    verb.option(name, value, help).group(kGroup).environment(variable);
  };
  add("--limit-upload", limit_upload, "RAGTAPE_LIMIT_UPLOAD",
      "Bytes a second, such as 500K, of all connections together");
  add("--storage-class", storage_class, "RAGTAPE_STORAGE_CLASS",
      "Of volumes, such as STANDARD_IA; manifests keep the bucket's");
  add("--object-lock", object_lock, "RAGTAPE_OBJECT_LOCK",
      "Nothing can be deleted before: governance:30d, compliance:2027-01-31");
  add("--acl", acl, "RAGTAPE_ACL", "A canned ACL, such as bucket-owner-full-control");
  verb.option("--tag", tags, "KEY=VALUE of every object; repeatable").group(kGroup);
}

}  // namespace agent
