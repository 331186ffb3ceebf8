#include "net/credentials_http.h"

#include "support/expect.h"
#include "support/fake_clock.h"
#include "support/http.h"
#include "support/http_server.h"

using namespace agent;
using namespace test;
using namespace std::chrono_literals;
using tape::ErrorKind;
using tape::failed;

namespace {

constexpr Attempts kThree{3, 250ms};

HttpRequest get(const std::string& url) {
  HttpRequest out;
  out.url = url;
  out.body_limit = 8;
  return out;
}

}  // namespace

TEST_CASE("credentials_http: what may pass is asked again, with pauses, as often as said") {
  struct Case {
    int status;
    std::size_t requests;
  };
  for (const Case& one : {Case{200, 1}, Case{302, 1}, Case{400, 1}, Case{403, 1}, Case{404, 1},
                          Case{408, 3}, Case{429, 3}, Case{500, 3}, Case{503, 3}}) {
    INFO(one.status);
    FakeClock clock;
    HttpClient client(direct());
    const HttpServer server([&](const Request&) { return Reply{.status = one.status}; });
    CHECK(ask(client, get(server.url("/")), kThree, clock).status == one.status);
    CHECK(server.request_count() == one.requests);
    CHECK(clock.sleeps() == std::vector<Clock::Duration>(one.requests - 1, 250ms));
  }
}

TEST_CASE("credentials_http: a server that comes back meanwhile has not failed") {
  FakeClock clock;
  HttpClient client(direct());
  int left = 2;
  const HttpServer server([&](const Request&) {
    return left-- > 0 ? Reply{.end = Reply::End::reset, .raw = ""} : Reply{.body = "here"};
  });
  CHECK(tape::as_text(ask(client, get(server.url("/")), kThree, clock).body) == "here");
  CHECK(server.request_count() == 3);
}

TEST_CASE("credentials_http: an answer that is too large is asked for once, and denied") {
  FakeClock clock;
  HttpClient client(direct());
  const HttpServer server([&](const Request&) { return Reply{.body = "9 bytes.."}; });
  CHECK(failed([&] { return ask(client, get(server.url("/")), kThree, clock); }).kind() ==
        ErrorKind::denied);
  CHECK(server.request_count() == 1);
}

TEST_CASE("credentials_http: a URL has a scheme, a host and perhaps a port, and nobody's name") {
  struct Case {
    const char* url;
    const char* host;
    const char* origin;
  };
  for (const Case& one : {
           Case{"http://a", "a", "http://a"},
           Case{"https://A.b-c_1:443/x?y#z", "a.b-c_1", "https://A.b-c_1:443"},
           Case{"http://127.0.0.1:1?x", "127.0.0.1", "http://127.0.0.1:1"},
           Case{"http://[::1]:80/x", "[::1]", "http://[::1]:80"},
       }) {
    INFO(one.url);
    const auto parts = parse_url(one.url);
    REQUIRE(parts);
    CHECK(parts->host == one.host);
    CHECK(parts->origin == one.origin);
  }
  for (const char* const url : {"",
                                "a",
                                "//a",
                                "ftp://a",
                                "HTTP://a",
                                "http://",
                                "http:///x",
                                "http://:80",
                                "http://a:",
                                "http://a:b",
                                "http://a:1234567",
                                "http://u@a",
                                "http://u:p@a",
                                "http://127.0.0.1@a/",
                                "http://a\\b",
                                "http://a b",
                                "http://a/ b",
                                "http://a/\nb",
                                "http://[::1",
                                "http://[]x",
                                "http://[::1]@a",
                                "http://[::1]a",
                                "http://[g::1]/"}) {
    INFO(url);
    CHECK_FALSE(parse_url(url));
  }
}

TEST_CASE("credentials_http: this machine is localhost, 127.0.0.0/8 and ::1, and nothing like it") {
  for (const char* const host : {"localhost", "127.0.0.1", "127.255.0.3", "[::1]", "[0:0::1]"}) {
    INFO(host);
    CHECK(is_loopback(host));
  }
  for (const char* const host :
       {"", "localhost.a", "127.0.0.1.a", "127.1", "128.0.0.1", "0127.0.0.1", "2130706433",
        "0.0.0.0", "[::2]", "[fe80::1]", "[::ffff:10.0.0.1]", "10.0.0.127"}) {
    INFO(host);
    CHECK_FALSE(is_loopback(host));
  }
}
