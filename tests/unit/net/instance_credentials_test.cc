#include "net/instance_credentials.h"

#include "support/aws_home.h"
#include "support/environment.h"
#include "support/expect.h"
#include "support/fake_clock.h"
#include "support/key_server.h"

using namespace agent;
using namespace test;
using namespace std::chrono_literals;
using tape::ErrorKind;
using tape::failed;
using tape::says;

namespace {

constexpr const char* kEndpoint = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
constexpr const char* kDisabled = "AWS_EC2_METADATA_DISABLED";

struct World {
  explicit World(KeyServer::Instead instead = {}) : server(std::move(instead)) {
    home.variables[kEndpoint] = server.http().url();
    home.variables.erase(kDisabled);
  }

  InstanceAnswer ask() { return instance_credentials(home.environment(), clock); }

  // "PUT /latest/api/token", in their order.
  std::vector<std::string> asked() {
    std::vector<std::string> out;
    for (const Request& request : server.http().requests())
      out.push_back(request.method + " " + request.target);
    return out;
  }
  std::size_t count(const std::string& method) {
    std::size_t out = 0;
    for (const Request& request : server.http().requests())
      out += request.method == method ? 1u : 0u;
    return out;
  }

  AwsHome home;
  KeyServer server;
  FakeClock clock;
};

// To what is asked of `path`.
KeyServer::Instead answering(const std::string& path, const Reply& reply) {
  return [=](const Request& request) {
    return request.path() == path ? std::optional(reply) : std::nullopt;
  };
}

const std::string kTokenPath = KeyServer::kTokenPath;
const std::string kRolesPath = KeyServer::kRolesPath;

}  // namespace

TEST_CASE("instance_credentials: a token by PUT, then with it the role, then its keys") {
  World world;
  const InstanceAnswer answer = world.ask();
  REQUIRE(answer.credentials);
  CHECK(answer.credentials->access_key == "AKIDSERVED");
  CHECK(answer.credentials->secret_key == "SECRETkey");
  CHECK(answer.credentials->session_token == "SECRETsession");
  CHECK(answer.credentials->expires == world.clock.now() + 1h);
  CHECK(answer.credentials->source ==
        "instance metadata at " + world.server.http().url() + ", role role-1");
  CHECK(world.asked() == std::vector<std::string>{"PUT " + kTokenPath, "GET " + kRolesPath,
                                                  "GET " + kRolesPath + "role-1"});
  const auto requests = world.server.http().requests();
  CHECK(requests[0].header("X-aws-ec2-metadata-token-ttl-seconds") == "21600");
  CHECK(requests[0].body.empty());
  for (const std::size_t i : {1u, 2u})
    CHECK(requests[i].header("X-aws-ec2-metadata-token") == "SECRETmetadata");
}

TEST_CASE("instance_credentials: without a token nothing is got: version 1 is never asked") {
  struct Case {
    Reply reply;
    const char* why_not;
  };
  for (const Case& one : {
           Case{{.status = 400}, "no token: HTTP 400"},
           Case{{.status = 403}, "no token: HTTP 403"},
           Case{{.status = 404}, "no token: HTTP 404"},
           Case{{.status = 405}, "no token: HTTP 405"},
           Case{{.status = 302, .headers = {{"Location", "/latest/other"}}}, "no token: HTTP 302"},
           Case{{.body = ""}, "no token in its answer"},
           Case{{.body = "two words"}, "no token in its answer"},
           Case{{.body = std::string(4097, 't')}, "no token in its answer"},
           Case{{.end = Reply::End::reset, .raw = ""}, "no answer"},
       }) {
    INFO(one.why_not);
    World world(answering(kTokenPath, one.reply));
    const InstanceAnswer answer = world.ask();
    CHECK_FALSE(answer.credentials);
    CHECK(answer.why_not == one.why_not);
    CHECK(world.count("GET") == 0);
  }
  World world(answering(kTokenPath, {.body = std::string(4096, 't')}));
  CHECK(world.ask().credentials);
}

TEST_CASE("instance_credentials: where nobody is there is no answer, and no failure") {
  World world;
  world.server.http().stop();
  CHECK_FALSE(world.ask().credentials);
  CHECK(world.ask().why_not == "no answer");
}

TEST_CASE("instance_credentials: somebody who never answers is given two seconds") {
  World world(answering(kTokenPath, {.end = Reply::End::stall, .raw = ""}));
  const auto begun = std::chrono::steady_clock::now();
  CHECK(world.ask().why_not == "no answer");
  CHECK(std::chrono::steady_clock::now() - begun < 4s);
  CHECK(world.count("PUT") == 2);
  CHECK(world.count("GET") == 0);
}

TEST_CASE("instance_credentials: a service that is there and ill is asked twice, then it is said") {
  for (const std::string& path : {kTokenPath, kRolesPath, kRolesPath + "role-1"}) {
    INFO(path);
    World world(answering(path, {.status = 500, .body = "SECRET"}));
    const auto error = failed([&] { return world.ask(); });
    CHECK(error.kind() == ErrorKind::transient);
    CHECK(std::string(error.what()) ==
          "instance metadata at " + world.server.http().url() + ": HTTP 500");
    const auto asked = world.asked();
    CHECK(asked.size() >= 2);
    CHECK(asked.back() == asked[asked.size() - 2]);
  }
}

TEST_CASE("instance_credentials: an instance without a role has no keys, which is no failure") {
  World world(answering(kRolesPath, {.status = 404}));
  const InstanceAnswer answer = world.ask();
  CHECK_FALSE(answer.credentials);
  CHECK(answer.why_not == "no role is attached to this instance");
}

TEST_CASE("instance_credentials: a role that is none is not asked for") {
  for (const std::string& role :
       {std::string(), std::string("SECRET/.."), std::string("SECRET?x"), std::string("SECRET%2F"),
        std::string("SECRET x"), std::string("SECRET#"), std::string(129, 'S')}) {
    INFO(role);
    World world(answering(kRolesPath, {.body = role}));
    const auto error = failed([&] { return world.ask(); });
    CHECK(error.kind() == ErrorKind::denied);
    CHECK(says(error, "the name of a role expected"));
    CHECK_FALSE(says(error, "SECRET"));
    CHECK(world.server.http().request_count() == 2);
  }
  World first(answering(kRolesPath, {.body = "role-1\nrole-2"}));
  CHECK(first.ask().credentials);
}

TEST_CASE("instance_credentials: a role without keys is denied, by its code alone") {
  struct Case {
    Reply reply;
    const char* text;
  };
  for (const Case& one : {
           Case{{.status = 403, .body = "SECRET"}, ": HTTP 403"},
           Case{{.status = 404, .body = "SECRET"}, ": HTTP 404"},
           Case{{.body = "SECRET"}, "role role-1: a JSON object expected"},
           Case{{.body = R"({"Code": "AssumeRoleUnauthorizedAccess", "Message": "SECRET"})"},
                "role role-1: no keys: AssumeRoleUnauthorizedAccess"},
           Case{{.body = R"({"Code": "SECRET code"})"}, "role role-1: no keys"},
           Case{{.body = R"({"Code": "Success", "AccessKeyId": "SECRET"})"}, "no SecretAccessKey"},
           Case{{.body = std::string(65'537, ' ')}, "instance metadata at "},
       }) {
    World world(answering(kRolesPath + "role-1", one.reply));
    const auto error = failed([&] { return world.ask(); });
    CHECK(error.kind() == ErrorKind::denied);
    CHECK(says(error, "instance metadata at " + world.server.http().url()));
    CHECK(says(error, one.text));
    CHECK_FALSE(says(error, "SECRET"));
  }
}

TEST_CASE("instance_credentials: keys that have run out are good for ten minutes more") {
  World world;
  world.server.give({.expires = "2023-11-14T22:13:20Z"});
  CHECK(world.ask().credentials->expires == world.clock.now() + 10min);
  world.server.give({.expires = "2023-11-14T22:13:21Z"});
  CHECK(world.ask().credentials->expires == world.clock.now() + 1s);
}

TEST_CASE("instance_credentials: AWS_EC2_METADATA_DISABLED asks nobody, when it is true") {
  World world;
  for (const char* const yes : {"true", "TRUE", "True"}) {
    world.home.variables[kDisabled] = yes;
    const InstanceAnswer answer = world.ask();
    CHECK_FALSE(answer.credentials);
    CHECK(answer.why_not == "AWS_EC2_METADATA_DISABLED is set");
  }
  CHECK(world.server.http().request_count() == 0);
  world.home.variables[kDisabled] = "false";
  CHECK(world.ask().credentials);
}

TEST_CASE("instance_credentials: an endpoint may end in a slash, and has to be a URL") {
  World world;
  world.home.variables[kEndpoint] += "//";
  CHECK(world.ask().credentials);
  CHECK(world.asked().front() == "PUT " + kTokenPath);
  for (const char* const url : {"127.0.0.1", "http://SECRET@127.0.0.1/", "file:///SECRET"}) {
    world.home.variables[kEndpoint] = url;
    const auto error = failed([&] { return world.ask(); });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(std::string(error.what()) == "AWS_EC2_METADATA_SERVICE_ENDPOINT: a URL expected");
  }
}

TEST_CASE("instance_credentials: no proxy is asked for them") {
  const HttpServer proxy([](const Request&) { return Reply{.status = 502}; });
  const Variable http("http_proxy", proxy.url());
  const Variable none("no_proxy", "");
  World world;
  CHECK(world.ask().credentials);
  CHECK(proxy.request_count() == 0);
}
