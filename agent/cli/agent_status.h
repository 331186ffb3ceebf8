// agent status: what runs, how the last runs ended, when the next are due.
//
// Threads: one caller.
// Spec:    docs/operations.md "Being watched"; docs/cli.md.
#pragma once
#include "cli/command.h"

namespace agent {

// From the files of the state alone: also without an agent. The exit code. Fails: not_found when
// nothing has ever run with this state.
int show_agent_status(const GlobalOptions& global);

}  // namespace agent
