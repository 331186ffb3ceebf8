#include "net/http_client.h"

#include <ctime>
#include <stdexcept>

#include "support/expect.h"
#include "support/http.h"
#include "support/http_server.h"

using namespace agent;
using namespace test;
using namespace std::chrono_literals;
using tape::ErrorKind;
using tape::failed;

namespace {

constexpr std::size_t kErrorBodyMax = 64 << 10;
constexpr std::size_t kHeadersMax = 128 << 10;

HttpRequest get(const std::string& url, tape::ByteCount body_limit = 1 << 20) {
  HttpRequest out;
  out.url = url;
  out.body_limit = body_limit;
  return out;
}

HttpRequest with_body(const std::string& method, const std::string& url, std::string_view body) {
  HttpRequest out = get(url);
  out.method = method;
  out.body = tape::as_bytes(body);
  return out;
}

std::string body_of(const HttpResponse& response) {
  return tape::as_text(response.body);
}

// Answers `200 OK` with the body of the request.
Reply echo(const Request& request) {
  return {.body = request.body};
}

}  // namespace

TEST_CASE("http_client: method, target and body arrive as they are") {
  const HttpServer server(echo);
  HttpClient client(direct());
  for (const char* method : {"PUT", "POST"}) {
    for (const std::size_t size : {0u, 1u, 65'536u, 3'000'000u}) {
      INFO(method << " " << size);
      const std::string body = text_of_size(size);
      HttpRequest request = with_body(method, server.url("/k?x=1"), body);
      request.body_limit = size;
      CHECK(body_of(client.send(request)) == body);
      const Request seen = server.requests().back();
      CHECK(seen.method == method);
      CHECK(seen.target == "/k?x=1");
      CHECK(seen.header("Content-Length") == std::to_string(size));
      CHECK_FALSE(seen.has("Transfer-Encoding"));
      CHECK_FALSE(seen.has("Content-Type"));
      CHECK(seen.has("Expect") == (size > 1 << 20));
    }
  }
  for (const char* method : {"GET", "HEAD", "DELETE"}) {
    INFO(method);
    HttpRequest request = get(server.url("/k"));
    request.method = method;
    CHECK(client.send(request).status == 200);
    CHECK(server.requests().back().method == method);
    CHECK_FALSE(server.requests().back().has("Content-Length"));
    CHECK_FALSE(server.requests().back().has("Transfer-Encoding"));
  }
}

TEST_CASE("http_client: an answer to HEAD has the headers of a body, and none") {
  const HttpServer server([](const Request&) { return Reply{.body = text_of_size(5000)}; });
  HttpClient client(direct());
  HttpRequest request = get(server.url("/"));
  request.method = "HEAD";
  const HttpResponse response = client.send(request);
  CHECK(response.header("Content-Length") == "5000");
  CHECK(response.body.empty());
  CHECK(body_of(client.send(get(server.url("/")))).size() == 5000);
}

TEST_CASE("http_client: a target is sent byte for byte") {
  const HttpServer server(echo);
  HttpClient client(direct());
  const char* const targets[] = {
      "/",
      "/a%2Fb%2fc",
      "/./a/../b/%2e%2E/..",
      "//a///b/",
      "/%20%25%2B+~!$'()*,;=:@",
      "/%C3%A9%F0%9F%93%BC%FF",
      "/a?",
      "/a?b&c=&=d&e==f",
      "/a?x=%2B+%20&y=a/b?c&z=../.",
      "/%00%0D%0A",
  };
  for (const char* target : targets) {
    INFO(target);
    client.send(get(server.url(target)));
    CHECK(server.requests().back().target == target);
  }
}

TEST_CASE("http_client: headers arrive as given, an empty one too") {
  const HttpServer server(echo);
  HttpClient client(direct());
  HttpRequest request = with_body("POST", server.url("/"), "x");
  request.headers = {{"x-amz-a", "b; c=\"d\""},
                     {"X-Empty", ""},
                     {"X-Blank", " \t"},
                     {"Content-Type", "text/plain"},
                     {"X-Utf8", "\xC3\xA9"}};
  client.send(request);
  const Request seen = server.requests().back();
  CHECK(seen.header("x-amz-a") == "b; c=\"d\"");
  CHECK(seen.has("X-Empty"));
  CHECK(seen.header("X-Empty").empty());
  CHECK(seen.has("X-Blank"));
  CHECK(seen.header("Content-Type") == "text/plain");
  CHECK(seen.header("X-Utf8") == "\xC3\xA9");
  CHECK(seen.header("Accept-Encoding") == "identity");
  CHECK(seen.header("User-Agent") == "ragtape");
  CHECK(seen.header("Host") == server.host());
}

TEST_CASE("http_client: a header with a line break or a NUL is refused, and nothing is sent") {
  const HttpServer server(echo);
  HttpClient client(direct());
  const HttpHeader headers[] = {{"X-A", "b\r\nX-Evil: 1"},
                                {"X-A", "b\nX-Evil: 1"},
                                {"X-A", "b\r"},
                                {"X-A\r\nX-Evil", "b"},
                                {"X-A: b\nX", "c"},
                                {"X:A", "b"},
                                {"", "b"},
                                {"X-A", std::string("b\0c", 3)}};
  for (const HttpHeader& header : headers) {
    HttpRequest request = get(server.url("/"));
    request.headers = {header};
    INFO(header.name << " | " << header.value);
    CHECK(failed([&] { return client.send(request); }).kind() == ErrorKind::usage);
  }
  CHECK(server.request_count() == 0);
}

TEST_CASE("http_client: of a header that comes twice the last one counts, in any case") {
  const HttpServer server([](const Request&) {
    return Reply{
        .headers = {{"X-Two", "1"}, {"ETAG", "\"e\""}, {"x-two", " 2 \t"}, {"X-None", ""}}};
  });
  HttpClient client(direct());
  const HttpResponse response = client.send(get(server.url("/")));
  CHECK(response.header("X-TWO") == "2");
  CHECK(response.header("etag") == "\"e\"");
  CHECK(response.header("X-None").empty());
  CHECK(response.header("X-Tw").empty());
}

TEST_CASE("http_client: headers of interim answers are not those of the answer") {
  const HttpServer server([](const Request&) {
    return Reply{.raw =
                     "HTTP/1.1 103 Early Hints\r\nETag: early\r\n\r\n"
                     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
  });
  HttpClient client(direct());
  const HttpResponse response = client.send(get(server.url("/")));
  CHECK(response.status == 200);
  CHECK(response.header("ETag").empty());
  CHECK(body_of(response) == "ok");
}

TEST_CASE(
    "http_client: a server that refuses to be asked first gets the body, and its answer counts") {
  const auto refuses = [](const Request& request) -> std::optional<Reply> {
    if (!request.has("Expect")) return std::nullopt;
    return Reply{.status = 417, .headers = {{"X-Early", "1"}}, .body = "no expectations"};
  };
  const HttpServer server(echo, refuses);
  HttpClient client(direct());
  const std::string body = text_of_size(3'000'000);
  HttpRequest request = with_body("PUT", server.url("/"), body);
  request.body_limit = body.size();
  const HttpResponse response = client.send(request);
  CHECK(response.status == 200);
  CHECK((body_of(response) == body));
  CHECK(response.header("X-Early").empty());
}

TEST_CASE("http_client: an answer that comes before the body has gone is taken") {
  const HttpServer server(echo,
                          [](const Request&) { return Reply{.status = 403, .body = "<Error/>"}; });
  HttpClient client(direct());
  const std::string body = text_of_size(20'000'000);
  const HttpResponse response = client.send(with_body("PUT", server.url("/"), body));
  CHECK(response.status == 403);
  CHECK(body_of(response) == "<Error/>");
}

TEST_CASE("http_client: a body of the limit is kept, one byte more is corrupt") {
  for (const auto framing :
       {Reply::Framing::length, Reply::Framing::chunked, Reply::Framing::until_close}) {
    const std::string body = text_of_size(100'000);
    const HttpServer server(
        [&](const Request&) { return Reply{.body = body, .framing = framing}; });
    HttpClient client(direct());
    CHECK(body_of(client.send(get(server.url("/"), 100'000))) == body);
    CHECK(failed([&] { return client.send(get(server.url("/"), 99'999)); }).kind() ==
          ErrorKind::corrupt);
    CHECK(failed([&] { return client.send(get(server.url("/"), 0)); }).kind() ==
          ErrorKind::corrupt);
  }
}

TEST_CASE("http_client: a sink takes the whole body of a success, and nothing of a failure") {
  const std::string body = text_of_size(3'000'000);
  const HttpServer server([&](const Request& request) {
    if (request.target == "/none") return Reply{.status = 404, .body = "not here"};
    return Reply{.status = 206, .body = body};
  });
  HttpClient client(direct());
  std::string taken;
  HttpRequest request = get(server.url("/"), 0);
  request.sink = [&](tape::ByteView piece) { taken += tape::as_text(piece); };
  CHECK(client.send(request).body.empty());
  CHECK(taken == body);
  taken.clear();
  request.url = server.url("/none");
  CHECK(body_of(client.send(request)) == "not here");
  CHECK(taken.empty());
}

TEST_CASE("http_client: what a sink throws comes out as it is, and the next request goes through") {
  const HttpServer server([](const Request&) { return Reply{.body = text_of_size(3'000'000)}; });
  HttpClient client(direct());
  HttpRequest request = get(server.url("/"));
  request.sink = [](tape::ByteView) { throw tape::Error(ErrorKind::canceled, "stop", "go on"); };
  const tape::Error error = failed([&] { return client.send(request); });
  CHECK(error.kind() == ErrorKind::canceled);
  CHECK(error.hint() == "go on");
  request.sink = [](tape::ByteView) { throw std::length_error("another"); };
  CHECK_THROWS_AS(client.send(request), std::length_error);
  CHECK(client.send(get(server.url("/"), 3'000'000)).body.size() == 3'000'000);
}

TEST_CASE("http_client: of an error's body 64 KiB are kept, and more is no failure") {
  for (const std::size_t size :
       {kErrorBodyMax - 1, kErrorBodyMax, kErrorBodyMax + 1, std::size_t{20'000'000}}) {
    INFO(size);
    const std::string body = text_of_size(size);
    const HttpServer server([&](const Request&) {
      return Reply{.status = 500, .headers = {{"Retry-After", "3"}}, .body = body};
    });
    TransferCounts counts;
    HttpOptions options = direct();
    options.counts = &counts;
    HttpClient client(options);
    for (int i = 0; i < 2; ++i) {
      const HttpResponse response = client.send(get(server.url("/"), 10));
      CHECK(response.status == 500);
      CHECK((body_of(response) == body.substr(0, kErrorBodyMax)));
      CHECK(response.retry_after == 3s);
    }
    CHECK(counts.bytes_read < 4'000'000);
  }
}

TEST_CASE("http_client: headers of 128 KiB are taken, one byte more is corrupt") {
  const std::string begin = "HTTP/1.1 200 OK\r\n";
  const std::string end = "Content-Length: 2\r\n\r\n";
  const auto raw = [&](std::size_t size, std::size_t line_size) {
    std::string out = begin;
    while (out.size() + end.size() < size) {
      std::size_t line = std::min(line_size, size - out.size() - end.size());
      // No rest that is too short for a line.
      const std::size_t rest = size - out.size() - end.size() - line;
      if (rest > 0 && rest < 8) line -= 8;
      out += "X-Line: " + std::string(line - 10, 'x') + "\r\n";
    }
    return out + end + "ok";
  };
  std::string reply;
  const HttpServer server([&](const Request&) { return Reply{.raw = reply}; });
  HttpClient client(direct());
  for (const std::size_t line_size : {100u, 1000u, 30'000u}) {
    INFO(line_size);
    reply = raw(kHeadersMax, line_size);
    REQUIRE(reply.size() == kHeadersMax + 2);
    CHECK(body_of(client.send(get(server.url("/")))) == "ok");
    reply = raw(kHeadersMax + 1, line_size);
    CHECK(failed([&] { return client.send(get(server.url("/"))); }).kind() == ErrorKind::corrupt);
  }
  // libcurl has limits of its own for one line.
  for (const std::size_t size : {110'000u, 150'000u, 2'000'000u}) {
    INFO(size);
    reply = raw(size, size);
    CHECK(failed([&] { return client.send(get(server.url("/"))); }).kind() == ErrorKind::corrupt);
  }
}

TEST_CASE("http_client: a redirect is an answer, and not followed") {
  const HttpServer elsewhere(echo);
  for (const int status : {301, 302, 303, 307, 308}) {
    const HttpServer server([&](const Request&) {
      return Reply{
          .status = status, .headers = {{"Location", elsewhere.url("/there")}}, .body = "<Error/>"};
    });
    HttpClient client(direct());
    const HttpResponse response = client.send(get(server.url("/")));
    CHECK(response.status == status);
    CHECK(response.header("Location") == elsewhere.url("/there"));
    CHECK(body_of(response) == "<Error/>");
    CHECK(server.request_count() == 1);
  }
  CHECK(elsewhere.request_count() == 0);
}

TEST_CASE("http_client: Retry-After is seconds or a date, and of its own answer only") {
  std::string said;
  const HttpServer server([&](const Request&) {
    Reply out{.status = 503};
    if (!said.empty()) out.headers = {{"Retry-After", said}};
    return out;
  });
  HttpClient client(direct());
  const auto asked = [&](const std::string& text) {
    said = text;
    return client.send(get(server.url("/"))).retry_after;
  };
  const auto http_date = [](std::time_t time) {
    char text[64];
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return std::string(text);
  };
  CHECK(asked("7") == 7s);
  CHECK_FALSE(asked(""));
  CHECK(asked("86400") == 86'400s);
  const auto in_a_while = asked(http_date(std::time(nullptr) + 100));
  REQUIRE(in_a_while);
  CHECK((*in_a_while > 90s && *in_a_while <= 100s));
  for (const char* text : {"0", "-5", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"}) {
    INFO(text);
    CHECK_FALSE(asked(text));
  }
}

TEST_CASE("http_client: one connection is kept for requests one after another") {
  const HttpServer server([](const Request& request) {
    return Reply{.status = request.target == "/none" ? 404 : 200, .body = "text"};
  });
  HttpClient client(direct());
  client.send(get(server.url("/")));
  client.send(get(server.url("/none")));
  client.send(with_body("PUT", server.url("/"), text_of_size(2'000'000)));
  HttpRequest head = get(server.url("/"));
  head.method = "HEAD";
  client.send(head);
  client.send(with_body("POST", server.url("/"), ""));
  for (const Request& request : server.requests())
    CHECK(request.connection == 0);
}

TEST_CASE(
    "http_client: a kept connection that the server closed meanwhile costs no request, or a "
    "transient one") {
  // Closed behind its first answer, or by the next request.
  for (const Reply::End end : {Reply::End::keep, Reply::End::close, Reply::End::reset}) {
    INFO(static_cast<int>(end));
    const auto closes = [&](const Request& request) -> std::optional<Reply> {
      if (request.connection != 0 || request.target != "/2") return std::nullopt;
      return Reply{.end = end, .raw = ""};
    };
    const HttpServer server(
        [&](const Request&) {
          return Reply{.end = end == Reply::End::keep ? Reply::End::close : Reply::End::keep,
                       .raw = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
        },
        closes);
    HttpClient client(direct());
    client.send(get(server.url("/1")));
    for (const char* method : {"PUT", "POST"}) {
      const std::string body = text_of_size(100'000);
      // A reset in the middle of what is sent is told; libcurl sends again only what was not begun.
      std::string out = "ok";
      const auto failure = tape::failure_of(
          [&] { out = body_of(client.send(with_body(method, server.url("/2"), body))); });
      CHECK(out == "ok");
      if (failure) {
        CHECK(end == Reply::End::reset);
        CHECK(failure->kind() == tape::ErrorKind::transient);
        CHECK(body_of(client.send(with_body(method, server.url("/2"), body))) == "ok");
      }
      CHECK(server.requests().back().connection > 0);
      CHECK((server.requests().back().body == body));
    }
  }
}

TEST_CASE("http_client: bytes behind an answer are not taken for the next one") {
  const HttpServer server([](const Request& request) {
    Reply out{.body = "right"};
    if (request.target == "/1")
      out.raw =
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong";
    return out;
  });
  HttpClient client(direct());
  CHECK(body_of(client.send(get(server.url("/1")))) == "ok");
  CHECK(body_of(client.send(get(server.url("/2")))) == "right");
}
