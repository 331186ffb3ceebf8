#include <thread>
#include <vector>

#include "net/credentials.h"
#include "support/aws_home.h"
#include "support/expect.h"
#include "support/fake_clock.h"
#include "support/http.h"
#include "support/key_server.h"

using namespace agent;
using namespace test;
using namespace std::chrono_literals;
using tape::Error;
using tape::ErrorKind;
using tape::failed;
using tape::says;

namespace {

constexpr const char* kFull = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

KeyServer::Instead answering(const Reply& reply) {
  return [=](const Request&) { return reply; };
}

// Keys of a container, which expire an hour behind the clock's start.
struct World {
  World() { home.variables[kFull] = server.http().url(KeyServer::kContainerPath); }

  std::size_t asked() const { return server.http().request_count(); }
  std::string id() { return provider->get().access_key; }
  void at(Clock::Duration since_start) { clock.advance(since_start - clock.elapsed()); }

  AwsHome home;
  mutable KeyServer server;
  FakeClock clock;
  HttpClient client{direct()};
  std::unique_ptr<CredentialsProvider> provider =
      standard_credentials({home.environment(), "", client, clock});
};

const ServedKeys kNext{"AKIDNEXT", "2023-11-15T00:13:20Z"};  // two hours

}  // namespace

TEST_CASE(
    "credentials_refresh: they are fetched anew when 5 minutes or less are left, not before") {
  World world;
  CHECK(world.id() == "AKIDSERVED");
  world.server.give(kNext);
  world.at(55min - 1ms);
  CHECK(world.id() == "AKIDSERVED");
  CHECK(world.asked() == 1);
  world.at(55min);
  CHECK(world.id() == "AKIDNEXT");
  CHECK(world.id() == "AKIDNEXT");
  CHECK(world.asked() == 2);
}

TEST_CASE("credentials_refresh: those that do not expire are fetched once") {
  World world;
  world.server.give({"AKIDFOREVER", ""});
  CHECK(world.id() == "AKIDFOREVER");
  world.at(100'000h);
  CHECK(world.id() == "AKIDFOREVER");
  CHECK(world.asked() == 1);
}

TEST_CASE(
    "credentials_refresh: the old ones serve while it fails, and 30 s pass between attempts") {
  for (const Reply& reply : {Reply{.status = 403}, Reply{.body = "no keys"}}) {
    World world;
    CHECK(world.id() == "AKIDSERVED");
    world.server.answer_instead(answering(reply));
    world.at(55min);
    CHECK(world.id() == "AKIDSERVED");
    CHECK(world.asked() == 2);
    world.at(55min + 30s - 1ms);
    CHECK(world.id() == "AKIDSERVED");
    CHECK(world.asked() == 2);
    world.at(55min + 30s);
    CHECK(world.id() == "AKIDSERVED");
    CHECK(world.asked() == 3);
    world.at(1h - 1ms);
    CHECK(world.id() == "AKIDSERVED");
    // They have expired: from here on every caller asks, and is told why not.
    world.at(1h);
    const std::size_t before = world.asked();
    CHECK(failed([&] { return world.id(); }).kind() == ErrorKind::denied);
    CHECK(failed([&] { return world.id(); }).kind() == ErrorKind::denied);
    CHECK(world.asked() == before + 2);
    world.server.answer_instead({});
    world.server.give(kNext);
    CHECK(world.id() == "AKIDNEXT");
  }
}

TEST_CASE("credentials_refresh: a source that has nothing better yet is asked every 30 s") {
  World world;
  world.id();
  world.at(56min);
  CHECK(world.id() == "AKIDSERVED");
  world.at(56min + 29s);
  CHECK(world.id() == "AKIDSERVED");
  CHECK(world.asked() == 2);
  world.server.give(kNext);
  world.at(56min + 30s);
  CHECK(world.id() == "AKIDNEXT");
  CHECK(world.asked() == 3);
}

TEST_CASE("credentials_refresh: what has expired where it comes from is denied, not given") {
  World world;
  world.at(1h);
  const auto error = failed([&] { return world.id(); });
  CHECK(error.kind() == ErrorKind::denied);
  CHECK(says(error, ": they have expired"));
}

TEST_CASE("credentials_refresh: the server's word that they have expired asks again, once") {
  World world;
  const Credentials old = world.provider->get();
  world.server.give(kNext);
  world.provider->expired(old);
  CHECK(world.asked() == 1);
  CHECK(world.id() == "AKIDNEXT");
  CHECK(world.asked() == 2);
  // Others that were signed with the old ones say it later.
  world.provider->expired(old);
  world.provider->expired({});
  CHECK(world.id() == "AKIDNEXT");
  CHECK(world.asked() == 2);
}

TEST_CASE("credentials_refresh: another token for the same key is another pair") {
  World world;
  Credentials other = world.provider->get();
  other.session_token += "x";
  world.provider->expired(other);
  world.id();
  CHECK(world.asked() == 1);
}

TEST_CASE("credentials_refresh: what the server refused does not serve while a fetch fails") {
  World world;
  world.provider->expired(world.provider->get());
  world.server.answer_instead(answering({.status = 403}));
  CHECK(failed([&] { return world.id(); }).kind() == ErrorKind::denied);
  world.server.answer_instead({});
  CHECK(world.id() == "AKIDSERVED");
  CHECK(world.id() == "AKIDSERVED");
  CHECK(world.asked() == 3);
}

TEST_CASE("credentials_refresh: eight threads cause one fetch") {
  World world;
  world.server.answer_instead([](const Request&) {
    return Reply{.body = keys_as_json({}, "Token"), .delay = std::chrono::milliseconds(50)};
  });
  const auto all_get = [&] {
    std::vector<std::string> found(8);
    {
      std::vector<std::jthread> callers;
      for (std::string& one : found)
        callers.emplace_back([&] { one = world.id(); });
    }
    return found;
  };
  CHECK(all_get() == std::vector<std::string>(8, "AKIDSERVED"));
  CHECK(world.asked() == 1);
  world.server.answer_instead({});
  world.server.give(kNext);
  world.at(55min);
  CHECK(all_get() == std::vector<std::string>(8, "AKIDNEXT"));
  CHECK(world.asked() == 2);
}

TEST_CASE("credentials_refresh: the source that gave the first gives the others") {
  World world;
  CHECK(world.id() == "AKIDSERVED");
  world.home.variables["AWS_ACCESS_KEY_ID"] = "AKIDOTHER";
  world.home.variables["AWS_SECRET_ACCESS_KEY"] = "SECRETkey";
  world.server.give(kNext);
  world.at(1h);
  CHECK(world.id() == "AKIDNEXT");
  world.home.variables.erase(kFull);
  world.at(2h);
  const auto error = failed([&] { return world.id(); });
  CHECK(error.kind() == ErrorKind::transient);
  CHECK(says(error, "has none now: AWS_CONTAINER_CREDENTIALS_FULL_URI (not set)"));
}

TEST_CASE("credentials_refresh: keys in a file that somebody renews are read anew") {
  AwsHome home;
  const std::string path = home.folder / ".aws/credentials";
  const auto keys = [&](const std::string& id) {
    write_file(path, "[default]\naws_access_key_id = " + id + "\naws_secret_access_key = s\n");
  };
  FakeClock clock;
  HttpClient client(direct());
  const auto provider = standard_credentials({home.environment(), "", client, clock});
  keys("AKID1");
  const Credentials first = provider->get();
  keys("AKID2");
  CHECK(provider->get().access_key == "AKID1");
  provider->expired(first);
  CHECK(provider->get().access_key == "AKID2");
}

TEST_CASE("credentials_refresh: who asks to stop is not given old ones instead") {
  AwsHome home;
  bool stops = false;
  FakeClock clock([&] {
    if (stops) throw Error(ErrorKind::canceled, "stop");
  });
  HttpClient client(direct());
  write_file(home.folder / ".aws/config",
             "[default]\ncredential_process = " +
                 home.program("helper", "echo '" + keys_as_json({}, "SessionToken") + "'"));
  const auto provider = standard_credentials({home.environment(), "", client, clock});
  CHECK(provider->get().access_key == "AKIDSERVED");
  clock.advance(55min);
  stops = true;
  CHECK(failed([&] { return provider->get(); }).kind() == ErrorKind::canceled);
  stops = false;
  CHECK(provider->get().access_key == "AKIDSERVED");
}
