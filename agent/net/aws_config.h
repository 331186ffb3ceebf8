// The two files that AWS's tools share: ~/.aws/config and ~/.aws/credentials.
//
// Errors name file and line, and never what stands there: it may be a secret.
//
// Fails:   usage: what is not of this form.
// Limits:  1 MiB a file.
// Threads: values.
// Spec:    AWS SDKs and Tools Reference Guide, "Shared config and credentials files" and
//          "Service-specific endpoints"; where it is silent, as the AWS CLI does.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "net/credentials.h"

namespace agent {

inline constexpr std::size_t kAwsFileSizeMax = std::size_t{1} << 20;

struct AwsSetting {
  std::string value;
  std::string place;  // "~/.aws/config line 3"
  // Of a block: deeper lines behind `s3 =`.
  std::map<std::string, std::string> nested;
};
using AwsSection = std::map<std::string, AwsSetting>;  // keys in lower case

// The sections by what stands in their brackets. One that comes again goes on; the last value of a
// key counts. `name` is for errors.
std::map<std::string, AwsSection> parse_aws_file(std::string_view text, const std::string& name);

// Both files, as they are now, and one profile in them.
class AwsConfig {
 public:
  // `profile` empty: AWS_PROFILE, AWS_DEFAULT_PROFILE, `default`.
  AwsConfig(const Environment& environment, const std::string& profile);

  const std::string& profile() const { return profile_; }
  bool has_profile() const { return is_there_; }
  // Fails: usage when the profile was named and is in neither file.
  void require_profile() const;

  // What the file of credentials says counts more. Null: it is not set.
  const AwsSetting* setting(const std::string& key) const;
  std::string value(const std::string& key) const;  // empty: it is not set
  // aws_access_key_id and its kin: all from one file.
  std::optional<Credentials> keys() const;
  // Of "s3", "sts"; else that of all services. Empty: none, or they are not to be minded.
  std::string endpoint_url(const std::string& service) const;

  // For messages: "profile NAME in FILE or FILE (no such file)".
  std::string description() const;

 private:
  std::optional<Credentials> keys_in(const AwsSection& section, const std::string& name) const;

  std::string profile_;
  bool named_ = false;
  bool is_there_ = false;
  bool endpoints_ignored_ = false;
  std::string credentials_name_;
  std::string config_name_;
  std::string credentials_note_;  // " (no such file)"
  std::string config_note_;
  AwsSection in_credentials_;
  AwsSection in_config_;
  AwsSection services_;
};

}  // namespace agent
