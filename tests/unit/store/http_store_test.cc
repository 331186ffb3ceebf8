#include "store/http_store.h"

#include <atomic>
#include <optional>

#include "support/catch.h"
#include "support/expect.h"
#include "support/http_server.h"
#include "tape/error.h"

using tape::failed;
using test::HttpServer;
using test::Reply;
using test::Request;

TEST_CASE("http_store: what a redirect led to is asked next, and when that ends the begin again") {
  int good_for = 2;
  const std::string object(100, 'x');
  const HttpServer server([&](const Request& request) {
    if (request.path() == "/s/a.gz")
      return Reply{.status = 302, .headers = {{"Location", "/signed?token=geheim"}}};
    if (good_for-- <= 0) {
      good_for = 2;
      return Reply{.status = 403};
    }
    return Reply{.status = 206,
                 .headers = {{"Content-Range", "bytes 10-19/100"}},
                 .body = object.substr(10, 10)};
  });
  agent::HttpClient http({});
  const auto store = agent::open_http_store(http, server.url("/s"));
  const auto source = store->open_known({"a.gz", 100, ""});
  tape::Bytes bytes(10);
  for (int i = 0; i < 6; ++i)
    source->read_at(tape::GzOffset(10), bytes);
  std::size_t from_begin = 0;
  for (const Request& request : server.requests())
    from_begin += request.path() == "/s/a.gz" ? 1U : 0U;
  CHECK(from_begin == 3);
}

TEST_CASE("http_store: what is denied behind a redirect is told without its signature") {
  const HttpServer server([&](const Request& request) {
    if (request.path() != "/signed")
      return Reply{.status = 302, .headers = {{"Location", "/signed?token=geheim"}}};
    return Reply{.status = 403};
  });
  agent::HttpClient http({});
  const auto store = agent::open_http_store(http, server.url("/s"));
  const tape::Error error = failed([&] { store->get("a", 10); });
  CHECK(error.kind() == tape::ErrorKind::denied);
  CHECK(std::string(error.what()).find("geheim") == std::string::npos);
}

TEST_CASE("http_store: a URL with a password is a usage error that does not show it") {
  agent::HttpClient http({});
  for (const char* url : {"https://u:geheim@host/s", "https://host/s#geheim", "https://"}) {
    INFO(url);
    const tape::Error error = failed([&] { agent::open_http_store(http, url); });
    CHECK(error.kind() == tape::ErrorKind::usage);
    CHECK(std::string(error.what()).find("geheim") == std::string::npos);
  }
}

TEST_CASE("http_store: a query goes with every request, and nowhere else") {
  std::atomic<int> status = 206;
  const HttpServer server([&](const Request& request) {
    if (request.method != "GET" || request.query() != "sig=geheim") return Reply{.status = 403};
    const bool first = request.header("Range") == "bytes=0-0";
    return Reply{.status = status,
                 .headers = {{"Content-Range", first ? "bytes 0-0/100" : "bytes 10-19/100"},
                             {"ETag", "\"e\""}},
                 .body = std::string(first ? 1 : 10, 'x')};
  });
  agent::HttpClient http({});
  const auto store = agent::open_http_store(http, server.url("/s") + "?sig=geheim");
  const auto found = store->head("a.gz");
  REQUIRE(found);
  CHECK(found->size == 100);
  CHECK(found->etag == "e");
  const auto source = store->open_known(*found);
  tape::Bytes bytes(10);
  source->read_at(tape::GzOffset(10), bytes);
  CHECK(tape::as_text(bytes) == std::string(10, 'x'));
  for (const std::string& shown : {source->name(), store->name(), store->identity()})
    CHECK(shown.find("geheim") == std::string::npos);
  status = 403;
  for (const tape::Error& error : {failed([&] { store->head("a.gz"); }),
                                   failed([&] { source->read_at(tape::GzOffset(10), bytes); })}) {
    CHECK(error.kind() == tape::ErrorKind::denied);
    CHECK((std::string(error.what()) + error.hint()).find("geheim") == std::string::npos);
  }
}

TEST_CASE("http_store: where HEAD says no size the first byte's range does") {
  struct Row {
    const char* what;
    Reply head;
    Reply get;
    std::optional<tape::ByteCount> size;
  };
  const auto range = [](const char* value, int status = 206) {
    return Reply{.status = status, .headers = {{"Content-Range", value}}, .body = "x"};
  };
  const Reply of_no_length{.framing = Reply::Framing::chunked};
  const Row rows[] = {
      {"not allowed", {.status = 405}, range("bytes 0-0/77"), 77},
      {"not there", {.status = 501}, range("bytes 0-0/77"), 77},
      {"without a length", of_no_length, range("bytes 0-0/77"), 77},
      {"empty", of_no_length, range("bytes */0", 416), 0},
      {"no ranges", of_no_length, {.body = std::string(50, 'x')}, 50},
      {"nobody knows", of_no_length, range("bytes 0-0/*"), std::nullopt},
      {"another range", of_no_length, range("bytes 1-1/77"), std::nullopt},
      {"no number", of_no_length, range("bytes 0-0/-1"), std::nullopt},
      {"no length at all", of_no_length, {.framing = Reply::Framing::chunked}, std::nullopt},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const HttpServer server(
        [&](const Request& request) { return request.method == "HEAD" ? row.head : row.get; });
    agent::HttpClient http({});
    const auto store = agent::open_http_store(http, server.url("/s"));
    std::optional<agent::ObjectInfo> found;
    const auto failure = tape::failure_of([&] { found = store->head("a.gz"); });
    CHECK(failure.has_value() == !row.size.has_value());
    if (row.size && found) CHECK(found->size == *row.size);
    if (failure) CHECK(tape::says(*failure, "does not say how large it is"));
  }
}
