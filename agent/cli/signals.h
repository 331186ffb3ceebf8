// SIGINT, SIGTERM and SIGHUP: the first asks the run to stop where nothing is lost, the second ends
// it at once.
#pragma once

namespace agent {

void install_signal_handlers();

// The signal that asked, or 0.
int stop_signal();

// Throws Error{canceled} once a signal asked.
void check_stop();

// For a run that is worth more than the reader of its output: writing to it fails instead.
void ignore_broken_pipes();

}  // namespace agent
