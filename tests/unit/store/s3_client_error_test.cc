// What S3Client says of failures, where its requests go, and URLs for others.
#include "store/s3_client.h"
#include "support/environment.h"
#include "support/expect.h"
#include "support/s3_signed.h"
#include "support/s3_world.h"

using namespace agent;
using namespace test;
using namespace std::chrono_literals;
using tape::ErrorKind;
using tape::failed;
using tape::says;

namespace {

// AWS's own hosts, as a proxy sees them: nothing leaves this machine.
struct AwsWorld {
  explicit AwsWorld(HttpServer::Answer answer)
      : proxy(std::move(answer)), variable("http_proxy", proxy.url()) {
    options.location = {"bucket", ""};
    options.region = "us-east-1";
    options.endpoint = {"http", "s3.us-east-1.amazonaws.com", true};
  }
  std::vector<Request> sent() {
    HttpClient http({});
    S3Client client({http, credentials, clock}, options);
    S3Request request;
    request.method = "GET";
    request.key = "p/k";
    client.send(request);
    return proxy.requests();
  }

  FakeClock clock;
  HttpServer proxy;
  Variable variable;
  Variable all{"all_proxy", ""};
  Variable none{"no_proxy", ""};
  Variable none_too{"NO_PROXY", ""};
  Sessions credentials{kKeys};
  S3Options options;
};

}  // namespace

TEST_CASE(
    "s3_client: a bucket is part of the host or of the path, as its name and the store allow") {
  struct Row {
    const char* bucket;
    bool is_aws;
    PathStyle style;
    bool in_path;
  };
  const Row rows[] = {
      {"bucket", true, PathStyle::automatic, false},
      {"bucket", true, PathStyle::on, true},
      {"bucket", false, PathStyle::automatic, true},
      {"bucket", false, PathStyle::off, false},
      {"bucket", true, PathStyle::off, false},
      {"bu.cket", true, PathStyle::automatic, true},
      {"bu_cket", true, PathStyle::automatic, true},
      {"Bucket", true, PathStyle::automatic, true},
      {"bu-cket2", true, PathStyle::automatic, false},
  };
  for (const Row& row : rows) {
    INFO(row.bucket << row.is_aws << static_cast<int>(row.style));
    AwsWorld world([](const Request&) { return Reply{}; });
    world.options.location.bucket = row.bucket;
    world.options.path_style = row.style;
    world.options.endpoint.is_aws = row.is_aws;
    const Request seen = world.sent().at(0);
    const std::string bucket = row.bucket;
    const std::string host = "s3.us-east-1.amazonaws.com";
    CHECK(seen.header("Host") == (row.in_path ? host : bucket + "." + host));
    CHECK(seen.target ==
          "http://" + (row.in_path ? host + "/" + bucket : bucket + "." + host) + "/p/k");
  }
}

TEST_CASE("s3_client: in another region of AWS its own host there is asked") {
  struct Row {
    const char* host;
    const char* region;
    const char* there;
  };
  const Row rows[] = {
      {"s3.us-east-1.amazonaws.com", "eu-west-1", "s3.eu-west-1.amazonaws.com"},
      {"s3.cn-north-1.amazonaws.com.cn", "cn-northwest-1", "s3.cn-northwest-1.amazonaws.com.cn"},
  };
  for (const Row& row : rows) {
    AwsWorld world([&](const Request& request) {
      if (region_of(request) == row.region) return Reply{};
      Reply reply = s3_error(301, "PermanentRedirect");
      reply.headers = {{"x-amz-bucket-region", row.region}, {"Location", "http://evil.example/"}};
      return reply;
    });
    world.options.endpoint.host = row.host;
    const auto requests = world.sent();
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].header("Host") == "bucket." + std::string(row.host));
    CHECK(requests[1].header("Host") == "bucket." + std::string(row.there));
  }
}

TEST_CASE(
    "s3_client: what is sealed with a key of its own is denied, and says which option opens it") {
  World world([&](const Request&) {
    return Reply{.status = 400,
                 .body =
                     "<Error><Code>InvalidRequest</Code><Message>Server Side Encryption with "
                     "Customer provided key is required</Message></Error>"};
  });
  const auto fetched = [&](const char* method, const char* key) {
    return failed([&] {
      S3Request request;
      request.method = method;
      request.key = key;
      world.client().send(request);
    });
  };
  const tape::Error error = fetched("GET", "p/k");
  CHECK(error.kind() == ErrorKind::denied);
  CHECK(error.hint().find("--sse customer:FILE") != std::string::npos);
  CHECK(fetched("PUT", "p/k").kind() == ErrorKind::io);
  CHECK(fetched("GET", "").kind() == ErrorKind::io);
}

TEST_CASE("s3_client: each code is classed by what can be done about it, and says so") {
  struct Row {
    int status;
    const char* code;
    HttpFailure failure;
    ErrorKind kind;
    const char* hint;
  };
  const Row rows[] = {
      {404, "NoSuchBucket", HttpFailure::not_found, ErrorKind::not_found, "endpoint"},
      {404, "NoSuchKey", HttpFailure::not_found, ErrorKind::not_found, ""},
      {404, "NoSuchUpload", HttpFailure::not_found, ErrorKind::not_found, ""},
      {403, "AccessDenied", HttpFailure::denied, ErrorKind::denied, "docs/operations.md"},
      {403, "InvalidAccessKeyId", HttpFailure::denied, ErrorKind::denied, "access key"},
      {403, "SignatureDoesNotMatch", HttpFailure::denied, ErrorKind::denied, "secret key"},
      {400, "ExpiredToken", HttpFailure::denied, ErrorKind::denied, "expired"},
      {400, "InvalidToken", HttpFailure::denied, ErrorKind::denied, "session token"},
      {403, "RequestTimeTooSkewed", HttpFailure::denied, ErrorKind::denied, "clock"},
      {403, "Other", HttpFailure::denied, ErrorKind::denied, ""},
      {412, "PreconditionFailed", HttpFailure::changed, ErrorKind::object_changed, ""},
      {416, "InvalidRange", HttpFailure::unsatisfiable, ErrorKind::object_changed, ""},
      {503, "SlowDown", HttpFailure::throttled, ErrorKind::transient, ""},
      {503, "ServiceUnavailable", HttpFailure::throttled, ErrorKind::transient, ""},
      {429, "TooManyRequests", HttpFailure::throttled, ErrorKind::transient, ""},
      {400, "RequestTimeout", HttpFailure::time_out, ErrorKind::transient, ""},
      {409, "OperationAborted", HttpFailure::server, ErrorKind::transient, ""},
      {409, "ConditionalRequestConflict", HttpFailure::server, ErrorKind::transient, ""},
      {500, "InternalError", HttpFailure::server, ErrorKind::transient, ""},
      {400, "BadDigest", HttpFailure::garbled, ErrorKind::transient, ""},
      {400, "InvalidDigest", HttpFailure::garbled, ErrorKind::transient, ""},
      {400, "XAmzContentSHA256Mismatch", HttpFailure::garbled, ErrorKind::transient, ""},
      {400, "IncompleteBody", HttpFailure::garbled, ErrorKind::transient, ""},
      {400, "MalformedXML", HttpFailure::garbled, ErrorKind::transient, ""},
      {400, "InvalidArgument", HttpFailure::refused, ErrorKind::io, ""},
      {405, "MethodNotAllowed", HttpFailure::refused, ErrorKind::io, ""},
      {501, "NotImplemented", HttpFailure::refused, ErrorKind::io, "option"},
      {301, "PermanentRedirect", HttpFailure::refused, ErrorKind::io, "--endpoint"},
  };
  for (const Row& row : rows) {
    INFO(row.code);
    World world([&](const Request&) { return s3_error(row.status, row.code); });
    const HttpError error = world.failure("GET", "set/a b");
    CHECK(error.failure() == row.failure);
    CHECK(error.kind() == row.kind);
    CHECK(error.hint().find(row.hint) != std::string::npos);
    CHECK(error.hint().empty() == std::string(row.hint).empty());
    CHECK(std::string(error.what()) ==
          "GET s3://bucket/set/a b: HTTP " + std::to_string(row.status) + " " + row.code + ": why");
  }
}

TEST_CASE("s3_client: an answer that is no XML is classed by its status") {
  for (const char* body :
       {"", "<html><body><h1>502 Bad Gateway</h1></body></html>", "<Error><Code>No",
        "<!DOCTYPE a><Error><Code>AccessDenied</Code></Error>"}) {
    INFO(body);
    World world([&](const Request&) { return Reply{.status = 502, .body = body}; });
    const HttpError error = world.failure();
    CHECK(error.failure() == HttpFailure::server);
    CHECK(std::string(error.what()) == "GET s3://bucket/k: HTTP 502");
  }
}

TEST_CASE("s3_client: what a server asks to wait is in the error") {
  World world(
      [](const Request&) { return with_header(s3_error(503, "SlowDown"), "Retry-After", "17"); });
  CHECK(world.failure().retry_after() == 17s);
  World silent([](const Request&) { return s3_error(503, "SlowDown"); });
  CHECK_FALSE(silent.failure().retry_after());
}

TEST_CASE("s3_client: no error has a secret or a session in it, nor a line of its own") {
  Credentials keys = kKeys;
  keys.session_token = "FwoGZXIvYXdzE/token+==";
  const auto is_quiet = [&](const tape::Error& error) {
    const std::string text = error.what() + error.hint();
    return text.find(keys.secret_key) == std::string::npos &&
           text.find(keys.session_token) == std::string::npos &&
           text.find('\n') == std::string::npos && text.size() < 2000;
  };
  std::string message;
  World world(
      [&](const Request& request) {
        std::string all;
        for (const auto& [name, value] : request.headers)
          all += name + ": " + value + "\n";
        return Reply{.status = 403,
                     .body = "<Error><Code>InvalidToken</Code><Message>" + message + "</Message>" +
                             "<Token-0>" + request.header("x-amz-security-token") + "</Token-0>" +
                             "<CanonicalRequest>" + all + "</CanonicalRequest></Error>"};
      },
      keys);
  for (const std::string& said :
       {std::string("why"), "the token " + keys.session_token + " is of nobody",
        "the secret is " + keys.secret_key, std::string("a\nb\x7f"), std::string(50'000, 'x'),
        std::string(480, 'x') + keys.session_token, std::string(505, 'x') + keys.secret_key}) {
    INFO(said.substr(0, 100));
    message = said;
    CHECK(is_quiet(world.failure()));
    CHECK(is_quiet(world.failure("HEAD")));
  }
  world.server.stop();
  CHECK(is_quiet(failed([&] { world.sent("GET", "k"); })));
}

TEST_CASE("s3_client: a URL is good for anybody who has it, to GET and to PUT") {
  Credentials keys = kKeys;
  keys.session_token = "FwoGZXIvYXdzE/token+==";
  World world([](const Request& request) { return Reply{.body = request.body}; }, keys);
  for (const char* method : {"GET", "PUT"}) {
    INFO(method);
    HttpRequest request;
    request.method = method;
    request.url = world.client().presigned(method, "p/a b+\xC3\xA9", 3600);
    request.body_limit = 100;
    const std::string body = request.method == std::string("PUT") ? "body" : "";
    request.body = tape::as_bytes(body);
    CHECK(tape::as_text(world.http.send(request).body) == body);
    const Request seen = world.server.requests().back();
    CHECK(seen.path() == "/bucket/p/a%20b%2B%C3%A9");
    CHECK(query_of(seen, "X-Amz-Algorithm") == "AWS4-HMAC-SHA256");
    CHECK(query_of(seen, "X-Amz-Credential") == "AKIDEXAMPLE/20231114/us-east-1/s3/aws4_request");
    CHECK(query_of(seen, "X-Amz-Date") == "20231114T221320Z");
    CHECK(query_of(seen, "X-Amz-Expires") == "3600");
    CHECK(query_of(seen, "X-Amz-SignedHeaders") == "host");
    CHECK(query_of(seen, "X-Amz-Security-Token") == keys.session_token);
    const UnsignedRequest plain{method, "http", seen.header("Host"), "/bucket/p/a b+\xC3\xA9", {},
                                {},     ""};
    CHECK(seen.target == presigned_url(plain, keys, {"us-east-1", "s3", world.clock.now()}, 3600)
                             .substr(world.server.url().size()));
    CHECK_FALSE(seen.has("Authorization"));
  }
  for (const std::uint32_t seconds : {0u, 604'801u})
    CHECK(failed([&] { return world.client().presigned("GET", "k", seconds); }).kind() ==
          ErrorKind::usage);
  for (const char* method : {"DELETE", "POST", "HEAD", "get", ""})
    CHECK(failed([&] { return world.client().presigned(method, "k", 60); }).kind() ==
          ErrorKind::usage);
}

TEST_CASE(
    "s3_client: a URL for others is of the region and the time that the store was found to have") {
  World world([](const Request& request) {
    if (region_of(request) != "eu-west-1")
      return s3_error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>");
    if (request.header("x-amz-date") != "20231114T231320Z")
      return with_header(s3_error(403, "RequestTimeTooSkewed"), "Date",
                         "Tue, 14 Nov 2023 23:13:20 GMT");
    return Reply{};
  });
  world.sent("GET", "k");
  const std::string url = world.client().presigned("GET", "k", 60);
  CHECK(url.find("%2F20231114%2Feu-west-1%2Fs3%2F") != std::string::npos);
  CHECK(url.find("X-Amz-Date=20231114T231320Z") != std::string::npos);
}

TEST_CASE("s3_client: an unsigned request has nothing of ours in it") {
  World world([](const Request&) { return Reply{.status = 403}; });
  world.options.requester_pays = true;
  S3Request request;
  request.method = "GET";
  request.key = "a b";
  request.query = {{"list-type", "2"}};
  CHECK(world.client().send_unsigned(request).status == 403);
  const Request seen = world.server.requests().at(0);
  CHECK(seen.target == "/bucket/a%20b?list-type=2");
  for (const auto& [name, value] : seen.headers) {
    CHECK_FALSE(name.starts_with("x-amz-"));
    CHECK(value.find(kKeys.access_key) == std::string::npos);
  }
  CHECK_FALSE(seen.has("Authorization"));
}

TEST_CASE("s3_client: without credentials nothing is sent, and what says so comes out") {
  class Nobody final : public CredentialsProvider {
    Credentials get() override { throw tape::Error(ErrorKind::denied, "nobody", "be somebody"); }
    void expired(const Credentials& /*credentials*/) override {}
  };
  World world([](const Request&) { return Reply{}; });
  Nobody nobody;
  S3Client client({world.http, nobody, world.clock}, world.options);
  S3Request request;
  request.method = "GET";
  const tape::Error error = failed([&] { client.send(request); });
  CHECK(error.kind() == ErrorKind::denied);
  CHECK(error.hint() == "be somebody");
  CHECK(failed([&] { return client.presigned("GET", "k", 60); }).kind() == ErrorKind::denied);
  CHECK(world.server.request_count() == 0);
}
