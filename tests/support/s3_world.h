// A server of S3 that answers as a test says, and a client of it.
//
// Threads: as what is in it.
#pragma once
#include <atomic>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "store/s3_client.h"
#include "store/s3_store.h"
#include "support/fake_clock.h"
#include "support/http.h"
#include "support/http_server.h"

namespace test {

inline const agent::Credentials kKeys{
    "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", {}, "test"};

// Gives the keys it was told to, a new session each time that one has expired.
class Sessions final : public agent::CredentialsProvider {
 public:
  explicit Sessions(agent::Credentials credentials) : now_(std::move(credentials)) {}
  agent::Credentials get() override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  void expired(const agent::Credentials& credentials) override {
    const std::lock_guard lock(mutex_);
    ++expired_;
    if (!renews_ || credentials.session_token != now_.session_token) return;
    now_.access_key += "+";
    now_.session_token += "+";
  }
  void renew_nothing() { renews_ = false; }
  int expired_count() const { return expired_; }

 private:
  std::mutex mutex_;
  agent::Credentials now_;
  std::atomic<bool> renews_ = true;
  std::atomic<int> expired_ = 0;
};

// Path style at "bucket", in us-east-1.
inline agent::S3Options options_for(const HttpServer& server) {
  agent::S3Options out;
  out.location = {"bucket", ""};
  out.endpoint = {"http", server.host(), false};
  out.region = "us-east-1";
  return out;
}

// A client and a store of one server, with all that they need. `options` are looked at when one is
// first used.
struct World {
  explicit World(HttpServer::Answer answer, const agent::Credentials& keys = kKeys)
      : server(std::move(answer)), credentials(keys), options(options_for(server)) {}

  agent::S3Client& client() {
    if (!client_)
      client_ = std::make_unique<agent::S3Client>(
          agent::S3Client::Context{http, credentials, clock}, options);
    return *client_;
  }
  agent::S3Store& store() {
    if (!store_) store_ = agent::open_s3_store({http, credentials, clock}, options);
    return *store_;
  }
  // The requests that came of it.
  std::vector<Request> sent(const std::string& method, const std::string& key) {
    server.forget_requests();
    agent::S3Request request;
    request.method = method;
    request.key = key;
    request.body_limit = 1 << 20;
    client().send(request);
    return server.requests();
  }
  agent::HttpError failure(const std::string& method = "GET", const std::string& key = "k") {
    return http_failed([&] { sent(method, key); });
  }

  FakeClock clock;
  HttpServer server;
  agent::HttpClient http{direct()};
  Sessions credentials;
  agent::S3Options options;

 private:
  std::unique_ptr<agent::S3Client> client_;
  std::unique_ptr<agent::S3Store> store_;
};

// An answer of S3.
inline Reply s3_error(int status, const std::string& code, const std::string& more = "") {
  return {.status = status,
          .headers = {{"Content-Type", "application/xml"}},
          .body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code + "</Code>" +
                  "<Message>why</Message>" + more + "</Error>"};
}

inline Reply with_header(Reply reply, const std::string& name, const std::string& value) {
  reply.headers.emplace_back(name, value);
  return reply;
}

inline std::string http_date(agent::Clock::Time time) {
  const std::time_t seconds = agent::Clock::Time::clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

}  // namespace test
