// The state folder: what survives between runs on this machine.
//
// Spec:    docs/cli.md "State".
#pragma once
#include <string>

#include "cli/command.h"

namespace agent {

// --state, RAGTAPE_STATE, $XDG_STATE_HOME/ragtape, as root /var/lib/ragtape,
// ~/.local/state/ragtape; made (0700) when it is missing. Fails: Error{usage} naming --state
// without HOME and not root.
std::string state_folder(const GlobalOptions& global);

// Where the tape of the tree at `root` (resolved) is kept, so that it is found again by DIR.
std::string tape_place(const std::string& state, const std::string& root);

}  // namespace agent
