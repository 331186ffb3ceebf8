// One object of a server, read in ranges.
//
// Each read names the object's ETag, that of the first answer where none is known, so all of them
// see one object; some servers pass over If-Match, so that of each answer is looked at, too, or,
// without a strong one, the weak one and Last-Modified. Never If-Range, never several ranges, no
// suffix ranges.
//
// Fails:   HttpError changed, unsatisfiable, no_ranges, connection; as ask() does.
// Threads: any number of readers.
// Spec:    RFC 9110 §8.8.3, §13.1.1, §14.
#pragma once
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "net/http_client.h"
#include "tape/io.h"

namespace agent {

class HttpObject : public tape::RangeSource {
 public:
  tape::ByteCount size() const override { return size_; }
  void read_at(tape::GzOffset at, tape::MutableBytes out) const override;

 protected:
  // `etag`: strong, without its quotes; or empty.
  HttpObject(tape::ByteCount size, std::string etag) : size_(size), etag_(std::move(etag)) {}

  // GET with this request's headers and sink. Returns 2xx only.
  virtual HttpResponse ask(HttpRequest request) const = 0;

 private:
  void check(const HttpResponse& response, const std::string& range, bool whole) const;
  std::string etag() const;
  void must_be_the_same(const HttpResponse& response) const;

  const tape::ByteCount size_;
  mutable std::mutex mutex_;    // of these two
  mutable std::string etag_;    // empty: not known yet
  mutable std::string unsure_;  // a weak ETag and a time, of the first answer without a strong one
};

// Of an answer, without quotes; empty where there is none, or a weak one, which says nothing of
// bytes.
std::string strong_etag(const HttpResponse& response);

}  // namespace agent
