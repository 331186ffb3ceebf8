#include "net/http_error.h"

namespace agent {

tape::ErrorKind kind_of(HttpFailure failure) {
  switch (failure) {
    case HttpFailure::not_found:
      return tape::ErrorKind::not_found;
    case HttpFailure::denied:
      return tape::ErrorKind::denied;
    case HttpFailure::changed:
    case HttpFailure::unsatisfiable:
      return tape::ErrorKind::object_changed;
    case HttpFailure::throttled:
    case HttpFailure::time_out:
    case HttpFailure::connection:
    case HttpFailure::server:
    case HttpFailure::garbled:
      return tape::ErrorKind::transient;
    case HttpFailure::no_ranges:
      return tape::ErrorKind::unsupported;
    case HttpFailure::refused:
      break;
  }
  return tape::ErrorKind::io;
}

HttpFailure failure_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return HttpFailure::denied;
    case 404:
    case 410:
      return HttpFailure::not_found;
    case 412:
      return HttpFailure::changed;
    case 416:
      return HttpFailure::unsatisfiable;
    case 429:
    case 503:
      return HttpFailure::throttled;
    case 408:
    case 504:
      return HttpFailure::time_out;
    default:
      return status >= 500 && status < 600 ? HttpFailure::server : HttpFailure::refused;
  }
}

}  // namespace agent
