// The lines of the agent and its runs on stderr: for people, for systemd's journal, or as JSON.
//
// Threads: any number of callers; a line is one write.
#pragma once
#include "schedule/log.h"

namespace agent {

// As text: with the time; to the journal, which has its own, with the level as sd-daemon(3) has it.
Log agent_log(bool as_json);

}  // namespace agent
