#include "net/credential_process.h"

#include <cerrno>
#include <csignal>

#include "net/credentials_answer.h"
#include "support/aws_home.h"
#include "support/environment.h"
#include "support/expect.h"
#include "support/fake_clock.h"

using namespace agent;
using namespace test;
using namespace std::chrono_literals;
using tape::Error;
using tape::ErrorKind;
using tape::failed;
using tape::says;

namespace {

constexpr const char* kKeys = R"("AccessKeyId": "AKIDPROCESS", "SecretAccessKey": "SECRETkey")";

std::string printing(const std::string& text) {
  return "cat <<'END'\n" + text + "\nEND\n";
}

std::string good(const std::string& more = "") {
  return printing(R"({"Version": 1, )" + std::string(kKeys) + more + "}");
}

// The process that wrote its number into the home.
bool is_gone(const AwsHome& home) {
  return ::kill(std::stoi(read_file(home.folder / "pid")), 0) != 0 && errno == ESRCH;
}

struct World {
  Credentials run(const std::string& script, const std::string& arguments = "") {
    return run_credential_process(home.program("helper", script) + " " + arguments, "profile p",
                                  clock);
  }
  std::string written(const std::string& name) const { return read_file(home.folder / name); }
  AwsHome home;
  FakeClock clock;
};

}  // namespace

TEST_CASE("credential_process: keys, token and expiry are those that it writes") {
  World world;
  const Credentials found =
      world.run(good(R"(, "SessionToken": "SECRETsession", "Expiration": "2023-11-14T23:13:20Z")"));
  CHECK(found.access_key == "AKIDPROCESS");
  CHECK(found.secret_key == "SECRETkey");
  CHECK(found.session_token == "SECRETsession");
  CHECK(found.expires == world.clock.now() + 1h);
  CHECK(found.source == "profile p");
}

TEST_CASE("credential_process: keys without an expiry are good for ever") {
  World world;
  CHECK_FALSE(world.run(good()).expires);
  CHECK(world.run(good()).session_token.empty());
  CHECK_FALSE(world.run(good(R"(, "Expiration": "9999-12-31T23:59:59Z")")).expires);
}

TEST_CASE("credential_process: words are split as a shell does, and no shell expands them") {
  World world;
  world.run("printf '<%s>' \"$@\" > " + world.home.folder / "seen" + "\n" + good(),
            R"(one 'two words' "three $HOME" f\ our '' * ; > x --key=SECRET)");
  CHECK(world.written("seen") ==
        "<one><two words><three $HOME><f our><><*><;><>><x><--key=SECRET>");
}

TEST_CASE("credential_process: a program without a slash is looked for in PATH") {
  World world;
  const Variable path("PATH", world.home.folder.path() + ":/usr/bin:/bin");
  world.home.program("ragtape-test-helper", good());
  CHECK(run_credential_process("ragtape-test-helper", "s", world.clock).access_key ==
        "AKIDPROCESS");
}

TEST_CASE("credential_process: it has our environment, an empty stdin, and no blocked signals") {
  World world;
  const Variable variable("RAGTAPE_TEST_SEEN", "from us");
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  world.run("printf '%s %s' \"$RAGTAPE_TEST_SEEN\" \"$(wc -c)\" > " + world.home.folder / "seen" +
            "\ngrep SigBlk /proc/self/status > " + world.home.folder / "signals" + "\n" + good());
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  CHECK(world.written("seen") == "from us 0");
  CHECK(world.written("signals") == "SigBlk:\t0000000000000000\n");
}

TEST_CASE("credential_process: what it writes is version 1 of one JSON object, with keys") {
  struct Case {
    std::string text;
    const char* why;
  };
  const std::string keys = kKeys;
  for (const Case& one : {
           Case{"", "a JSON object expected"},
           Case{"SECRET", "a JSON object expected"},
           Case{"[1]", "a JSON object expected"},
           Case{R"({"Version": 1, )" + keys, "a JSON object expected"},
           Case{"{" + keys + "}", "\"Version\": 1 expected"},
           Case{R"({"Version": 2, )" + keys + "}", "\"Version\": 1 expected"},
           Case{R"({"Version": 1.5, )" + keys + "}", "\"Version\": 1 expected"},
           Case{R"({"Version": 1, "AccessKeyId": "SECRET"})", "no SecretAccessKey"},
           Case{R"({"Version": 1, "SecretAccessKey": "SECRET"})", "no AccessKeyId"},
           Case{R"({"Version": 1, "AccessKeyId": "SECRET", "SecretAccessKey": "SECRET key"})",
                "the secret key has a blank"},
           Case{R"({"Version": 1, "Expiration": "SECRET", )" + keys + "}", "the time of expiry"},
       }) {
    INFO(one.text);
    World world;
    const auto error = failed([&] { return world.run(printing(one.text)); });
    CHECK(error.kind() == ErrorKind::denied);
    CHECK(says(error, "profile p"));
    CHECK(says(error, one.why));
    CHECK_FALSE(says(error, "SECRET"));
  }
}

TEST_CASE("credential_process: an answer of 64 KiB is read, one of a byte more is refused") {
  World world;
  const std::string keys = R"({"Version": 1, )" + std::string(kKeys) + "}";
  const auto padded = [&](std::size_t size) {
    return "printf '%s' '" + keys + "'\nhead -c " + std::to_string(size - keys.size()) +
           " /dev/zero | tr '\\0' ' '\n";
  };
  CHECK(world.run(padded(kAnswerSizeMax)).access_key == "AKIDPROCESS");
  const auto error = failed([&] { return world.run(padded(kAnswerSizeMax + 1)); });
  CHECK(error.kind() == ErrorKind::denied);
  CHECK(says(error, "at most 65536 bytes of answer expected"));
}

TEST_CASE("credential_process: one that writes without end is stopped") {
  World world;
  const auto error = failed([&] {
    return world.run("echo $$ > " + world.home.folder / "pid" + "\nexec cat /dev/zero\n");
  });
  CHECK(error.kind() == ErrorKind::denied);
  CHECK(is_gone(world.home));
}

TEST_CASE("credential_process: an end that is not a success is a failure, whatever it wrote") {
  World world;
  struct Case {
    const char* end;
    const char* text;
  };
  for (const Case& one : {Case{"exit 3", "helper) ended with exit status 3"},
                          Case{"kill -9 $$", "helper) ended by signal 9"}}) {
    const auto error = failed([&] {
      return world.run("echo SECRET >&2\n" + good() + one.end + "\n", "--token SECRETargument");
    });
    CHECK(error.kind() == ErrorKind::denied);
    CHECK(says(error, one.text));
    CHECK(error.hint().find("run its command by hand") != std::string::npos);
    CHECK_FALSE(says(error, "SECRET"));
  }
}

TEST_CASE("credential_process: a program that cannot be started is named, without its arguments") {
  World world;
  write_file(world.home.folder / "plain", "");
  for (const std::string& command : {
           world.home.folder / "none" + " SECRET",
           world.home.folder / "plain" + " SECRET",
           // The whole in quotes; a variable in front, as only a shell knows it.
           "\"" + world.home.folder / "none" + " SECRET\"",
           std::string("TOKEN=SECRET helper"),
       }) {
    INFO(command);
    const auto error =
        failed([&] { return run_credential_process(command, "profile p", world.clock); });
    CHECK(error.kind() == ErrorKind::denied);
    CHECK(says(error, "profile p ("));
    CHECK(says(error, "cannot be started"));
    CHECK_FALSE(says(error, "SECRET"));
  }
}

TEST_CASE("credential_process: what is not made of words is an error of usage") {
  FakeClock clock;
  for (const char* const command : {"", "  ", "helper 'SECRET", "helper \"SECRET", "SECRET\\"}) {
    const auto error = failed([&] { return run_credential_process(command, "profile p", clock); });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(says(error, "profile p: a command expected"));
    CHECK_FALSE(says(error, "SECRET"));
  }
}

TEST_CASE("credential_process: one that does not end is given 60 s, then killed") {
  for (const char* const script : {"exec sleep 1000\n", "exec >&-\nexec sleep 1000\n"}) {
    INFO(script);
    AwsHome home;
    FakeClock clock([&] { clock.advance(20s); });
    const std::string command =
        home.program("helper", "echo $$ > " + home.folder / "pid" + "\n" + script);
    const auto error = failed([&] { return run_credential_process(command, "p", clock); });
    CHECK(error.kind() == ErrorKind::transient);
    CHECK(says(error, "helper): no answer in 60 s"));
    CHECK(clock.elapsed() == 60s);
    CHECK(is_gone(home));
  }
}

TEST_CASE("credential_process: who asks to stop does not wait for it, and it is killed") {
  AwsHome home;
  const std::string pid = home.folder / "pid";
  FakeClock clock([&] {
    if (is_there(pid) && !read_file(pid).empty()) throw Error(ErrorKind::canceled, "stop");
  });
  const std::string command = home.program("helper", "echo $$ > " + pid + "\nexec sleep 1000\n");
  const auto error = failed([&] { return run_credential_process(command, "p", clock); });
  CHECK(error.kind() == ErrorKind::canceled);
  CHECK(is_gone(home));
}
