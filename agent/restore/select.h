// From the PATHs that a user typed to members of an archive or a tape.
//
// Threads: one caller at a time.
// Spec:    docs/cli.md "PATH".
#pragma once
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tape/catalog.h"
#include "tape/members.h"
#include "tape/path_filter.h"

namespace agent {

// Whether `candidate` is `typed` as it stands, but for what people write around a path.
bool is_literal(const std::string& typed, const std::string& candidate);

[[noreturn]] void throw_no_member(const std::string& typed,
                                  bool several,
                                  const std::vector<std::string>& nearest);

// The member that a typed PATH means, of whatever holds members: `find` gives the one of a path or
// none, `nearest` paths around one. A name as it stands wins over what it may mean.
// Fails: Error{not_found} when none or several fit, with the nearest names.
template <class Find, class Nearest>
auto settled_member(const std::string& typed,
                    const std::vector<std::string>& candidates,
                    Find find,
                    Nearest nearest) {
  decltype(find(typed)) found;
  std::set<std::string> tried;
  bool several = false;
  for (const std::string& candidate : candidates) {
    if (!tried.insert(candidate).second) continue;
    auto member = find(candidate);
    if (member && is_literal(typed, candidate)) return *member;
    several = several || (member && found);
    if (member) found = std::move(member);
  }
  if (!found || several)
    throw_no_member(typed, several, nearest(candidates.empty() ? typed : candidates.front()));
  return *found;
}

// The member that `path` means: exactly, or with a leading `/` or `./`, a trailing `/`, a missing
// prefix, an absolute source path, escapes as `ls` prints them. Fails: as settled_member().
tape::MemberRecord member_for(tape::Members& members, const std::string& path);
tape::Entry member_for(tape::Catalog& catalog, const std::string& path);

// Member paths, sorted in tape order, none below another. Empty: everything.
using Selection = std::vector<std::string>;
Selection select(tape::Members& members, const std::vector<std::string>& paths);

bool is_selected(const Selection& selection, const std::string& member_path);

// Every selected member and what is below it, in tape order. `damage` as Members::records_below has
// it.
void each_selected(tape::Members& members,
                   const Selection& selection,
                   const std::function<void(const tape::MemberRecord&)>& visit,
                   const tape::Members::Damage& damage = {});

// What is wanted of an archive, and under which path.
class Wanted {
 public:
  // `filter` speaks of paths below the member that all others lie below, else of whole paths, as
  // the source options of a backup do. Of each path `strip_components` are left away, and what has
  // no more is not wanted.
  Wanted(tape::Members& members,
         Selection selection,
         tape::PathFilter filter = {},
         unsigned strip_components = 0);

  const Selection& selection() const { return selection_; }
  bool is_filtered() const { return !filter_.empty(); }
  // Several members may have one place.
  bool strips() const { return strip_components_ > 0; }

  // Where a member of the archive goes; none: it is not wanted.
  std::optional<std::string> place_of(const tape::MemberRecord& record) const;

 private:
  const Selection selection_;
  const tape::PathFilter filter_;
  const unsigned strip_components_;
  std::string root_;
};

}  // namespace agent
