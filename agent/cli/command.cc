#include "cli/command.h"

#include <csignal>

#include "cli/signals.h"

namespace agent {

ExitCode exit_code_of(const tape::Error& error) {
  using tape::ErrorKind;
  switch (error.kind()) {
    case ErrorKind::canceled:
      return 128 + (stop_signal() == 0 ? SIGINT : stop_signal());
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
