// From the PATHs that a user typed to members of an archive.
//
// Threads: one caller at a time.
// Spec:    docs/cli.md "PATH".
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tape/archive.h"

namespace agent {

// Member paths that `typed` may mean, by the first member of the archive or tape and whether all
// the others lie below it, the most likely first.
std::vector<std::string> meanings(const std::string& typed, const std::string& first, bool rooted);

// The member that `path` means: exactly, or with a leading `/` or `./`, a trailing `/`, a missing
// prefix, an absolute source path, escapes as `ls` prints them.
// Fails: Error{not_found} with the nearest names.
tape::MemberRecord member_for(tape::Archive& archive, const std::string& path);

// Member paths, sorted in tape order, none below another. Empty: everything.
using Selection = std::vector<std::string>;
Selection select(tape::Archive& archive, const std::vector<std::string>& paths);

bool is_selected(const Selection& selection, const std::string& member_path);

// Every selected member and what is below it, in tape order. `damage` as Archive::records_from has
// it.
void each_selected(tape::Archive& archive,
                   const Selection& selection,
                   const std::function<void(const tape::MemberRecord&)>& visit,
                   const tape::Archive::Damage& damage = {});

}  // namespace agent
