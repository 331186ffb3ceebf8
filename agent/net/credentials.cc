#include "net/credentials.h"

#include "tape/error.h"

namespace agent {
namespace {

class FixedCredentials final : public CredentialsProvider {
 public:
  explicit FixedCredentials(Credentials credentials) : credentials_(std::move(credentials)) {}
  Credentials get() override {
    if (credentials_.access_key.empty() || credentials_.secret_key.empty())
      throw tape::Error(tape::ErrorKind::denied, "no credentials",
                        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    return credentials_;
  }
  void expired(const Credentials& /*credentials*/) override {}

 private:
  const Credentials credentials_;
};

}  // namespace

std::unique_ptr<CredentialsProvider> fixed_credentials(Credentials credentials) {
  return std::make_unique<FixedCredentials>(std::move(credentials));
}

std::unique_ptr<CredentialsProvider> standard_credentials(const CredentialsContext& context) {
  return fixed_credentials({context.environment("AWS_ACCESS_KEY_ID"),
                            context.environment("AWS_SECRET_ACCESS_KEY"),
                            context.environment("AWS_SESSION_TOKEN"),
                            {},
                            "the environment"});
}

AwsProfile aws_profile(const Environment& /*environment*/, const std::string& /*profile*/) {
  return {};
}

}  // namespace agent
