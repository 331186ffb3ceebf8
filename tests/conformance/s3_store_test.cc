// The conformance suite against a real server, which with_server.py starts: where it is and who we
// are comes from the environment.
#include "store/s3_store.h"

#include <atomic>
#include <cstdlib>

#include <unistd.h>

#include "conformance/object_store.h"
#include "net/credentials.h"
#include "store/wrapped_store.h"
#include "support/catch.h"

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  REQUIRE(value != nullptr);
  return value;
}

struct Parts {
  explicit Parts(const std::string& prefix) {
    agent::S3Options options;
    options.location = {environment("S3_BUCKET"), prefix};
    options.endpoint = agent::parse_endpoint(environment("S3_ENDPOINT"), "us-east-1");
    options.region = "us-east-1";
    store = agent::open_s3_store({http, *credentials, *clock}, options);
  }
  std::unique_ptr<agent::Clock> clock = agent::system_clock();
  agent::HttpClient http{{}};
  std::unique_ptr<agent::CredentialsProvider> credentials = agent::fixed_credentials(
      {environment("S3_ACCESS_KEY"), environment("S3_SECRET_KEY"), "", {}, "the test"});
  std::unique_ptr<agent::S3Store> store;
};

// A store below a prefix of its own, with what carries it.
class OwnStore final : private Parts, public agent::WrappedStore {
 public:
  explicit OwnStore(const std::string& prefix) : Parts(prefix), WrappedStore(*Parts::store) {}
};

std::string fresh_prefix() {
  static int count = 0;
  return "conformance/" + std::to_string(::getpid()) + "/" + std::to_string(++count);
}

}  // namespace

TEST_CASE("s3_store: conforms on a real server") {
  const bool conditional = environment("S3_SERVER") != "swift";
  test::conforms([] { return std::make_unique<OwnStore>(fresh_prefix()); }, 5 << 20, conditional);
}
