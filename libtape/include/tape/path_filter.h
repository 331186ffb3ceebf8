// PathFilter: which members are meant, by patterns in gitignore syntax.
//
// In:      patterns; paths below the folder that these speak of, bytes, `/` between components.
// Limits:  kFilterPatternsMax patterns of at most 8192 bytes; each is tried on each component.
// Threads: values; pure once the patterns are there.
// Spec:    docs/cli.md "PATH"; gitignore(5), "PATTERN FORMAT".
#pragma once
#include <cstddef>
#include <memory>
#include <string_view>

#include "tape/bytes.h"

namespace tape {

inline constexpr std::size_t kFilterPatternsMax = 10'000;

class PathFilter {
 public:
  PathFilter();
  ~PathFilter();
  PathFilter(PathFilter&& other) noexcept;
  PathFilter& operator=(PathFilter&& other) noexcept;
  PathFilter(const PathFilter&) = delete;
  PathFilter& operator=(const PathFilter&) = delete;

  // Of the patterns of one kind that match, the last counts; one with `!` takes back what those
  // before it say. Fails: Error{usage} for no pattern, and for too many.
  void include(std::string_view pattern);
  void exclude(std::string_view pattern);

  // Whether it lets everything pass.
  bool empty() const;

  // Nothing below an excluded directory passes, everything below an included one does. With
  // includes, what none of them speaks of does not pass: so not the folder itself, the empty path.
  bool passes(std::string_view path, bool is_directory) const;

 private:
  struct Patterns;
  std::unique_ptr<Patterns> patterns_;
};

}  // namespace tape
