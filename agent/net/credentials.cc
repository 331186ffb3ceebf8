#include "net/credentials.h"

#include <mutex>
#include <utility>
#include <vector>

#include "net/aws_config.h"
#include "net/container_credentials.h"
#include "net/credential_process.h"
#include "net/credentials_answer.h"
#include "net/instance_credentials.h"
#include "net/web_identity.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;

// What is begun now is signed with what is good for this long.
constexpr std::chrono::minutes kRefreshAhead{5};
// A source that has nothing better, or fails while the old ones are good, is left alone for this.
constexpr Clock::Duration kRefreshPause{30'000};

class Fixed final : public CredentialsProvider {
 public:
  explicit Fixed(Credentials credentials) : credentials_(std::move(credentials)) {}

  Credentials get() override { return credentials_; }
  void expired(const Credentials& /*credentials*/) override {}

 private:
  const Credentials credentials_;
};

// What one source says: credentials, or, for people, where they would have been.
struct Looked {
  std::optional<Credentials> found;
  std::string where = {};
};

// The sources, in their order. Each call looks anew at environment, files and network.
class Chain {
 public:
  explicit Chain(const CredentialsContext& context) : context_(context) {}

  // Of the source that gave them first: who one is does not change in mid-run.
  Credentials fetch() {
    if (chosen_ != nullptr) {
      const Looked looked = (this->*chosen_)();
      if (looked.found) return fresh(*looked.found);
      throw Error(ErrorKind::transient,
                  "the source of the credentials has none now: " + looked.where);
    }
    if (!context_.profile.empty()) {
      const Looked looked = of_files();
      if (looked.found) {
        chosen_ = &Chain::of_files;
        return fresh(*looked.found);
      }
      throw Error(
          ErrorKind::denied, "no credentials in " + looked.where,
          "aws_access_key_id and aws_secret_access_key, credential_process, or role_arn with "
          "web_identity_token_file expected");
    }
    return first_found();
  }

 private:
  using Source = Looked (Chain::*)();

  Credentials first_found() {
    std::string places;
    for (const Source source : {&Chain::of_environment, &Chain::of_web_identity, &Chain::of_files,
                                &Chain::of_container, &Chain::of_instance}) {
      const Looked looked = (this->*source)();
      if (looked.found) {
        chosen_ = source;
        return fresh(*looked.found);
      }
      places += (places.empty() ? "" : "; ") + looked.where;
    }
    throw Error(ErrorKind::denied, "credentials for S3: none were found", "looked at " + places);
  }

  Credentials fresh(const Credentials& credentials) const {
    if (credentials.expires && *credentials.expires <= context_.clock.now())
      throw Error(
          ErrorKind::denied, credentials.source + ": they have expired",
          "new ones are needed there; if they are new, is the clock of this machine right?");
    return credentials;
  }

  std::string environment(const char* name) const { return context_.environment(name); }

  Looked of_environment() {
    Credentials out;
    out.access_key = environment("AWS_ACCESS_KEY_ID");
    out.secret_key = environment("AWS_SECRET_ACCESS_KEY");
    out.session_token = environment("AWS_SESSION_TOKEN");
    out.source = "AWS_ACCESS_KEY_ID";
    if (out.access_key.empty() && out.secret_key.empty())
      return {std::nullopt, "AWS_ACCESS_KEY_ID (not set)"};
    const bool half = out.access_key.empty() || out.secret_key.empty();
    if (half)
      throw Error(ErrorKind::usage, out.secret_key.empty()
                                        ? "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not"
                                        : "AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not");
    check_shape(out);
    if (const std::string expiry = environment("AWS_CREDENTIAL_EXPIRATION"); !expiry.empty())
      set_expiry(out, expiry);
    return {out};
  }

  Looked of_web_identity() {
    WebIdentity identity;
    identity.token_file = environment("AWS_WEB_IDENTITY_TOKEN_FILE");
    identity.role_arn = environment("AWS_ROLE_ARN");
    if (identity.token_file.empty()) return {std::nullopt, "AWS_WEB_IDENTITY_TOKEN_FILE (not set)"};
    if (identity.role_arn.empty())
      throw Error(ErrorKind::usage, "AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not");
    identity.session_name = environment("AWS_ROLE_SESSION_NAME");
    identity.source = "role " + shown(identity.role_arn) + " of AWS_WEB_IDENTITY_TOKEN_FILE";
    return {assume(identity, AwsConfig(context_.environment, ""))};
  }

  Looked of_files() {
    const AwsConfig config(context_.environment, context_.profile);
    config.require_profile();
    if (config.setting("role_arn") != nullptr ||
        config.setting("web_identity_token_file") != nullptr)
      return {role_of(config)};
    if (auto keys = config.keys()) return {keys};
    if (const AwsSetting* const process = config.setting("credential_process"))
      return {run_credential_process(process->value,
                                     "credential_process of profile " + shown(config.profile()),
                                     context_.clock)};
    for (const char* const key : {"sso_session", "sso_start_url", "login_session"}) {
      if (const AwsSetting* const sign_on = config.setting(key))
        unsupported(config, *sign_on, std::string(key) + ": signing on is not done here");
    }
    return {std::nullopt, config.description()};
  }

  Looked of_container() {
    auto found = container_credentials(context_.environment, context_.http, context_.clock);
    return {std::move(found), "AWS_CONTAINER_CREDENTIALS_FULL_URI (not set)"};
  }

  Looked of_instance() {
    InstanceAnswer answer = instance_credentials(context_.environment, context_.clock);
    return {std::move(answer.credentials), "EC2 instance metadata (" + answer.why_not + ")"};
  }

  Credentials role_of(const AwsConfig& config) {
    const AwsSetting* const role = config.setting("role_arn");
    const AwsSetting* const token = config.setting("web_identity_token_file");
    if (role == nullptr)
      throw Error(ErrorKind::usage, token->place + ": web_identity_token_file without role_arn");
    if (token == nullptr)
      unsupported(config, *role, "role_arn without web_identity_token_file is not done here");
    const std::string source =
        "role " + shown(role->value) + " of profile " + shown(config.profile());
    return assume({role->value, token->value, config.value("role_session_name"), "", source},
                  config);
  }

  Credentials assume(WebIdentity identity, const AwsConfig& config) {
    identity.sts_url = sts_url(context_.environment, config);
    return assume_web_identity(identity, context_.http, context_.clock);
  }

  [[noreturn]] static void unsupported(const AwsConfig& config,
                                       const AwsSetting& setting,
                                       const std::string& what) {
    throw Error(ErrorKind::unsupported, setting.place + ": " + what,
                "a profile of its own with `credential_process = aws configure export-credentials "
                "--profile " +
                    shown(config.profile()) + "` gives the same keys");
  }

  const CredentialsContext context_;
  Source chosen_ = nullptr;
};

class Standard final : public CredentialsProvider {
 public:
  explicit Standard(const CredentialsContext& context) : clock_(context.clock), chain_(context) {}

  // The others wait while one fetches.
  Credentials get() override {
    const std::lock_guard lock(mutex_);
    if (is_due()) refresh();
    return *held_;
  }

  void expired(const Credentials& credentials) override {
    const std::lock_guard lock(mutex_);
    const bool held = held_ && held_->access_key == credentials.access_key &&
                      held_->session_token == credentials.session_token;
    if (held) refused_ = true;
  }

 private:
  bool is_good_for(Clock::Duration duration) const {
    return held_ && !refused_ && (!held_->expires || *held_->expires - clock_.now() > duration);
  }

  bool is_due() const {
    if (is_good_for(kRefreshAhead)) return false;
    return !is_good_for(Clock::Duration(0)) || clock_.elapsed() >= next_fetch_;
  }

  void refresh() {
    const auto failure = tape::failure_of([&] {
      held_ = chain_.fetch();
      refused_ = false;
    });
    next_fetch_ = clock_.elapsed() + kRefreshPause;
    if (!failure) return;
    const bool goes_on = failure->kind() != ErrorKind::canceled && is_good_for(Clock::Duration(0));
    if (!goes_on) throw Error(*failure);
  }

  Clock& clock_;
  std::mutex mutex_;
  Chain chain_;
  std::optional<Credentials> held_;
  bool refused_ = false;  // by the server, whatever they say of themselves
  Clock::Duration next_fetch_{0};
};

}  // namespace

std::unique_ptr<CredentialsProvider> standard_credentials(const CredentialsContext& context) {
  return std::make_unique<Standard>(context);
}

std::unique_ptr<CredentialsProvider> fixed_credentials(Credentials credentials) {
  return std::make_unique<Fixed>(std::move(credentials));
}

}  // namespace agent
