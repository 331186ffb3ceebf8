#include "cli/signals.h"

#include <csignal>

#include <unistd.h>

#include "tape/error.h"

namespace agent {
namespace {

volatile std::sig_atomic_t asked = 0;  // a handler can reach nothing else

extern "C" void on_signal(int signal) {
  asked = signal;
  constexpr char kText[] = "\nragtape: stopping (again: at once)\n";
  // Only write() is safe here; whether the terminal takes it changes nothing.
  static_cast<void>(!::write(STDERR_FILENO, kText, sizeof kText - 1));
}

}  // namespace

void install_signal_handlers() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  // SA_RESETHAND: the second signal finds the default, which ends the process.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGHUP, &action, nullptr);
}

void ignore_broken_pipes() {
  std::signal(SIGPIPE, SIG_IGN);
}

int stop_signal() {
  return asked;
}

void check_stop() {
  if (asked != 0) throw tape::Error(tape::ErrorKind::canceled, "interrupted");
}

}  // namespace agent
