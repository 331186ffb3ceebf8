// Who gives out credentials, on this machine: EC2 instance metadata, the service of a container,
// and STS, all at one address.
//
// Threads: any number of callers.
#pragma once
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "support/http_server.h"

namespace test {

// What each of them gives.
struct ServedKeys {
  std::string id = "AKIDSERVED";
  std::string expires = "2023-11-14T23:13:20Z";  // an hour behind the start of FakeClock
};

inline std::string keys_as_json(const ServedKeys& keys, const std::string& token_field) {
  return R"({"Version": 1, "Code": "Success", "AccessKeyId": ")" + keys.id +
         R"(", "SecretAccessKey": "SECRETkey", ")" + token_field + R"(": "SECRETsession")" +
         (keys.expires.empty() ? "" : R"(, "Expiration": ")" + keys.expires + "\"") + "}";
}

inline std::string keys_as_xml(const ServedKeys& keys) {
  return "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
         "<SessionToken>SECRETsession</SessionToken>"
         "<SecretAccessKey>SECRETkey</SecretAccessKey>"
         "<Expiration>" +
         keys.expires + "</Expiration><AccessKeyId>" + keys.id +
         "</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>"
         "</AssumeRoleWithWebIdentityResponse>";
}

class KeyServer {
 public:
  // What it answers instead; nothing: what it always does.
  using Instead = std::function<std::optional<Reply>(const Request&)>;

  static constexpr const char* kTokenPath = "/latest/api/token";
  static constexpr const char* kRolesPath = "/latest/meta-data/iam/security-credentials/";
  static constexpr const char* kContainerPath = "/v2/credentials/SECRETpath";
  static constexpr const char* kStsPath = "/sts";

  explicit KeyServer(Instead instead = {})
      : instead_(std::move(instead)),
        server_([this](const Request& request) { return answer(request); }) {}

  void give(ServedKeys keys) {
    const std::lock_guard lock(mutex_);
    keys_ = std::move(keys);
  }
  void answer_instead(Instead instead) {
    const std::lock_guard lock(mutex_);
    instead_ = std::move(instead);
  }

  HttpServer& http() { return server_; }

 private:
  Reply answer(const Request& request) {
    const std::lock_guard lock(mutex_);
    if (auto reply = instead_ ? instead_(request) : std::nullopt) return *reply;
    const std::string what = request.method + " " + request.path();
    if (what == std::string("PUT ") + kTokenPath) return {.body = "SECRETmetadata"};
    if (what == std::string("GET ") + kRolesPath) return {.body = "role-1"};
    if (what == std::string("GET ") + kRolesPath + "role-1" ||
        what == std::string("GET ") + kContainerPath)
      return {.body = keys_as_json(keys_, "Token")};
    if (what == std::string("POST ") + kStsPath) return {.body = keys_as_xml(keys_)};
    return {.status = 404};
  }

  std::mutex mutex_;
  ServedKeys keys_;
  Instead instead_;
  HttpServer server_;  // last: it uses everything above
};

}  // namespace test
