#include "net/credentials.h"

#include <functional>

#include "support/aws_home.h"
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

// Where each source finds something. A test takes away what it does not want.
struct World {
  World()
      : home("", "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = SECRETkey\n") {
    write_file(home.folder / "token", "SECRETtoken");
    HttpServer& http = server.http();
    home.variables.insert({
        {"AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT"},
        {"AWS_SECRET_ACCESS_KEY", "SECRETkey"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE", home.folder / "token"},
        {"AWS_ROLE_ARN", "role-of-variables"},
        {"AWS_ENDPOINT_URL_STS", http.url(KeyServer::kStsPath)},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", http.url(KeyServer::kContainerPath)},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT", http.url()},
    });
    home.variables.erase("AWS_EC2_METADATA_DISABLED");
  }

  void profile(const std::string& name, const std::string& lines) {
    std::string text = read_file(home.folder / ".aws/config");
    write_file(home.folder / ".aws/config", text + "[profile " + name + "]\n" + lines + "\n");
  }
  void without_keys_in_files() { write_file(home.folder / ".aws/credentials", ""); }

  std::unique_ptr<CredentialsProvider> provider(const std::string& name = "") {
    return standard_credentials({home.environment(), name, client, clock});
  }
  Credentials get(const std::string& name = "") { return provider(name)->get(); }

  AwsHome home;
  KeyServer server;
  FakeClock clock;
  HttpClient client{direct()};
};

struct Source {
  std::string source;  // how that of the credentials begins
  std::function<void(World&)> take_away;
  std::function<void(World&)> spoil;
  ErrorKind kind;  // of what is spoilt
};

KeyServer::Instead refused(const std::string& path) {
  return [=](const Request& request) {
    return request.path() == path ? std::optional(Reply{.status = 403}) : std::nullopt;
  };
}

// In the order of the chain.
std::vector<Source> sources() {
  return {
      {"AWS_ACCESS_KEY_ID",
       [](World& world) {
         world.home.variables.erase("AWS_ACCESS_KEY_ID");
         world.home.variables.erase("AWS_SECRET_ACCESS_KEY");
       },
       [](World& world) { world.home.variables["AWS_ACCESS_KEY_ID"] = "A B"; }, ErrorKind::denied},
      {"role role-of-variables of AWS_WEB_IDENTITY_TOKEN_FILE",
       [](World& world) { world.home.variables.erase("AWS_WEB_IDENTITY_TOKEN_FILE"); },
       [](World& world) { world.server.answer_instead(refused(KeyServer::kStsPath)); },
       ErrorKind::denied},
      {"profile default in ~/.aws/credentials", [](World& world) { world.without_keys_in_files(); },
       [](World& world) {
         write_file(world.home.folder / ".aws/credentials", "[default]\naws_access_key_id = A\n");
       },
       ErrorKind::usage},
      {"container credentials of http://127.0.0.1:",
       [](World& world) { world.home.variables.erase("AWS_CONTAINER_CREDENTIALS_FULL_URI"); },
       [](World& world) { world.server.answer_instead(refused(KeyServer::kContainerPath)); },
       ErrorKind::denied},
      {"instance metadata at http://127.0.0.1:",
       [](World& world) { world.home.variables["AWS_EC2_METADATA_DISABLED"] = "true"; },
       [](World& world) { world.server.answer_instead(refused(KeyServer::kRolesPath)); },
       ErrorKind::denied},
  };
}

}  // namespace

TEST_CASE("credentials: the first source that is there counts, in AWS's own order") {
  World world;
  for (const Source& source : sources()) {
    INFO(source.source);
    CHECK(world.get().source.starts_with(source.source));
    source.take_away(world);
  }
  CHECK(failed([&] { return world.get(); }).kind() == ErrorKind::denied);
}

TEST_CASE("credentials: a source that is there and fails is an error; the next is not asked") {
  const auto all = sources();
  for (std::size_t i = 0; i < all.size(); ++i) {
    INFO(all[i].source);
    World world;
    for (std::size_t before = 0; before < i; ++before)
      all[before].take_away(world);
    all[i].spoil(world);
    CHECK(failed([&] { return world.get(); }).kind() == all[i].kind);
  }
}

TEST_CASE("credentials: --aws-profile counts over all, and nothing else is looked at") {
  World world;
  world.profile("work", "aws_access_key_id = AKIDWORK\naws_secret_access_key = SECRETkey");
  CHECK(world.get("work").access_key == "AKIDWORK");
  world.profile("empty", "region = r");
  const auto empty = failed([&] { return world.get("empty"); });
  CHECK(empty.kind() == ErrorKind::denied);
  CHECK(says(empty, "no credentials in profile empty in ~/.aws/credentials or ~/.aws/config"));
  CHECK(empty.hint().find("credential_process") != std::string::npos);
  CHECK(failed([&] { return world.get("none"); }).kind() == ErrorKind::usage);
  CHECK(world.server.http().request_count() == 0);
  // AWS_PROFILE names a profile; it does not put it in front.
  world.home.variables["AWS_PROFILE"] = "work";
  CHECK(world.get().access_key == "AKIDENVIRONMENT");
  for (const std::size_t i : {0u, 1u})
    sources()[i].take_away(world);
  CHECK(world.get().access_key == "AKIDWORK");
  world.home.variables["AWS_PROFILE"] = "none";
  CHECK(failed([&] { return world.get(); }).kind() == ErrorKind::usage);
}

TEST_CASE("credentials: a profile that failed once is not taken for one that had keys") {
  World world;
  const auto provider = world.provider("work");
  CHECK(failed([&] { return provider->get(); }).kind() == ErrorKind::usage);
  world.profile("work", "region = r");
  CHECK(failed([&] { return provider->get(); }).kind() == ErrorKind::denied);
  world.profile("work", "aws_access_key_id = AKIDWORK\naws_secret_access_key = SECRETkey");
  CHECK(provider->get().access_key == "AKIDWORK");
}

TEST_CASE("credentials: keys of the environment, with token and expiry") {
  World world;
  CHECK(world.get().session_token.empty());
  CHECK_FALSE(world.get().expires);
  world.home.variables["AWS_SESSION_TOKEN"] = "SECRETsession";
  world.home.variables["AWS_CREDENTIAL_EXPIRATION"] = "2023-11-14T23:13:20Z";
  const Credentials found = world.get();
  CHECK(found.access_key == "AKIDENVIRONMENT");
  CHECK(found.secret_key == "SECRETkey");
  CHECK(found.session_token == "SECRETsession");
  CHECK(found.expires == world.clock.now() + 1h);
  world.home.variables["AWS_CREDENTIAL_EXPIRATION"] = "2023-11-14T22:13:20Z";
  const auto error = failed([&] { return world.get(); });
  CHECK(error.kind() == ErrorKind::denied);
  CHECK(says(error, "AWS_ACCESS_KEY_ID: they have expired"));
  CHECK(error.hint().find("clock") != std::string::npos);
}

TEST_CASE("credentials: half of them set is an error that says which half") {
  struct Case {
    const char* missing;
    const char* text;
  };
  for (const Case& one : {
           Case{"AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not"},
           Case{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not"},
       }) {
    World world;
    world.home.variables.erase(one.missing);
    const auto error = failed([&] { return world.get(); });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(std::string(error.what()) == one.text);
  }
  World world;
  sources()[0].take_away(world);
  world.home.variables.erase("AWS_ROLE_ARN");
  const auto error = failed([&] { return world.get(); });
  CHECK(error.kind() == ErrorKind::usage);
  CHECK(says(error, "AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not"));
}

TEST_CASE("credentials: of a profile, a role by web identity, then keys, then a process") {
  World world;
  const std::string keys = "aws_access_key_id = AKIDKEYS\naws_secret_access_key = SECRETkey\n";
  const std::string process =
      "credential_process = " +
      world.home.program("helper", "echo '" + keys_as_json({"AKIDPROCESS"}, "SessionToken") + "'") +
      "\n";
  const std::string role =
      "role_arn = role-of-profile\nweb_identity_token_file = " + world.home.folder / "token" +
      "\nrole_session_name = session-1\n";
  world.profile("all", role + keys + process);
  world.profile("two", keys + process);
  world.profile("one", process + "sso_session = mine");
  const Credentials found = world.get("all");
  CHECK(found.access_key == "AKIDSERVED");
  CHECK(found.source == "role role-of-profile of profile all");
  CHECK(world.server.http().requests().back().body.find("RoleSessionName=session-1&") !=
        std::string::npos);
  CHECK(world.get("two").access_key == "AKIDKEYS");
  CHECK(world.get("one").access_key == "AKIDPROCESS");
  CHECK(world.get("one").source == "credential_process of profile one");
  world.profile("half", "web_identity_token_file = " + world.home.folder / "token");
  const auto half = failed([&] { return world.get("half"); });
  CHECK(half.kind() == ErrorKind::usage);
  CHECK(says(half, "web_identity_token_file without role_arn"));
}

TEST_CASE("credentials: what a profile wants and is not done here is said, with a way round") {
  struct Case {
    const char* lines;
    const char* setting;
  };
  for (const Case& one : {
           Case{"role_arn = r\nsource_profile = default", "line 2: role_arn without"},
           Case{"role_arn = r\ncredential_source = Ec2InstanceMetadata",
                "line 2: role_arn without"},
           Case{"region = r\nsso_session = mine", "line 3: sso_session: signing on"},
           Case{"region = r\nsso_start_url = https://a", "line 3: sso_start_url: signing on"},
           Case{"region = r\nlogin_session = a", "line 3: login_session: signing on"},
       }) {
    World world;
    world.profile("work", one.lines);
    const auto error = failed([&] { return world.get("work"); });
    CHECK(error.kind() == ErrorKind::unsupported);
    CHECK(says(error, std::string("~/.aws/config ") + one.setting));
    CHECK(
        error.hint().find("credential_process = aws configure export-credentials --profile work") !=
        std::string::npos);
  }
}

TEST_CASE("credentials: none at all, and the hint lists each place that was looked at") {
  World world;
  for (const Source& source : sources())
    source.take_away(world);
  const auto error = failed([&] { return world.get(); });
  CHECK(error.kind() == ErrorKind::denied);
  for (const char* const place :
       {"AWS_ACCESS_KEY_ID (not set)", "AWS_WEB_IDENTITY_TOKEN_FILE (not set)",
        "profile default in ~/.aws/credentials or ~/.aws/config",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI (not set)",
        "EC2 instance metadata (AWS_EC2_METADATA_DISABLED is set)"}) {
    INFO(place);
    CHECK(error.hint().find(place) != std::string::npos);
  }
  CHECK(world.server.http().request_count() == 0);
}

TEST_CASE("credentials: without HOME there are no files, and the rest goes on") {
  World world;
  world.home.variables.erase("HOME");
  CHECK(world.get().access_key == "AKIDENVIRONMENT");
  for (const std::size_t i : {0u, 1u})
    sources()[i].take_away(world);
  CHECK(world.get().source.starts_with("container credentials"));
  for (const std::size_t i : {3u, 4u})
    sources()[i].take_away(world);
  const auto error = failed([&] { return world.get(); });
  CHECK(error.kind() == ErrorKind::denied);
  CHECK(error.hint().find("~/.aws/credentials (HOME is not set)") != std::string::npos);
  CHECK(failed([&] { return world.get("work"); }).kind() == ErrorKind::usage);
}

TEST_CASE("credentials: nothing is asked, read or started before the first get()") {
  World world;
  for (const std::size_t i : {0u, 1u})
    sources()[i].take_away(world);
  world.without_keys_in_files();
  const std::string started = world.home.folder / "started";
  world.profile("work", "credential_process = " +
                            world.home.program("helper", "touch " + started + "\nexit 1"));
  write_file(world.home.folder / ".aws/credentials", "not of its form\n");
  const auto container = world.provider();
  const auto process = world.provider("work");
  container->expired({});
  CHECK(world.server.http().request_count() == 0);
  CHECK_FALSE(is_there(started));
  world.without_keys_in_files();
  CHECK(container->get().access_key == "AKIDSERVED");
  CHECK(world.server.http().request_count() == 1);
  CHECK(failed([&] { return process->get(); }).kind() == ErrorKind::denied);
  CHECK(is_there(started));
}

TEST_CASE("credentials: those that are given are what there is, whatever the server says") {
  const auto provider = fixed_credentials({"AKID", "SECRETkey", "t", Clock::Time{}, "here"});
  provider->expired(provider->get());
  CHECK(provider->get().access_key == "AKID");
  CHECK(provider->get().source == "here");
}
