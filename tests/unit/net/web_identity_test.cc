#include "net/web_identity.h"

#include <map>

#include "support/aws_home.h"
#include "support/expect.h"
#include "support/fake_clock.h"
#include "support/http.h"
#include "support/key_server.h"
#include "support/s3_signed.h"

using namespace agent;
using namespace test;
using namespace std::chrono_literals;
using tape::ErrorKind;
using tape::failed;
using tape::says;

namespace {

constexpr std::size_t kTokenSizeMax = 64 << 10;

struct World {
  explicit World(KeyServer::Instead instead = {}) : server(std::move(instead)) {
    write_file(home.folder / "token", "SECRET.web+token/=");
  }

  WebIdentity identity() {
    return {"arn:aws:iam::1:role/r+1", home.folder / "token", "", server.http().url("/sts"),
            "role r"};
  }
  Credentials assume() { return assume_web_identity(identity(), client, clock); }

  AwsHome home;
  KeyServer server;
  FakeClock clock;
  HttpClient client{direct()};
};

std::map<std::string, std::string> form_of(const Request& request) {
  std::map<std::string, std::string> out;
  Request as_query = request;
  as_query.target = "/?" + request.body;
  for (const auto& [name, value] : query_of(as_query))
    out[name] = value;
  return out;
}

std::string url_with(const std::map<std::string, std::string>& variables,
                     std::string_view config = "") {
  AwsHome home(config);
  home.variables.insert(variables.begin(), variables.end());
  return sts_url(home.environment(), AwsConfig(home.environment(), ""));
}

KeyServer::Instead refusing(int status, const std::string& body) {
  return [=](const Request&) { return Reply{.status = status, .body = body}; };
}

}  // namespace

TEST_CASE("web_identity: one POST of a form, in whose body alone the token is") {
  World world;
  world.assume();
  REQUIRE(world.server.http().request_count() == 1);
  const Request request = world.server.http().requests().front();
  CHECK(request.method == "POST");
  CHECK(request.target == "/sts");
  CHECK(request.header("Content-Type").starts_with("application/x-www-form-urlencoded"));
  CHECK_FALSE(request.has("Authorization"));
  CHECK(form_of(request) ==
        std::map<std::string, std::string>{{"Action", "AssumeRoleWithWebIdentity"},
                                           {"Version", "2011-06-15"},
                                           {"RoleArn", "arn:aws:iam::1:role/r+1"},
                                           {"RoleSessionName", "ragtape-1700000000"},
                                           {"WebIdentityToken", "SECRET.web+token/="}});
}

TEST_CASE("web_identity: the answer's keys, until it says") {
  World world;
  const Credentials found = world.assume();
  CHECK(found.access_key == "AKIDSERVED");
  CHECK(found.secret_key == "SECRETkey");
  CHECK(found.session_token == "SECRETsession");
  CHECK(found.expires == world.clock.now() + 1h);
  CHECK(found.source == "role r");
}

TEST_CASE("web_identity: a session name that is given is sent") {
  World world;
  WebIdentity identity = world.identity();
  identity.session_name = "mine@here";
  assume_web_identity(identity, world.client, world.clock);
  CHECK(form_of(world.server.http().requests().back())["RoleSessionName"] == "mine@here");
}

TEST_CASE("web_identity: the token's file is read anew each time, less the line end") {
  World world;
  for (const char* const text : {"one", "two\n", "three \r\n\n"}) {
    write_file(world.home.folder / "token", text);
    world.assume();
  }
  std::string tokens;
  for (const Request& request : world.server.http().requests())
    tokens += form_of(request)["WebIdentityToken"] + ";";
  CHECK(tokens == "one;two;three;");
}

TEST_CASE("web_identity: without a token nobody is asked") {
  World world;
  const std::string path = world.home.folder / "token";
  for (const char* const text : {"", "\n", " \r\n"}) {
    write_file(path, text);
    const auto error = failed([&] { return world.assume(); });
    CHECK(error.kind() == ErrorKind::denied);
    CHECK(says(error, "role r: the token file " + path + " is empty"));
  }
  write_file(path, std::string(kTokenSizeMax + 1, 't'));
  CHECK(failed([&] { return world.assume(); }).kind() == ErrorKind::usage);
  std::filesystem::remove(path);
  const auto error = failed([&] { return world.assume(); });
  CHECK(error.kind() == ErrorKind::denied);
  CHECK(says(error, "role r: the token file " + path + " is missing"));
  CHECK(world.server.http().request_count() == 0);
  write_file(path, std::string(kTokenSizeMax, 't'));
  world.assume();
  CHECK(world.server.http().request_count() == 1);
}

TEST_CASE("web_identity: a refusal is told by its code, not by its message, and not asked again") {
  struct Case {
    int status;
    const char* body;
    ErrorKind kind;
    const char* text;
  };
  for (const Case& one : {
           Case{403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>SECRET</Message>",
                ErrorKind::denied, "role r: HTTP 403 AccessDenied"},
           Case{400, "<Code>InvalidIdentityToken</Code><Message>SECRET.web+token/=</Message>",
                ErrorKind::denied, "role r: HTTP 400 InvalidIdentityToken"},
           Case{404, "", ErrorKind::denied, "role r: HTTP 404"},
           Case{302, "", ErrorKind::denied, "role r: HTTP 302"},
           Case{400, "<Code>SECRET token</Code>", ErrorKind::denied, "role r: HTTP 400"},
           Case{400, "<Code>a</Code><Code>b</Code>", ErrorKind::denied, "role r: HTTP 400"},
           Case{400, "<Code>IDPCommunicationError</Code>", ErrorKind::transient,
                "role r: HTTP 400 IDPCommunicationError"},
       }) {
    World world(refusing(one.status, one.body));
    const auto error = failed([&] { return world.assume(); });
    CHECK(error.kind() == one.kind);
    CHECK(std::string(error.what()) == one.text);
    CHECK(world.server.http().request_count() == 1);
  }
}

TEST_CASE("web_identity: a server's own failure is tried three times, half a second apart") {
  int left = 2;
  World world([&](const Request&) {
    return left-- > 0 ? std::optional(Reply{.status = 500}) : std::nullopt;
  });
  CHECK(world.assume().access_key == "AKIDSERVED");
  CHECK(world.clock.sleeps() == std::vector<Clock::Duration>{500ms, 500ms});

  World lost(refusing(503, "<Code>ServiceUnavailable</Code>"));
  const auto error = failed([&] { return lost.assume(); });
  CHECK(error.kind() == ErrorKind::transient);
  CHECK(says(error, "HTTP 503 ServiceUnavailable"));
  CHECK(lost.server.http().request_count() == 3);
}

TEST_CASE("web_identity: an answer of something else has no credentials") {
  for (const char* const body :
       {"", "<html>", "{}", "<Credentials></Credentials>", "<Credentials><AccessKeyId>SECRET"}) {
    World world(refusing(200, body));
    const auto error = failed([&] { return world.assume(); });
    CHECK(error.kind() == ErrorKind::denied);
    CHECK(std::string(error.what()) == "role r: the answer of STS has no credentials");
  }
}

TEST_CASE("web_identity: each of the four fields is there once, and is text") {
  const std::string whole = keys_as_xml({"A&amp;&lt;&gt;&quot;&apos;", "then"});
  CHECK(fields_of_sts(whole) == AnswerFields{{"AccessKeyId", "A&<>\"'"},
                                             {"SecretAccessKey", "SECRETkey"},
                                             {"SessionToken", "SECRETsession"},
                                             {"Expiration", "then"}});
  for (const char* const name : {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}) {
    INFO(name);
    const std::string tag = std::string("<") + name + ">";
    std::string missing = whole;
    missing.replace(missing.find(tag), tag.size(), "<Other>");
    CHECK(fields_of_sts(missing).empty());
    for (const std::string& more : {tag, "</" + tag.substr(1), std::string("<x/>"),
                                    std::string("&unknown;"), std::string("&")}) {
      INFO(more);
      std::string odd = whole;
      odd.insert(odd.find(tag) + tag.size(), more);
      CHECK(fields_of_sts(odd).empty());
    }
  }
  CHECK(fields_of_sts(whole + whole).empty());
  for (std::size_t size = 0; size < whole.find("</Credentials>") + 14; ++size)
    CHECK(fields_of_sts(whole.substr(0, size)).empty());
}

TEST_CASE("web_identity: the address of STS is typed, of the profile, or of the region") {
  struct Case {
    std::map<std::string, std::string> variables;
    const char* config;
    const char* url;
  };
  constexpr const char* kConfig =
      "[default]\nregion = eu-west-1\nendpoint_url = https://all\nservices = s\n"
      "[services s]\nsts =\n  endpoint_url = https://sts.mine\n";
  for (const Case& one : {
           Case{{{"AWS_ENDPOINT_URL_STS", "http://typed:1"}, {"AWS_ENDPOINT_URL", "https://all"}},
                kConfig,
                "http://typed:1"},
           Case{{{"AWS_ENDPOINT_URL", "http://typed-all"}}, kConfig, "http://typed-all"},
           Case{{}, kConfig, "https://sts.mine"},
           Case{{}, "[default]\nendpoint_url = https://all\n", "https://all"},
           Case{{}, "[default]\nendpoint_url = http://127.0.0.1:1\n", "http://127.0.0.1:1"},
           Case{{{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"}},
                kConfig,
                "https://sts.eu-west-1.amazonaws.com"},
           Case{{}, "", "https://sts.amazonaws.com"},
           Case{{{"AWS_REGION", "aws-global"}}, "", "https://sts.amazonaws.com"},
           Case{{{"AWS_REGION", "cn-north-1"}}, "", "https://sts.cn-north-1.amazonaws.com.cn"},
           Case{{{"AWS_REGION", "us-west-2"}, {"AWS_DEFAULT_REGION", "us-east-1"}},
                "[default]\nregion = eu-west-1\n",
                "https://sts.us-west-2.amazonaws.com"},
           Case{{{"AWS_DEFAULT_REGION", "us-east-1"}},
                "[default]\nregion = eu-west-1\n",
                "https://sts.us-east-1.amazonaws.com"},
           Case{{}, "[default]\nregion = eu-west-1\n", "https://sts.eu-west-1.amazonaws.com"},
       }) {
    INFO(one.url);
    CHECK(url_with(one.variables, one.config) == one.url);
  }
}

TEST_CASE("web_identity: a token does not go to an address that is none, or in the clear") {
  struct Case {
    std::map<std::string, std::string> variables;
    const char* config;
    const char* text;
  };
  for (const Case& one : {
           Case{{{"AWS_ENDPOINT_URL_STS", "sts.here"}}, "", "the endpoint of STS: https://HOST"},
           Case{{{"AWS_ENDPOINT_URL", "http://u:SECRET@a"}}, "", "the endpoint of STS: https://"},
           Case{{}, "[default]\nendpoint_url = http://a.b\n", "a.b, is not https://"},
           Case{{{"AWS_REGION", "evil.com/"}}, "", "region evil.com/"},
           Case{{{"AWS_REGION", "EU-WEST-1"}}, "", "region EU-WEST-1"},
           Case{{{"AWS_REGION", "u@h"}}, "", "region u@h"},
       }) {
    const auto error = failed([&] { return url_with(one.variables, one.config); });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(says(error, one.text));
    CHECK_FALSE(says(error, "SECRET"));
  }
  CHECK(url_with({{"AWS_REGION", std::string(64, 'a')}}).size() == 64 + 26);
  CHECK(failed([&] {
          return url_with({{"AWS_REGION", std::string(65, 'a')}});
        }).kind() == ErrorKind::usage);
}
