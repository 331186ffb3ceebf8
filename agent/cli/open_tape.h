// open_tape: the tape that play, volumes and locate speak of.
#pragma once
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/output.h"
#include "tape/catalog.h"
#include "tape/files.h"

namespace agent {

// `what`: a tape; or a tree, by the tape that `scan` recorded of it, or by one made now, which a
// warning says. Checked. Fails: not_found, corrupt, unsupported.
std::unique_ptr<tape::Catalog> open_tape(const std::string& what,
                                         const GlobalOptions& global,
                                         const Output& out);

// The tree that a tape was made from. Fails: not_found; source_changed when it is of another kind.
tape::OpenedTree source_of(tape::Catalog& catalog);

}  // namespace agent
