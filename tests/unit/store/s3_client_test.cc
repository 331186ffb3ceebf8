#include "store/s3_client.h"

#include <atomic>
#include <thread>

#include "support/expect.h"
#include "support/s3_signed.h"
#include "support/s3_world.h"

using namespace agent;
using namespace test;
using namespace std::chrono_literals;
using tape::ErrorKind;
using tape::failed;
using tape::says;

TEST_CASE("s3_client: a request is signed as it is sent, with the digest of its body") {
  World world([](const Request&) { return Reply{}; });
  S3Request request;
  request.method = "PUT";
  request.key = "p/a b+c%41/\xC3\xA9~!$&'()*,;=:@?#[]";
  request.query = {{"partNumber", "2"}, {"uploadId", "a/b+c=="}, {"uploads", ""}};
  request.headers = {
      {"Content-MD5", "x=="}, {"x-amz-tagging", "a=b&c=%20"}, {"Content-Type", "text/plain"}};
  const std::string body = text_of_size(100'000);
  request.body = tape::as_bytes(body);
  world.client().send(request);
  const Request seen = world.server.requests().at(0);
  CHECK(is_signed_by(seen, kKeys));
  CHECK((seen.body == body));
  CHECK(percent_decoded(seen.path()) == "/bucket/" + request.key);
  CHECK(query_of(seen) ==
        decltype(query_of(seen)){{"partNumber", "2"}, {"uploadId", "a/b+c=="}, {"uploads", ""}});
  CHECK(seen.header("x-amz-date") == "20231114T221320Z");
  CHECK(region_of(seen) == "us-east-1");
  CHECK(scope_of(seen, 3) == "s3");
  CHECK(scope_of(seen, 0) == kKeys.access_key);
  CHECK_FALSE(seen.has("x-amz-security-token"));
  CHECK_FALSE(seen.has("x-amz-request-payer"));
  // A digest that is known already is not made again.
  request.body_sha256 = tape::sha256(tape::as_bytes("another"));
  world.client().send(request);
  CHECK(world.server.requests().at(1).header("x-amz-content-sha256") ==
        tape::hex(*request.body_sha256));
}

TEST_CASE("s3_client: a session token and who pays are sent and signed") {
  Credentials keys = kKeys;
  keys.session_token = "FwoGZXIvYXdzE/token+==";
  World world([](const Request&) { return Reply{}; }, keys);
  world.options.requester_pays = true;
  for (const char* method : {"GET", "PUT", "HEAD", "DELETE", "POST"}) {
    INFO(method);
    const Request seen = world.sent(method, "k").at(0);
    CHECK(seen.header("x-amz-security-token") == keys.session_token);
    CHECK(seen.header("x-amz-request-payer") == "requester");
    CHECK(is_signed_by(seen, keys));
    Credentials others = keys;
    others.secret_key += "x";
    CHECK_FALSE(is_signed_by(seen, others));
  }
}

TEST_CASE("s3_client: a success is returned, an accepted status too, and any other one fails") {
  int status = 0;
  std::string body = "text";
  World world([&](const Request&) { return Reply{.status = status, .body = body}; });
  S3Request request;
  request.method = "GET";
  request.key = "k";
  request.body_limit = 100;
  for (const int good : {200, 201, 204, 206, 404, 412}) {
    status = good;
    CHECK(world.client().send_or(request, {404, 412}).status == good);
  }
  // What is answered before it is done may fail in its body.
  body = "<Error><Code>InternalError</Code></Error>";
  for (const int good : {404, 412}) {
    status = good;
    CHECK(world.client().send_or(request, {404, 412}).status == good);
  }
  status = 200;
  CHECK(world.client().send_or(request, {200}).status == 200);
  CHECK(failed([&] { world.client().send(request); }).kind() == ErrorKind::transient);
  for (const int bad : {300, 304, 400, 403, 409, 500, 503}) {
    INFO(bad);
    status = bad;
    CHECK(says(failed([&] { world.client().send_or(request, {404, 412}); }), std::to_string(bad)));
  }
}

TEST_CASE("s3_client: another region is signed for, once, and remembered") {
  struct Row {
    const char* what;
    Reply reply;
  };
  const Row rows[] = {
      {"301 with a header",
       with_header(s3_error(301, "PermanentRedirect"), "x-amz-bucket-region", "eu-west-1")},
      {"307 with a header",
       with_header(s3_error(307, "TemporaryRedirect"), "x-amz-bucket-region", "eu-west-1")},
      {"400 with a header", with_header({.status = 400}, "x-amz-bucket-region", "eu-west-1")},
      {"400 with an element",
       s3_error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")},
      {"301 with an element", s3_error(301, "PermanentRedirect", "<Region>eu-west-1</Region>")},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    World world([&](const Request& request) {
      return region_of(request) == "eu-west-1" ? Reply{} : row.reply;
    });
    const auto requests = world.sent("GET", "k");
    REQUIRE(requests.size() == 2);
    CHECK(region_of(requests[0]) == "us-east-1");
    CHECK(region_of(requests[1]) == "eu-west-1");
    CHECK(is_signed_by(requests[1], kKeys));
    CHECK(requests[1].target == requests[0].target);
    CHECK(world.sent("GET", "other").size() == 1);
  }
}

TEST_CASE("s3_client: a store that never agrees on a region is not asked for ever") {
  int count = 0;
  World world([&](const Request&) {
    return s3_error(400, "AuthorizationHeaderMalformed",
                    "<Region>region-" + std::to_string(++count % 2) + "</Region>");
  });
  CHECK(world.failure().failure() == HttpFailure::refused);
  CHECK(world.server.request_count() == 2);
  World same([&](const Request&) {
    return s3_error(400, "AuthorizationHeaderMalformed", "<Region>us-east-1</Region>");
  });
  same.failure();
  CHECK(same.server.request_count() == 1);
}

TEST_CASE("s3_client: what is no region's name is not believed") {
  for (const std::string& region :
       {std::string("evil.example"), std::string("a/b"), std::string("a b"), std::string("a@b"),
        std::string("a:80"), std::string("a%2fb"), std::string("\xC3\xA9"), std::string("a\nb"),
        std::string("-"), std::string(65, 'a'), std::string(" ")}) {
    INFO(region);
    World world([&](const Request&) {
      return s3_error(301, "PermanentRedirect", "<Region>" + region + "</Region>");
    });
    const HttpError error = world.failure();
    CHECK(world.server.request_count() == 1);
    CHECK(error.hint().find("--region") != std::string::npos);
  }
}

TEST_CASE("s3_client: where a redirect leads nothing is sent") {
  const HttpServer elsewhere([](const Request&) { return Reply{}; });
  for (const int status : {301, 302, 307, 308}) {
    INFO(status);
    World world([&](const Request&) {
      Reply reply =
          s3_error(status, "TemporaryRedirect", "<Endpoint>" + elsewhere.host() + "</Endpoint>");
      reply = with_header(reply, "Location", elsewhere.url("/bucket/k"));
      return with_header(reply, "x-amz-bucket-region", "eu-west-1");
    });
    const HttpError error = world.failure();
    CHECK(error.kind() == ErrorKind::io);
    CHECK(error.hint().find("--endpoint") != std::string::npos);
  }
  CHECK(elsewhere.request_count() == 0);
}

TEST_CASE("s3_client: of many callers at once each is mended") {
  // All of them are on their way before the first is answered.
  const auto at_once = [](World& world) {
    std::atomic<int> good = 0;
    {
      std::vector<std::jthread> callers;
      world.client();
      for (int i = 0; i < 8; ++i)
        callers.emplace_back([&] {
          S3Request request;
          request.method = "GET";
          request.key = "k";
          if (!tape::failure_of([&] { world.client().send(request); })) ++good;
        });
    }
    return good.load();
  };
  World regions([](const Request& request) {
    if (region_of(request) == "eu-west-1") return Reply{};
    Reply reply = s3_error(301, "PermanentRedirect", "<Region>eu-west-1</Region>");
    reply.delay = 300ms;
    return reply;
  });
  CHECK(at_once(regions) == 8);
  World clocks([](const Request& request) {
    if (request.header("x-amz-date") == "20231114T231320Z") return Reply{};
    Reply reply =
        with_header(s3_error(403, "RequestTimeTooSkewed"), "Date", "Tue, 14 Nov 2023 23:13:20 GMT");
    reply.delay = 300ms;
    return reply;
  });
  CHECK(at_once(clocks) == 8);
  Credentials keys = kKeys;
  keys.session_token = "token";
  World sessions(
      [](const Request& request) {
        if (request.header("x-amz-security-token") == "token+") return Reply{};
        Reply reply = s3_error(400, "ExpiredToken");
        reply.delay = 300ms;
        return reply;
      },
      keys);
  CHECK(at_once(sessions) == 8);
}

TEST_CASE("s3_client: a clock that is off is corrected by the server's, once, and remembered") {
  World world([](const Request&) { return Reply{}; });
  Clock::Time theirs = world.clock.now() + 1h;
  World skewed([&](const Request& request) {
    const std::string date = request.header("x-amz-date");
    char now[32];
    const std::time_t seconds = Clock::Time::clock::to_time_t(theirs);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::strftime(now, sizeof now, "%Y%m%dT%H%M%SZ", &parts);
    return date == now
               ? Reply{}
               : with_header(s3_error(403, "RequestTimeTooSkewed"), "Date", http_date(theirs));
  });
  auto requests = skewed.sent("PUT", "k");
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].header("x-amz-date") == "20231114T221320Z");
  CHECK(requests[1].header("x-amz-date") == "20231114T231320Z");
  CHECK(is_signed_by(requests[1], kKeys));
  CHECK(skewed.sent("GET", "k").size() == 1);
  // A clock that somebody sets later is corrected again.
  skewed.clock.set_now(theirs);
  requests = skewed.sent("GET", "k");
  REQUIRE(requests.size() == 2);
  CHECK(requests[1].header("x-amz-date") == "20231114T231320Z");
  theirs += 24h;
  CHECK(skewed.sent("HEAD", "k").size() == 3);  // with the question why
}

TEST_CASE("s3_client: a store whose clock nobody can follow is not asked for ever") {
  int hours = 0;
  World world([&](const Request&) {
    if (++hours == 20) return Reply{};
    return with_header(s3_error(403, "RequestTimeTooSkewed"), "Date",
                       http_date(world.clock.now() + hours * 1h));
  });
  const HttpError error = world.failure();
  CHECK(error.failure() == HttpFailure::denied);
  CHECK(error.hint().find("clock") != std::string::npos);
  CHECK(world.server.request_count() == 2);
  for (const char* date : {"", "yesterday", "20231114T231320Z"}) {
    INFO(date);
    World without([&](const Request&) {
      return with_header(s3_error(403, "RequestTimeTooSkewed"), "Date", date);
    });
    without.failure();
    CHECK(without.server.request_count() == 1);
  }
}

TEST_CASE("s3_client: credentials that have expired are asked for again, once") {
  Credentials keys = kKeys;
  keys.session_token = "token";
  for (const char* code : {"ExpiredToken", "TokenRefreshRequired"}) {
    INFO(code);
    World world(
        [&](const Request& request) {
          return request.header("x-amz-security-token") == "token+" ? Reply{} : s3_error(400, code);
        },
        keys);
    const auto requests = world.sent("GET", "k");
    REQUIRE(requests.size() == 2);
    Credentials fresh = keys;
    fresh.access_key += "+";
    fresh.session_token += "+";
    CHECK(is_signed_by(requests[0], keys));
    CHECK(is_signed_by(requests[1], fresh));
    CHECK(world.credentials.expired_count() == 1);
    CHECK(world.sent("GET", "k").size() == 1);
  }
  World never([](const Request&) { return s3_error(400, "ExpiredToken"); }, keys);
  const HttpError error = never.failure();
  CHECK(error.failure() == HttpFailure::denied);
  CHECK(error.hint().find("expired") != std::string::npos);
  CHECK(never.server.request_count() == 2);
  World same([](const Request&) { return s3_error(400, "ExpiredToken"); }, keys);
  same.credentials.renew_nothing();
  same.failure();
  CHECK(same.server.request_count() == 1);
}

TEST_CASE("s3_client: region, clock and credentials are mended in one request") {
  Credentials keys = kKeys;
  keys.session_token = "token";
  World world(
      [](const Request& request) {
        if (region_of(request) != "eu-west-1")
          return s3_error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>");
        if (request.header("x-amz-date") != "20231114T231320Z")
          return with_header(s3_error(403, "RequestTimeTooSkewed"), "Date",
                             "Tue, 14 Nov 2023 23:13:20 GMT");
        if (request.header("x-amz-security-token") != "token+")
          return s3_error(400, "ExpiredToken");
        return Reply{};
      },
      keys);
  CHECK(world.sent("PUT", "k").size() == 4);
}

TEST_CASE("s3_client: why a HEAD failed is asked with a GET of one byte") {
  for (const int status : {400, 403, 301}) {
    INFO(status);
    World world([&](const Request& request) {
      if (request.method == "HEAD") return Reply{.status = status};
      return s3_error(status, "InvalidAccessKeyId");
    });
    world.options.requester_pays = true;
    const HttpError error = world.failure("HEAD", "a b");
    CHECK(error.failure() == HttpFailure::denied);
    CHECK(says(error, "InvalidAccessKeyId"));
    CHECK(says(error, "HEAD s3://bucket/a b: "));
    const auto requests = world.server.requests();
    REQUIRE(requests.size() == 2);
    CHECK(requests[1].method == "GET");
    CHECK(requests[1].target == requests[0].target);
    CHECK(requests[1].header("Range") == "bytes=0-0");
    CHECK(requests[1].header("x-amz-request-payer") == "requester");
    CHECK(is_signed_by(requests[1], kKeys));
  }
  // Nothing to ask: it is clear, or GET is no wiser.
  for (const int status : {404, 412, 500, 503}) {
    World world([&](const Request&) { return Reply{.status = status}; });
    world.failure("HEAD");
    CHECK(world.server.request_count() == 1);
  }
  World world([&](const Request& request) {
    return Reply{.status = request.method == "HEAD" ? 403 : 206, .body = "x"};
  });
  CHECK(world.failure("HEAD").failure() == HttpFailure::denied);
}

TEST_CASE("s3_client: a HEAD is mended by what the GET was told") {
  World world([](const Request& request) {
    if (region_of(request) == "eu-west-1") return Reply{.body = "abc"};
    if (request.method == "HEAD") return Reply{.status = 400};
    return s3_error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>");
  });
  const auto requests = world.sent("HEAD", "k");
  REQUIRE(requests.size() == 3);
  CHECK(requests[2].method == "HEAD");
  CHECK(region_of(requests[2]) == "eu-west-1");
}
