// HttpError: what a server or the way to it failed with, classed by what the caller can do.
//
// Caught as a tape::Error it loses all but kind, text and hint; only who tries again needs more.
// Threads: values.
// Spec:    RFC 9110 §15; docs/adr/0015.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "tape/error.h"

namespace agent {

enum class HttpFailure {
  not_found,      // 404, 410
  denied,         // 401, 403, a certificate that is not trusted
  changed,        // 412: the object is another one now
  unsatisfiable,  // 416: the object ends in front of the range
  throttled,      // 429, 503: fewer requests, please
  time_out,       // nothing came for too long; 408, 504
  connection,     // not reached, reset, cut in the middle
  server,         // other 5xx
  garbled,        // bytes were not what was sent, on one way or the other
  no_ranges,      // 200 where 206 was asked for
  refused,        // other 4xx
};

// transient for throttled, time_out, connection, server and garbled; else not_found, denied,
// object_changed (changed, unsatisfiable), unsupported (no_ranges) or io (refused).
tape::ErrorKind kind_of(HttpFailure failure);

class HttpError : public tape::Error {
 public:
  HttpError(HttpFailure failure, const std::string& what, std::string hint = {})
      : tape::Error(kind_of(failure), what, std::move(hint)), failure_(failure) {}

  HttpFailure failure() const { return failure_; }
  // As the server asked; bounded by who waits.
  std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }
  void set_retry_after(std::optional<std::chrono::seconds> value) { retry_after_ = value; }

 private:
  HttpFailure failure_;
  std::optional<std::chrono::seconds> retry_after_;
};

// Of a status that is not a success.
HttpFailure failure_of_status(int status);

}  // namespace agent
