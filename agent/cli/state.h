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

// Where tapes are kept, each found again by its DIR (tape::tape_name).
std::string tapes_folder(const std::string& state);

// Where a run that looks at the tree at `root` (resolved) may write: the first of the state folder,
// $TMPDIR, /var/tmp and /tmp that can be used and does not lie in the tree.
struct OutsideFolder {
  std::string path;
  // There is none, so `path` is the state folder: the tree's scan passes over this.
  std::optional<tape::FileIdentity> own;
};
// Fails: Error{usage} naming --state when there is none and no state folder either.
OutsideFolder folder_outside(const std::string& root, const GlobalOptions& global);

}  // namespace agent
