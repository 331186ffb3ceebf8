#include "cli/sidecars.h"

#include "tape/error.h"
#include "tape/files.h"

namespace agent {

Sidecars sidecars_of(const std::string& base) {
  return {base + kGzipIndexEnding, base + kTarIndexEnding};
}

std::string base_in(const std::string& folder, const std::string& archive) {
  const std::string name = archive.substr(archive.rfind('/') + 1);
  return folder.ends_with('/') ? folder + name : folder + "/" + name;
}

Sidecars sidecars_at(const std::string& typed, const std::string& archive) {
  if (tape::is_directory(typed)) return sidecars_of(base_in(typed, archive));
  for (const std::string& ending : {std::string(kGzipIndexEnding), std::string(kTarIndexEnding)}) {
    if (typed.ends_with(ending)) return sidecars_of(typed.substr(0, typed.size() - ending.size()));
  }
  throw tape::Error(tape::ErrorKind::usage, "--index " + tape::shown(typed) +
                                                ": a .gzidx or .taridx, or a folder, expected");
}

}  // namespace agent
