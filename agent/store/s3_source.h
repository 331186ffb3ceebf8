// One object of S3, read in ranges.
//
// Fails:   as HttpObject and S3Client do.
// Threads: any number of readers.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "net/http_object.h"
#include "store/object_store.h"
#include "store/s3_client.h"
#include "tape/error.h"

namespace agent {

class S3Source final : public HttpObject {
 public:
  // `key`: whole. `known.etag` may be empty. `headers`: a customer's key.
  S3Source(S3Client& client, std::string key, ObjectInfo known, std::vector<HttpHeader> headers)
      : HttpObject(known.size, std::move(known.etag)),
        client_(client),
        key_(std::move(key)),
        headers_(std::move(headers)) {}

  std::string name() const override { return tape::shown(client_.name_of(key_)); }

 private:
  HttpResponse ask(HttpRequest asked) const override {
    S3Request request;
    request.method = "GET";
    request.key = key_;
    request.headers = headers_;
    request.headers.insert(request.headers.end(), asked.headers.begin(), asked.headers.end());
    request.sink = std::move(asked.sink);
    request.sink_status = asked.sink_status;
    return client_.send(request);
  }

  S3Client& client_;
  const std::string key_;
  const std::vector<HttpHeader> headers_;
};

}  // namespace agent
