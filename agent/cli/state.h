// The state folder: what survives between runs on this machine.
//
// Spec:    docs/cli.md "State".
#pragma once
#include <optional>
#include <string>

#include "cli/command.h"
#include "tape/source_tree.h"

namespace agent {

// --state, RAGTAPE_STATE, $XDG_STATE_HOME/ragtape, as root /var/lib/ragtape,
// ~/.local/state/ragtape; made (0700) when it is missing. Fails: Error{usage} naming --state
// without HOME and not root.
std::string state_folder(const GlobalOptions& global);

// The same, but never made: none when nobody says where.
std::optional<std::string> known_state_folder(const GlobalOptions& global);

// Never made: none when it is not there, or nobody says where.
std::optional<tape::FileIdentity> state_identity(const GlobalOptions& global);

// Where the tape of the tree at `root` (resolved) is kept, so that it is found again by DIR.
std::string tape_place(const std::string& state, const std::string& root);

}  // namespace agent
