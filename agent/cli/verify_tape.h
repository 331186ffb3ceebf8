// verify of a tape, and diff of tapes: what the tree has become.
//
// Spec:    docs/cli.md "verify", "diff".
#pragma once
#include <string>

#include "cli/command.h"
#include "cli/output.h"

namespace agent {

struct TapeCheck {
  bool quick = false;       // a sample
  bool deep = false;        // contents, too
  bool as_archive = false;  // options of an archive were given: refused once it is known a tape
};

// The tape at `what` against its tree. Returns an exit code: kDone, or kDamaged with differences.
int verify_tape(const std::string& what,
                const TapeCheck& check,
                const GlobalOptions& global,
                const Output& out);

// The tape `before` against another tape, or a tree. Returns kDone.
int diff_tapes(const std::string& before,
               const std::string& after,
               const GlobalOptions& global,
               const Output& out);

}  // namespace agent
