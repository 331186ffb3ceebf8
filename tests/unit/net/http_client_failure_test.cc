// The ways in which a request fails, proxies, counts and many callers at once.
#include <atomic>
#include <thread>

#include "net/http_client.h"
#include "support/environment.h"
#include "support/expect.h"
#include "support/fake_clock.h"
#include "support/http.h"
#include "support/http_server.h"

using namespace agent;
using namespace test;
using namespace std::chrono_literals;
using tape::ErrorKind;
using tape::failed;
using tape::says;

namespace {

HttpRequest get(const std::string& url) {
  HttpRequest out;
  out.url = url;
  out.body_limit = 1 << 20;
  return out;
}

Reply ok(const Request& /*request*/) {
  return {.body = "ok"};
}

}  // namespace

TEST_CASE("http_client: an answer that is cut, reset or none is a connection that failed") {
  struct Row {
    const char* what;
    Reply reply;
  };
  const std::string body = text_of_size(100'000);
  const Row rows[] = {
      {"nothing, and closed", {.end = Reply::End::close, .raw = ""}},
      {"nothing, and reset", {.end = Reply::End::reset, .raw = ""}},
      {"half a status line", {.end = Reply::End::close, .raw = "HTTP/1.1 2"}},
      {"half the headers", {.end = Reply::End::close, .raw = "HTTP/1.1 200 OK\r\nContent-Le"}},
      {"no end of headers",
       {.end = Reply::End::close, .raw = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"}},
      {"headers only", {.content_length = 10, .end = Reply::End::close}},
      {"a byte short", {.body = body, .content_length = body.size() + 1, .end = Reply::End::close}},
      {"reset", {.body = body, .content_length = body.size() + 1, .end = Reply::End::reset}},
      {"a chunk cut",
       {.end = Reply::End::close,
        .raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc"}},
      {"no last chunk",
       {.end = Reply::End::close,
        .raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}},
      {"a chunk of no size",
       {.end = Reply::End::close,
        .raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n"}},
      {"an error, cut",
       {.status = 404, .body = "no", .content_length = 10, .end = Reply::End::close}},
      {"another language", {.end = Reply::End::close, .raw = "220 ready\r\n"}},
      {"bytes", {.end = Reply::End::close, .raw = std::string("\0\1\2\n\n\xff", 6)}},
      {"a status of two digits", {.end = Reply::End::close, .raw = "HTTP/1.1 20 OK\r\n\r\n"}},
      {"a length below 0",
       {.end = Reply::End::close, .raw = "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok"}},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const HttpServer server([&](const Request&) { return row.reply; });
    HttpClient client(direct());
    const HttpError error = http_failed([&] { return client.send(get(server.url("/"))); });
    CHECK(error.failure() == HttpFailure::connection);
    CHECK(error.kind() == ErrorKind::transient);
    CHECK(says(error, "GET " + server.url("/") + ": "));
  }
}

TEST_CASE("http_client: a request that is reset in the middle is a connection that failed") {
  const HttpServer server(
      ok, [](const Request&) { return Reply{.end = Reply::End::reset, .raw = ""}; });
  HttpClient client(direct());
  const std::string body = text_of_size(20'000'000);
  HttpRequest request = get(server.url("/"));
  request.method = "PUT";
  request.body = tape::as_bytes(body);
  CHECK(http_failed([&] { return client.send(request); }).failure() == HttpFailure::connection);
}

TEST_CASE("http_client: a server that says nothing is waited for as long as asked") {
  struct Row {
    const char* what;
    Reply reply;
  };
  const Row rows[] = {
      {"no answer", {.end = Reply::End::stall, .raw = ""}},
      {"half an answer", {.body = "abc", .content_length = 10, .end = Reply::End::stall}},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const HttpServer server([&](const Request&) { return row.reply; });
    HttpOptions options = direct();
    options.idle_timeout = 1s;
    HttpClient client(options);
    const auto begin = std::chrono::steady_clock::now();
    const HttpError error = http_failed([&] { return client.send(get(server.url("/"))); });
    CHECK(error.failure() == HttpFailure::time_out);
    CHECK(error.kind() == ErrorKind::transient);
    CHECK(std::chrono::steady_clock::now() - begin < 20s);
  }
}

TEST_CASE("http_client: a request that takes too long altogether is a time-out") {
  const HttpServer server([](const Request&) { return Reply{.body = "late", .delay = 20s}; });
  HttpOptions options = direct();
  options.total_timeout = 200ms;
  HttpClient client(options);
  CHECK(http_failed([&] { return client.send(get(server.url("/"))); }).failure() ==
        HttpFailure::time_out);
}

TEST_CASE("http_client: a server that is not there is a connection that failed, with a hint") {
  HttpServer server(ok);
  const std::string url = server.url("/a/b?secret=1");
  server.stop();
  HttpOptions options = direct();
  options.connect_timeout = 5s;
  HttpClient client(options);
  const HttpError refused = http_failed([&] { return client.send(get(url)); });
  CHECK(refused.failure() == HttpFailure::connection);
  CHECK(refused.hint().find("endpoint") != std::string::npos);
  CHECK(says(refused, "GET " + server.url("/a/b") + ": "));
  CHECK_FALSE(says(refused, "secret"));
  // RFC 6761 §6.4: a name that nobody has.
  const HttpError unknown =
      http_failed([&] { return client.send(get("http://nowhere.invalid/a?secret=1")); });
  CHECK(unknown.kind() == ErrorKind::transient);
  CHECK(says(unknown, "GET http://nowhere.invalid/a: "));
  CHECK_FALSE(says(unknown, "secret"));
}

TEST_CASE("http_client: a URL that is none is a usage error, and its query nobody's to read") {
  HttpClient client(direct());
  for (const char* url :
       {"", "http://", "ftp://127.0.0.1/a?secret", "file:///etc/hostname",
        "gopher://127.0.0.1/?secret", "http://127.0.0.1:99999/?secret", "http://[::1/?secret",
        "http://127.0.0.1:1/a b?secret", "http://127.0.0.1:1/a\nb?secret"}) {
    INFO(url);
    const tape::Error error = failed([&] { return client.send(get(url)); });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK_FALSE(says(error, "secret"));
    CHECK_FALSE(says(error, "\n"));
  }
}

TEST_CASE("http_client: no message names a query, whatever the failure") {
  std::string query = "?X-Amz-Signature=5ec7e7";
  Reply reply;
  const HttpServer server([&](const Request&) { return reply; });
  HttpClient client(direct());
  reply = {.body = std::string(2 << 20, 'x')};
  const tape::Error large = failed([&] { return client.send(get(server.url("/k" + query))); });
  CHECK(says(large, "GET " + server.url("/k") + ": "));
  CHECK_FALSE(says(large, "5ec7e7"));
  reply = {.headers = {{"X-A", std::string(200'000, 'x')}}};
  CHECK_FALSE(says(failed([&] { return client.send(get(server.url("/k" + query))); }), "5ec7e7"));
  reply = {.end = Reply::End::close, .raw = ""};
  CHECK_FALSE(says(failed([&] { return client.send(get(server.url("/k" + query))); }), "5ec7e7"));
}

TEST_CASE("http_client: requests and the bytes of bodies are counted, each way") {
  TransferCounts counts;
  const HttpServer server([](const Request& request) {
    if (request.method == "HEAD") return Reply{.body = text_of_size(1000)};
    return Reply{.status = request.target == "/none" ? 404 : 200, .body = "12345"};
  });
  HttpOptions options = direct();
  options.counts = &counts;
  HttpClient client(options);
  client.send(get(server.url("/")));
  client.send(get(server.url("/none")));
  HttpRequest request = get(server.url("/"));
  request.method = "HEAD";
  client.send(request);
  CHECK(counts.requests == 3);
  CHECK(counts.bytes_read == 10);
  CHECK(counts.bytes_sent == 0);
  const std::string body = text_of_size(3'000'000);
  request.method = "PUT";
  request.body = tape::as_bytes(body);
  client.send(request);
  CHECK(counts.requests == 4);
  CHECK(counts.bytes_sent == 3'000'000);
  CHECK(counts.bytes_read == 15);
}

TEST_CASE("http_client: bodies pass the limits of their ways, and what a wait throws comes out") {
  bool stops = false;
  FakeClock clock([&] {
    if (stops) throw tape::Error(ErrorKind::canceled, "stop");
  });
  RateLimit up(1'000'000, clock);
  RateLimit down(100'000, clock);
  const HttpServer server([](const Request&) { return Reply{.body = text_of_size(200'000)}; });
  HttpOptions options = direct();
  options.upload_limit = &up;
  options.download_limit = &down;
  HttpClient client(options);
  const std::string body = text_of_size(3'000'000);
  HttpRequest request = get(server.url("/"));
  request.method = "PUT";
  request.body = tape::as_bytes(body);
  client.send(request);
  // 3 s up and 2 s down, at the end of which 100 ms each may be owed.
  CHECK(clock.elapsed() >= 4800ms);
  CHECK(clock.elapsed() <= 5200ms);
  stops = true;
  CHECK(failed([&] { return client.send(request); }).kind() == ErrorKind::canceled);
  CHECK(failed([&] { return client.send(get(server.url("/"))); }).kind() == ErrorKind::canceled);
}

TEST_CASE("http_client: a proxy of the environment is asked, unless nobody wants it") {
  const HttpServer proxy([](const Request&) { return Reply{.body = "by proxy"}; });
  const HttpServer server([](const Request&) { return Reply{.body = "direct"}; });
  const Variable variable("http_proxy", proxy.url());
  const Variable all("ALL_PROXY", "");
  const Variable none("NO_PROXY", "");
  const Variable none_too("no_proxy", "");
  HttpClient by_proxy({});
  CHECK(tape::as_text(by_proxy.send(get("http://nowhere.invalid:81/a%2F/../b?c=d/e")).body) ==
        "by proxy");
  REQUIRE(proxy.request_count() == 1);
  CHECK(proxy.requests()[0].target == "http://nowhere.invalid:81/a%2F/../b?c=d/e");
  CHECK(proxy.requests()[0].header("Host") == "nowhere.invalid:81");
  HttpClient past_proxies(direct());
  CHECK(tape::as_text(past_proxies.send(get(server.url("/a"))).body) == "direct");
  CHECK(server.requests()[0].target == "/a");
  CHECK(proxy.request_count() == 1);
  const Variable excepted("no_proxy", "127.0.0.1");
  CHECK(tape::as_text(by_proxy.send(get(server.url("/a"))).body) == "direct");
  CHECK(proxy.request_count() == 1);
}

TEST_CASE("http_client: eight callers at once get each their own answer") {
  constexpr int kCallers = 8;
  constexpr int kRequests = 25;
  const HttpServer server([](const Request& request) {
    return Reply{.headers = {{"X-Target", request.target}}, .body = request.body};
  });
  TransferCounts counts;
  HttpOptions options = direct();
  options.counts = &counts;
  HttpClient client(options);
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < kCallers; ++caller)
      callers.emplace_back([&, caller] {
        for (int i = 0; i < kRequests; ++i) {
          const std::string target = "/" + std::to_string(caller) + "/" + std::to_string(i);
          const std::string body = target + text_of_size(static_cast<std::size_t>(i) * 997);
          HttpRequest request = get(server.url(target));
          request.method = "PUT";
          request.body = tape::as_bytes(body);
          const HttpResponse response = client.send(request);
          if (response.header("X-Target") == target && tape::as_text(response.body) == body)
            ++right;
        }
      });
  }
  CHECK(right == kCallers * kRequests);
  CHECK(counts.requests == static_cast<std::uint64_t>(right));
  for (const Request& request : server.requests())
    CHECK(request.connection < kCallers);
}
