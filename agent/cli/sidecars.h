// The two files that make an archive by others readable from the middle.
//
// Spec:    docs/format.md §7; docs/cli.md "index".
#pragma once
#include <string>

namespace agent {

inline constexpr const char* kGzipIndexEnding = ".gzidx";
inline constexpr const char* kTarIndexEnding = ".taridx";

struct Sidecars {
  std::string gzip_index;
  std::string tar_index;
};

// Of the archive at `base`, a path.
Sidecars sidecars_of(const std::string& base);
// `typed`: one of both, or a folder that holds those of `archive`, a path or URL.
// Fails: Error{usage}.
Sidecars sidecars_at(const std::string& typed, const std::string& archive);
// Where in `folder` they are.
std::string base_in(const std::string& folder, const std::string& archive);

}  // namespace agent
