#include "store/http_store.h"

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

TEST_CASE("http_store: a URL with a password or a query is a usage error that shows neither") {
  agent::HttpClient http({});
  for (const char* url : {"https://u:geheim@host/s", "https://host/s?sig=geheim", "https://"}) {
    INFO(url);
    const tape::Error error = failed([&] { agent::open_http_store(http, url); });
    CHECK(error.kind() == tape::ErrorKind::usage);
    CHECK(std::string(error.what()).find("geheim") == std::string::npos);
  }
}
