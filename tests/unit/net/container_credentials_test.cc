#include "net/container_credentials.h"

#include "support/aws_home.h"
#include "support/environment.h"
#include "support/expect.h"
#include "support/fake_clock.h"
#include "support/http.h"
#include "support/key_server.h"

using namespace agent;
using namespace test;
using namespace std::chrono_literals;
using tape::ErrorKind;
using tape::failed;
using tape::says;

namespace {

constexpr const char* kRelative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
constexpr const char* kFull = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
constexpr const char* kToken = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
constexpr const char* kTokenFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
constexpr std::size_t kTokenSizeMax = 16'384;

struct World {
  explicit World(KeyServer::Instead instead = {}) : server(std::move(instead)) {
    home.variables[kFull] = server.http().url(KeyServer::kContainerPath);
  }

  std::optional<Credentials> ask() {
    return container_credentials(home.environment(), client, clock);
  }
  Request seen() { return server.http().requests().back(); }

  AwsHome home;
  KeyServer server;
  FakeClock clock;
  HttpClient client{direct()};
};

std::string url_of(const std::string& relative, const std::string& full) {
  AwsHome home;
  home.variables[kRelative] = relative;
  home.variables[kFull] = full;
  return container_url(home.environment());
}

KeyServer::Instead answering(const Reply& reply) {
  return [=](const Request&) { return reply; };
}

}  // namespace

TEST_CASE("container_credentials: a path is below the address of ECS, and counts first") {
  CHECK(url_of("", "").empty());
  CHECK(url_of("/v2/x?y", "") == "http://169.254.170.2/v2/x?y");
  CHECK(url_of("/v2/x", "https://a.b/c") == "http://169.254.170.2/v2/x");
  for (const char* const path : {"v2", "@a.b/c", ".a.b/c", ":80/x", "/a b", "/a\nb", "80"}) {
    INFO(path);
    const auto error = failed([&] { return url_of(path, ""); });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(says(error, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: a path expected"));
  }
}

TEST_CASE("container_credentials: by http:// this machine, ECS and EKS are asked, and no others") {
  for (const char* const url :
       {"https://a.b/c", "http://localhost/", "http://127.0.0.1:1/x", "http://127.9.9.9/x",
        "http://[::1]/x", "http://169.254.170.2/x", "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials", "http://[FD00:EC2::23]/"}) {
    INFO(url);
    CHECK(url_of("", url) == url);
  }
  for (const char* const url :
       {"http://a.b/SECRET", "http://169.254.169.254/SECRET", "http://10.0.0.1/SECRET",
        "http://127.0.0.1.a.b/SECRET", "http://localhost.a/SECRET", "http://169.254.170.2.a/SECRET",
        "http://[::2]/SECRET", "http://0.0.0.0/SECRET"}) {
    const auto error = failed([&] { return url_of("", url); });
    CHECK(error.kind() == ErrorKind::denied);
    CHECK(says(error, "AWS_CONTAINER_CREDENTIALS_FULL_URI: http:// to "));
    CHECK_FALSE(says(error, "SECRET"));
  }
  for (const char* const url : {"a.b/SECRET", "http://127.0.0.1@a.b/SECRET", "file:///SECRET",
                                "http://SECRET:SECRET@127.0.0.1/", "http://127.0.0.1\\a/SECRET"}) {
    const auto error = failed([&] { return url_of("", url); });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(std::string(error.what()) == "AWS_CONTAINER_CREDENTIALS_FULL_URI: a URL expected");
  }
}

TEST_CASE("container_credentials: none of the variables, nobody asked") {
  World world;
  world.home.variables.erase(kFull);
  CHECK_FALSE(world.ask());
  CHECK(world.server.http().request_count() == 0);
}

TEST_CASE("container_credentials: one GET gives keys, token and expiry") {
  World world;
  world.home.variables[kFull] += "?a=%20b";
  const auto found = world.ask();
  REQUIRE(found);
  CHECK(found->access_key == "AKIDSERVED");
  CHECK(found->secret_key == "SECRETkey");
  CHECK(found->session_token == "SECRETsession");
  CHECK(found->expires == world.clock.now() + 1h);
  // The path is a secret.
  CHECK(found->source == "container credentials of " + world.server.http().url());
  REQUIRE(world.server.http().request_count() == 1);
  CHECK(world.seen().method == "GET");
  CHECK(world.seen().target == std::string(KeyServer::kContainerPath) + "?a=%20b");
  CHECK_FALSE(world.seen().has("Authorization"));
}

TEST_CASE("container_credentials: a token is sent as it is; one in a file counts first") {
  World world;
  world.home.variables[kToken] = "Basic SECRET==\r\n";
  world.ask();
  CHECK(world.seen().header("Authorization") == "Basic SECRET==");
  const std::string path = world.home.folder / "token";
  world.home.variables[kTokenFile] = path;
  // Kubernetes renews it: it is read anew each time.
  for (const char* const token : {"SECRETone", "SECRETtwo"}) {
    write_file(path, std::string(token) + "\n");
    world.ask();
    CHECK(world.seen().header("Authorization") == token);
  }
  write_file(path, "");
  world.ask();
  CHECK_FALSE(world.seen().has("Authorization"));
}

TEST_CASE("container_credentials: a token that cannot be had, or sent, is denied, and not shown") {
  World world;
  const std::string path = world.home.folder / "token";
  world.home.variables[kTokenFile] = path;
  const auto missing = failed([&] { return world.ask(); });
  CHECK(missing.kind() == ErrorKind::denied);
  CHECK(says(missing, path + ", which AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names, is missing"));
  for (const std::string& token : {std::string("SECRET\nX-Other: 1"), std::string("SECRET\r\nx"),
                                   std::string("SECRET\0", 7), std::string("\tSECRET")}) {
    write_file(path, token);
    const auto error = failed([&] { return world.ask(); });
    CHECK(error.kind() == ErrorKind::denied);
    CHECK(says(error, "cannot go into a header"));
    CHECK_FALSE(says(error, "SECRET"));
  }
  write_file(path, std::string(kTokenSizeMax + 1, 't'));
  CHECK(failed([&] { return world.ask(); }).kind() == ErrorKind::usage);
  world.home.variables.erase(kTokenFile);
  world.home.variables[kToken] = std::string(kTokenSizeMax + 1, 't');
  CHECK(failed([&] { return world.ask(); }).kind() == ErrorKind::denied);
  CHECK(world.server.http().request_count() == 0);
  world.home.variables[kToken] = std::string(kTokenSizeMax, 't');
  CHECK(world.ask());
}

TEST_CASE("container_credentials: a redirect is not followed: the token is not for others") {
  const HttpServer other([](const Request&) { return Reply{}; });
  World world(answering({.status = 302, .headers = {{"Location", other.url("/SECRET")}}}));
  world.home.variables[kToken] = "SECRET";
  const auto error = failed([&] { return world.ask(); });
  CHECK(error.kind() == ErrorKind::denied);
  CHECK(std::string(error.what()) ==
        "container credentials of " + world.server.http().url() + ": HTTP 302");
  CHECK(other.request_count() == 0);
  CHECK(world.server.http().request_count() == 1);
}

TEST_CASE("container_credentials: a refusal is told by its code alone") {
  struct Case {
    int status;
    const char* body;
    const char* end;
  };
  for (const Case& one : {
           Case{403, R"({"code": "AccessDenied", "message": "SECRET"})", "HTTP 403 AccessDenied"},
           Case{404, "SECRET", "HTTP 404"},
           Case{400, R"({"code": "SECRET in it"})", "HTTP 400"},
       }) {
    World world(answering({.status = one.status, .body = one.body}));
    const auto error = failed([&] { return world.ask(); });
    CHECK(error.kind() == ErrorKind::denied);
    CHECK(std::string(error.what()).ends_with(std::string(": ") + one.end));
    CHECK(world.server.http().request_count() == 1);
  }
}

TEST_CASE("container_credentials: what may pass is tried three times, a second apart") {
  int left = 2;
  World world([&](const Request&) {
    return left-- > 0 ? std::optional(Reply{.status = 500}) : std::nullopt;
  });
  CHECK(world.ask());
  CHECK(world.clock.sleeps() == std::vector<Clock::Duration>{1s, 1s});
  World lost(answering({.status = 429}));
  CHECK(failed([&] { return lost.ask(); }).kind() == ErrorKind::transient);
  CHECK(lost.server.http().request_count() == 3);
}

TEST_CASE("container_credentials: who is not there is named without the path") {
  World world;
  world.home.variables[kFull] += "?SECRETquery";
  world.server.http().stop();
  const auto error = failed([&] { return world.ask(); });
  CHECK(error.kind() == ErrorKind::transient);
  CHECK(says(error, "container credentials of " + world.server.http().url()));
  CHECK_FALSE(says(error, "SECRET"));
  CHECK_FALSE(says(error, "/v2"));
}

TEST_CASE("container_credentials: an answer of something else is denied, and not shown") {
  for (const std::string& body :
       {std::string(), std::string("SECRET"), std::string("[]"), std::string("{}"),
        std::string(R"({"AccessKeyId": "SECRET"})"), std::string(65'537, ' ')}) {
    World world(answering({.body = body}));
    const auto error = failed([&] { return world.ask(); });
    CHECK(error.kind() == ErrorKind::denied);
    CHECK(says(error, "container credentials of "));
    CHECK_FALSE(says(error, "SECRET"));
  }
}

TEST_CASE("container_credentials: proxies stand in front of https:// alone") {
  const HttpServer proxy([](const Request&) { return Reply{.status = 502}; });
  const Variable http("http_proxy", proxy.url());
  const Variable https("https_proxy", proxy.url());
  const Variable none("no_proxy", "");
  World world;
  HttpClient client{HttpOptions{}};
  CHECK(container_credentials(world.home.environment(), client, world.clock));
  CHECK(proxy.request_count() == 0);
  world.home.variables[kFull] = "https://keys.invalid/SECRET";
  const auto error =
      failed([&] { return container_credentials(world.home.environment(), client, world.clock); });
  CHECK_FALSE(says(error, "SECRET"));
  REQUIRE(proxy.request_count() > 0);
  CHECK(proxy.requests().front().method == "CONNECT");
}
