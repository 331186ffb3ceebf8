// IgnorePattern: one line of gitignore(5) against a path.
//
// In:      a pattern, and paths below the folder that it speaks of; bytes, `/` between components.
// Limits:  kIgnorePatternMax bytes a pattern; matching takes at most the product of both lengths.
// Threads: values; pure.
// Spec:    gitignore(5), "PATTERN FORMAT"; docs/cli.md "Source options".
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tape {

inline constexpr std::size_t kIgnorePatternMax = 8192;  // two paths of the longest kind

class IgnorePattern {
 public:
  // A pattern as it is: `!` in front negates, `#` is a name's first letter, blanks count.
  // None where nothing is left of it, or when it is longer than kIgnorePatternMax.
  static std::optional<IgnorePattern> parse(std::string_view pattern, bool ignore_case = false);

  // `path` is relative to the folder that the pattern speaks of, and not empty.
  bool matches(std::string_view path, bool is_directory) const;

  bool negates() const { return negates_; }

 private:
  IgnorePattern() = default;
  std::vector<std::string> components_;  // of the pattern, `**` included
  bool anchored_ = false;                // else the one component matches in any folder
  bool only_directories_ = false;
  bool negates_ = false;
  bool ignore_case_ = false;
};

// One component of a path against one of a pattern: `*`, `?`, `[...]` and backslash; what a broken
// pattern matches is nothing.
bool matches_glob(std::string_view pattern, std::string_view name, bool ignore_case = false);

}  // namespace tape
