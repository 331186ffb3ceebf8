// PathMatch: a pattern of Python's PurePosixPath.match, which tartape 2.3.3 excludes by.
//
// In:      patterns and absolute paths in UTF-8.
// Threads: values; pure.
// Spec:    pathlib and fnmatch of Python 3.11; docs/format.md §1 "Profile tartape".
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tape {

class PathMatch {
 public:
  // None for a pattern without a component.
  static std::optional<PathMatch> parse(std::string_view pattern);

  // Whether the last components fit, all of them when the pattern is absolute; or the whole pattern
  // is the last component.
  bool matches(std::string_view absolute_path) const;

 private:
  PathMatch() = default;
  std::string text_;
  std::vector<std::string> components_;
  bool absolute_ = false;
};

}  // namespace tape
