#include "cli/command.h"

namespace agent {

ExitCode exit_code_of(tape::ErrorKind kind) {
  using tape::ErrorKind;
  switch (kind) {
    case ErrorKind::usage:
      return kUsage;
    case ErrorKind::source_changed:
      return kSourceChanged;
    case ErrorKind::not_found:
      return kNotFound;
    case ErrorKind::denied:
      return kDenied;
    case ErrorKind::transient:
    case ErrorKind::object_changed:
      return kTryAgain;
    default:
      return kFailed;
  }
}

}  // namespace agent
