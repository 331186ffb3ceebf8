// What an entry of a `.taridx` is to a member of the tar.
//
// Spec:    docs/format.md §7.2, §7.3.
#pragma once
#include <string>
#include <string_view>

#include "tape/foreign_tar.h"
#include "tape/tar_index.h"

namespace tape {

// As member paths are: without `./` in front and `/` behind. What else stands in a name stays, for
// the restore to refuse.
inline std::string_view path_of(std::string_view name) {
  while (name.starts_with("./"))
    name.remove_prefix(2);
  while (name.size() > 1 && name.ends_with('/'))
    name.remove_suffix(1);
  return name == "." ? std::string_view() : name;
}

inline bool is_known(char typeflag) {
  return typeflag >= '0' && typeflag <= '6';
}

inline bool is_of(const ForeignMember& found, const TarIndexEntry& entry) {
  return found.offset == entry.offset && found.body == entry.body &&
         path_of(found.member.name) == path_of(entry.name) &&
         (found.size == entry.size || found.sparse || !is_known(found.typeflag));
}

// Fails: Error{corrupt}.
[[noreturn]] void not_its_index(const TarIndexEntry& entry, const std::string& why);

}  // namespace tape
