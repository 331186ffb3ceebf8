#include "net/http_client.h"
#include "support/expect.h"
#include "support/http.h"
#include "support/http_server.h"
#include "support/temporary_folder.h"
#include "support/tls_server.h"

using namespace agent;
using namespace test;
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

HttpOptions trusting(const std::string& file) {
  HttpOptions out = direct();
  out.ca_bundle = file;
  return out;
}

}  // namespace

TEST_CASE("http_client: a certificate of an unknown authority is denied, with a hint") {
  const TlsServer server("IP:127.0.0.1");
  HttpClient client(direct());
  const HttpError error = http_failed([&] { return client.send(get(server.url("/a?secret"))); });
  CHECK(error.failure() == HttpFailure::denied);
  CHECK(error.hint().find("--ca-bundle") != std::string::npos);
  CHECK(error.hint().find("AWS_CA_BUNDLE") != std::string::npos);
  CHECK_FALSE(says(error, "secret"));
}

TEST_CASE(
    "http_client: a certificate of an authority that is trusted will do, for its names only") {
  const TemporaryFolder folder;
  const TlsServer server("IP:127.0.0.1,DNS:localhost");
  write_file(folder / "ca.pem", server.authority_pem());
  HttpClient client(trusting(folder / "ca.pem"));
  for (int i = 0; i < 2; ++i)
    CHECK(tape::as_text(client.send(get(server.url("/"))).body) == "over TLS");

  const TlsServer other("DNS:other.test,IP:127.0.0.2");
  write_file(folder / "other.pem", other.authority_pem());
  HttpClient client_of_other(trusting(folder / "other.pem"));
  const HttpError error = http_failed([&] { return client_of_other.send(get(other.url("/"))); });
  CHECK(error.failure() == HttpFailure::denied);
  // Trust would not help.
  CHECK(error.hint().find("--ca-bundle") == std::string::npos);
  CHECK(http_failed([&] { return client.send(get(other.url("/"))); }).failure() ==
        HttpFailure::denied);
}

TEST_CASE("http_client: a certificate that was good once is denied") {
  const TemporaryFolder folder;
  const TlsServer server("IP:127.0.0.1", -60);
  write_file(folder / "ca.pem", server.authority_pem());
  HttpClient client(trusting(folder / "ca.pem"));
  const HttpError error = http_failed([&] { return client.send(get(server.url("/"))); });
  CHECK(error.failure() == HttpFailure::denied);
  CHECK(says(error, "expired"));
  CHECK(error.hint().find("--ca-bundle") == std::string::npos);
}

TEST_CASE("http_client: https to a server without TLS says that http has to be typed") {
  const HttpServer server([](const Request&) { return Reply{.body = "ok"}; });
  HttpClient client(direct());
  const HttpError error =
      http_failed([&] { return client.send(get("https://" + server.host() + "/")); });
  CHECK(error.failure() == HttpFailure::connection);
  CHECK(error.kind() == ErrorKind::transient);
  CHECK(error.hint().find("http://") != std::string::npos);
  CHECK(server.request_count() == 0);
}

TEST_CASE("http_client: http to a server with TLS is a connection that failed") {
  const TlsServer server("IP:127.0.0.1");
  HttpClient client(direct());
  CHECK(http_failed([&] { return client.send(get(server.url("/", "http"))); }).failure() ==
        HttpFailure::connection);
}

TEST_CASE("http_client: a bundle of certificates that cannot be read is a usage error, at once") {
  const TemporaryFolder folder;
  write_file(folder / "text", "no certificate");
  write_file(folder / "empty", "");
  write_file(folder / "cut", "-----BEGIN CERTIFICATE-----\nMIIB\n");
  for (const char* name : {"none", "text", "empty", "cut", ""}) {
    INFO(name);
    const tape::Error error = failed([&] { HttpClient client(trusting(folder / name)); });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(says(error, folder.path()));
    CHECK(error.hint().find("--ca-bundle") != std::string::npos);
  }
}
