#include "net/redirects.h"

#include "net/http_error.h"
#include "support/catch.h"
#include "support/expect.h"
#include "support/http_server.h"

using agent::HttpRequest;
using tape::failed;
using test::HttpServer;
using test::Reply;
using test::Request;

namespace {

HttpRequest get(const std::string& url) {
  HttpRequest out;
  out.url = url;
  out.body_limit = 100;
  return out;
}

}  // namespace

TEST_CASE("redirects: a location is read as its base has it") {
  struct Case {
    const char* base;
    const char* location;
    const char* expected;
  };
  for (const Case& c : {Case{"http://a/b/c", "d", "http://a/b/d"},
                        Case{"http://a/b/c?q", "/d?e=f", "http://a/d?e=f"},
                        Case{"http://a/b", "//other/d", "http://other/d"},
                        Case{"http://a/b", "https://other:8443/d", "https://other:8443/d"},
                        Case{"https://a/b", "https://a/c%20d", "https://a/c%20d"}}) {
    INFO(c.location);
    CHECK(agent::redirected(c.base, c.location) == c.expected);
  }
}

TEST_CASE("redirects: to another scheme, and from https to http, none is followed") {
  for (const char* location : {"ftp://a/b", "file:///etc/passwd", "http://a/b", "", "http://"}) {
    INFO(location);
    const std::string base = "https://a/b";
    if (std::string(location).empty()) continue;  // no redirect at all
    CHECK(failed([&] { agent::redirected(base, location); }).kind() == tape::ErrorKind::io);
  }
}

TEST_CASE("redirects: another host gets no header but those of the request, and is asked next") {
  const HttpServer end([](const Request&) { return Reply{.body = "there"}; });
  const HttpServer begin([&](const Request&) {
    return Reply{.status = 302, .headers = {{"Location", end.url("/x")}}};
  });
  agent::HttpClient client({});
  HttpRequest request = get(begin.url("/a"));
  request.headers = {{"Range", "bytes=0-1"}};
  CHECK(tape::as_text(agent::send_following(client, request).body) == "there");
  CHECK(request.url == end.url("/x"));
  REQUIRE(end.request_count() == 1);
  CHECK(end.requests().front().header("Range") == "bytes=0-1");
  CHECK_FALSE(end.requests().front().has("Authorization"));
}

TEST_CASE("redirects: a circle ends") {
  const HttpServer server([](const Request&) {
    return Reply{.status = 307, .headers = {{"Location", "/again"}}};
  });
  agent::HttpClient client({});
  HttpRequest request = get(server.url("/a"));
  CHECK(failed([&] { agent::send_following(client, request); }).kind() == tape::ErrorKind::io);
  CHECK(server.request_count() == agent::kRedirectsMax + 1);
}

TEST_CASE("redirects: one that says nowhere, and other answers, are answers") {
  const HttpServer server(
      [](const Request& request) { return Reply{.status = request.path() == "/304" ? 304 : 301}; });
  agent::HttpClient client({});
  for (const char* path : {"/304", "/301"}) {
    HttpRequest request = get(server.url(path));
    CHECK(agent::send_following(client, request).status == std::stoi(path + 1));
  }
}

TEST_CASE("redirects: no message shows what may be secret in a URL") {
  CHECK(agent::shown_url("https://user:geheim@host:1/a/b?sig=geheim#x") == "https://host:1/a/b");
  CHECK(agent::shown_url("https://host/a@b") == "https://host/a@b");
  CHECK(agent::shown_url("http://u@h") == "http://h");
  const std::string what =
      failed([&] { agent::redirected("https://a/b", "http://u:geheim@c/d?e=geheim"); }).what();
  CHECK(what.find("geheim") == std::string::npos);
}
