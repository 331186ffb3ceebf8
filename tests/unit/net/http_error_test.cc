#include "net/http_error.h"

#include "support/catch.h"

using agent::HttpFailure;
using tape::ErrorKind;

TEST_CASE("http_error: a status is classed by what the caller can do about it") {
  struct Row {
    int status;
    HttpFailure failure;
    ErrorKind kind;
  };
  const Row rows[] = {
      {400, HttpFailure::refused, ErrorKind::io},
      {401, HttpFailure::denied, ErrorKind::denied},
      {403, HttpFailure::denied, ErrorKind::denied},
      {404, HttpFailure::not_found, ErrorKind::not_found},
      {405, HttpFailure::refused, ErrorKind::io},
      {408, HttpFailure::time_out, ErrorKind::transient},
      {409, HttpFailure::refused, ErrorKind::io},
      {410, HttpFailure::not_found, ErrorKind::not_found},
      {412, HttpFailure::changed, ErrorKind::object_changed},
      {416, HttpFailure::unsatisfiable, ErrorKind::object_changed},
      {429, HttpFailure::throttled, ErrorKind::transient},
      {500, HttpFailure::server, ErrorKind::transient},
      {501, HttpFailure::server, ErrorKind::transient},
      {502, HttpFailure::server, ErrorKind::transient},
      {503, HttpFailure::throttled, ErrorKind::transient},
      {504, HttpFailure::time_out, ErrorKind::transient},
      {599, HttpFailure::server, ErrorKind::transient},
      {301, HttpFailure::refused, ErrorKind::io},
      {600, HttpFailure::refused, ErrorKind::io},
  };
  for (const Row& row : rows) {
    INFO(row.status);
    CHECK(agent::failure_of_status(row.status) == row.failure);
    CHECK(agent::kind_of(row.failure) == row.kind);
  }
  CHECK(agent::kind_of(HttpFailure::connection) == ErrorKind::transient);
  CHECK(agent::kind_of(HttpFailure::garbled) == ErrorKind::transient);
  CHECK(agent::kind_of(HttpFailure::no_ranges) == ErrorKind::unsupported);
}

TEST_CASE("http_error: the kind is its failure's, and what the server asked for is kept") {
  agent::HttpError error(HttpFailure::throttled, "slow down", "wait");
  CHECK(error.kind() == ErrorKind::transient);
  CHECK(error.failure() == HttpFailure::throttled);
  CHECK(error.hint() == "wait");
  CHECK_FALSE(error.retry_after());
  error.set_retry_after(std::chrono::seconds(7));
  CHECK(error.retry_after() == std::chrono::seconds(7));
}
