// Credentials: who signs, found in the order that AWS's own tools use.
//
// Spec:    docs/cli.md "Credentials"; AWS SDKs and Tools Reference Guide, "Standardized credential
//          providers".
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/clock.h"

namespace agent {

class HttpClient;

// Secrets: never in a message, a log, an argument of a process or a file of ours.
struct Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // may be empty
  std::optional<Clock::Time> expires;
  std::string source;  // for messages: "profile backup in ~/.aws/credentials"
};

// Threads: any number of callers.
class CredentialsProvider {
 public:
  CredentialsProvider() = default;
  CredentialsProvider(const CredentialsProvider&) = delete;
  CredentialsProvider& operator=(const CredentialsProvider&) = delete;
  virtual ~CredentialsProvider() = default;

  // Good for at least a few minutes more, where they expire: fetched anew in mid-run, and from the
  // source that gave the first. While that fails the old ones are given until they expire.
  // Fails: denied (none were found, with a hint that lists where; or a source that was named does
  // not give any), usage (half of them are set, or a file is not of its form), unsupported (a
  // profile that wants more than is done here), transient, canceled.
  virtual Credentials get() = 0;
  // The server says that these have expired: the next get() asks the source again, unless somebody
  // did since.
  virtual void expired(const Credentials& credentials) = 0;
};

using Environment = std::function<std::string(const std::string& name)>;  // empty: not set

// What ~/.aws/config and ~/.aws/credentials say beside keys. Empty: not said.
struct AwsProfile {
  std::string region;
  std::string endpoint_url;  // of s3, or of all services; not if they say to ignore it
  std::string ca_bundle;
};

struct CredentialsContext {
  Environment environment;
  std::string profile;  // --aws-profile, or empty: AWS_PROFILE, AWS_DEFAULT_PROFILE, `default`
  // For STS, and containers by https. What answers on this machine or its host is asked without
  // proxies and with little patience, by clients of their own.
  HttpClient& http;
  Clock& clock;
};

// --aws-profile; AWS_ACCESS_KEY_ID and its kin; web identity; the shared files, with
// credential_process; container; IMDSv2. The first that is there counts. Nothing is asked before
// the first get(). `context` is copied, what it refers to must outlive the result.
std::unique_ptr<CredentialsProvider> standard_credentials(const CredentialsContext& context);

// These and no others.
std::unique_ptr<CredentialsProvider> fixed_credentials(Credentials credentials);

// Fails: usage when `profile`, or AWS_PROFILE if that is empty, names one that no file has, or a
// file is not of its form.
AwsProfile aws_profile(const Environment& environment, const std::string& profile);

}  // namespace agent
