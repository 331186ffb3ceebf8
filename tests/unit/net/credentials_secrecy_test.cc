// Everything that is secret in here has SECRET in it.
#include <functional>

#include "net/credentials.h"
#include "support/aws_home.h"
#include "support/expect.h"
#include "support/fake_clock.h"
#include "support/http.h"
#include "support/key_server.h"

using namespace agent;
using namespace test;
using tape::failed;

namespace {

constexpr const char* kEnded = "2023-11-14T22:13:20Z";

struct World {
  World() : clock([this] { clock.advance(std::chrono::seconds(20)); }) {}

  void set(const std::string& name, const std::string& value) { home.variables[name] = value; }
  void config(const std::string& lines) {
    write_file(home.folder / ".aws/config", "[default]\n" + lines + "\n");
  }
  void credentials(const std::string& lines) {
    write_file(home.folder / ".aws/credentials", "[default]\n" + lines + "\n");
  }
  void process(const std::string& script) {
    config("credential_process = " + home.program("helper", script) +
           " --token SECRETargument 'SECRET two'");
  }
  void answer(const Reply& reply) {
    server.answer_instead([=](const Request&) { return reply; });
  }
  // To what is asked of `path`. What comes behind it has no keys, what is in front is sound.
  void answer_at(const std::string& path, const Reply& reply) {
    server.answer_instead([=](const Request& request) -> std::optional<Reply> {
      if (request.path() == path) return reply;
      if (request.path().starts_with(path) || path == KeyServer::kTokenPath)
        return Reply{.status = 403};
      return std::nullopt;
    });
  }
  void use_environment() {
    set("AWS_ACCESS_KEY_ID", "AKID");
    set("AWS_SECRET_ACCESS_KEY", "SECRETkey");
    set("AWS_SESSION_TOKEN", "SECRETsession");
  }
  void use_web_identity() {
    write_file(home.folder / "token", "SECRETtoken");
    set("AWS_WEB_IDENTITY_TOKEN_FILE", home.folder / "token");
    set("AWS_ROLE_ARN", "role");
    set("AWS_ENDPOINT_URL_STS", server.http().url("/sts?SECRET"));
  }
  void use_container() {
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI",
        server.http().url(std::string(KeyServer::kContainerPath) + "?SECRET"));
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "SECRETtoken");
  }
  void use_instance() {
    home.variables.erase("AWS_EC2_METADATA_DISABLED");
    set("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.http().url());
  }

  AwsHome home;
  KeyServer server;
  FakeClock clock;
  HttpClient client{direct()};
};

struct Case {
  const char* name;
  std::function<void(World&)> set_up;
};

// AWS_SECRET_ACCESS_KEY is a name.
bool shows_secret(const std::string& text) {
  for (std::size_t at = 0; (at = text.find("SECRET", at)) != std::string::npos; ++at) {
    if (at < 4 || text.compare(at - 4, 4, "AWS_") != 0) return true;
  }
  return false;
}

// None may fail with a text or a hint in which there is a secret.
void check_silent(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    INFO(one.name);
    World world;
    one.set_up(world);
    const auto provider =
        standard_credentials({world.home.environment(), "", world.client, world.clock});
    const auto error = failed([&] { return provider->get(); });
    CHECK_FALSE(shows_secret(error.what()));
    CHECK_FALSE(shows_secret(error.hint()));
  }
}

// Answers that are no credentials, or not those that were asked for.
std::vector<Reply> wrong_answers() {
  const auto json = [](const char* fields) {
    return Reply{.body = std::string("{\"Version\": 1, \"Code\": \"Success\", ") + fields + "}"};
  };
  return {
      {.status = 302, .headers = {{"Location", "http://127.0.0.1:1/SECRET"}}, .body = "SECRET"},
      {.status = 400, .body = R"({"code": "SECRET!", "message": "SECRET"})"},
      {.status = 403, .body = "<Code>SECRET!</Code><Message>SECRET</Message>"},
      {.status = 503, .headers = {{"X-SECRET", "SECRET"}}, .body = "SECRET"},
      {.body = "SECRET"},
      {.body = "{\"SECRET\": \"SECRET"},
      {.body = "<Credentials><AccessKeyId>SECRET</AccessKeyId></Credentials>"},
      {.body = keys_as_xml({"AKID", "SECRET"})},
      {.body = keys_as_xml({"AKID SECRET"})},
      {.body = keys_as_xml({"AKID", kEnded})},
      json(R"("SecretAccessKey": "SECRET")"),
      json(R"("AccessKeyId": "SECRET")"),
      json(R"("AccessKeyId": "SECRET key", "SecretAccessKey": "SECRET")"),
      json(R"("AccessKeyId": "A", "SecretAccessKey": "SECRET key")"),
      json(
          R"("AccessKeyId": "A", "SecretAccessKey": "SECRET", "Token": "SECRET \u0007", "SessionToken": "SECRET x")"),
      json(R"("AccessKeyId": "A", "SecretAccessKey": "SECRET", "Expiration": "SECRET")"),
      {.body = "SECRET" + std::string(65'536, 'x')},
      {.body = "SECRET", .content_length = 100, .end = Reply::End::reset},
      {.end = Reply::End::reset, .raw = ""},
      {.end = Reply::End::close, .raw = "SECRET\r\n\r\n"},
      {.end = Reply::End::close, .raw = "HTTP/1.1 200 SECRET\r\nX: SECRET\r\n"},
  };
}

void check_wrong_answers(const std::function<void(World&, const Reply&)>& set_up) {
  for (const Reply& reply : wrong_answers())
    check_silent(
        {{reply.body.substr(0, 100).c_str(), [&](World& world) { set_up(world, reply); }}});
}

}  // namespace

TEST_CASE("credentials_secrecy: no failure of environment or files shows a secret") {
  check_silent({
      {"half", [](World& world) { world.set("AWS_SECRET_ACCESS_KEY", "SECRETkey"); }},
      {"the other half", [](World& world) { world.set("AWS_ACCESS_KEY_ID", "SECRETid"); }},
      {"a blank in the id",
       [](World& world) {
         world.use_environment();
         world.set("AWS_ACCESS_KEY_ID", "SECRET id");
       }},
      {"a blank in the key",
       [](World& world) {
         world.use_environment();
         world.set("AWS_SECRET_ACCESS_KEY", "SECRET key");
       }},
      {"a token that is too large",
       [](World& world) {
         world.use_environment();
         world.set("AWS_SESSION_TOKEN", "SECRET" + std::string(16'384, 'x'));
       }},
      {"an expiry that is none",
       [](World& world) {
         world.use_environment();
         world.set("AWS_CREDENTIAL_EXPIRATION", "SECRET");
       }},
      {"an expiry that is over",
       [](World& world) {
         world.use_environment();
         world.set("AWS_CREDENTIAL_EXPIRATION", kEnded);
       }},
      {"a line without =", [](World& world) { world.credentials("aws_secret_access_key SECRET"); }},
      {"a section without ]", [](World& world) { world.credentials("[SECRET"); }},
      {"half a file", [](World& world) { world.credentials("aws_secret_access_key = SECRET"); }},
      {"the other half of a file",
       [](World& world) { world.credentials("aws_access_key_id = SECRET"); }},
      {"a comment behind a key",
       [](World& world) {
         world.credentials("aws_access_key_id = A\naws_secret_access_key = SECRET # mine");
       }},
      {"a role of keys",
       [](World& world) {
         world.credentials(
             "role_arn = r\naws_access_key_id = SECRET\naws_secret_access_key = SECRET");
       }},
      {"signing on", [](World& world) { world.config("sso_session = SECRET"); }},
      {"none at all", [](World& world) { world.set("AWS_SESSION_TOKEN", "SECRET"); }},
  });
}

TEST_CASE("credentials_secrecy: no failure of a process shows its arguments or what it wrote") {
  check_silent({
      {"a quote that is not closed",
       [](World& world) { world.config("credential_process = helper 'SECRET"); }},
      {"not there", [](World& world) { world.config("credential_process = none-such SECRET"); }},
      {"not there, in quotes",
       [](World& world) { world.config("credential_process = \"none-such SECRET\""); }},
      {"a variable", [](World& world) { world.config("credential_process = A=SECRET helper"); }},
      {"an exit", [](World& world) { world.process("echo SECRET; echo SECRET >&2; exit 1"); }},
      {"a signal", [](World& world) { world.process("echo SECRET; kill -9 $$"); }},
      {"too much", [](World& world) { world.process("echo SECRET; cat /dev/zero"); }},
      {"no end", [](World& world) { world.process("echo SECRET; exec sleep 1000"); }},
      {"no version", [](World& world) { world.process("echo '{\"SECRET\": \"SECRET\"}'"); }},
  });
  for (const Reply& reply : wrong_answers())
    check_silent({{reply.body.substr(0, 100).c_str(), [&](World& world) {
                     write_file(world.home.folder / "answer", reply.body);
                     world.process("cat " + world.home.folder / "answer");
                   }}});
}

TEST_CASE("credentials_secrecy: no failure of web identity shows the token, or what STS said") {
  check_silent({
      {"no role",
       [](World& world) {
         world.use_web_identity();
         world.set("AWS_ROLE_ARN", "");
       }},
      {"a token that is too large",
       [](World& world) {
         world.use_web_identity();
         write_file(world.home.folder / "token", "SECRET" + std::string(65'536, 'x'));
       }},
      {"an endpoint that is none",
       [](World& world) {
         world.use_web_identity();
         world.set("AWS_ENDPOINT_URL_STS", "http://SECRET:SECRET@127.0.0.1/");
       }},
      {"nobody there",
       [](World& world) {
         world.use_web_identity();
         world.server.http().stop();
       }},
  });
  check_wrong_answers([](World& world, const Reply& reply) {
    world.use_web_identity();
    world.answer(reply);
  });
}

TEST_CASE("credentials_secrecy: no failure of a container shows token, path or answer") {
  check_silent({
      {"a token of two lines",
       [](World& world) {
         world.use_container();
         world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "SECRET\nSECRET");
       }},
      {"a host that is not asked",
       [](World& world) { world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://a/SECRET"); }},
      {"a URL that is none",
       [](World& world) { world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "SECRET"); }},
      {"a path that is none",
       [](World& world) { world.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "SECRET"); }},
      {"nobody there",
       [](World& world) {
         world.use_container();
         world.server.http().stop();
       }},
  });
  check_wrong_answers([](World& world, const Reply& reply) {
    world.use_container();
    world.answer(reply);
  });
}

TEST_CASE("credentials_secrecy: no failure of an instance shows token or answer") {
  for (const char* const path : {"/latest/api/token", "/latest/meta-data/iam/security-credentials/",
                                 "/latest/meta-data/iam/security-credentials/role-1"}) {
    check_wrong_answers([&](World& world, const Reply& reply) {
      world.use_instance();
      world.answer_at(path, reply);
    });
  }
}
