// What is read from afar in small pieces is kept: for this run in memory, for later ones on disk.
//
// Spec:    docs/cli.md "Cache".
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "cli/command.h"
#include "net/disk_cache.h"
#include "tape/io.h"

namespace agent {

// --cache, RAGTAPE_CACHE, $XDG_CACHE_HOME/ragtape, as root /var/cache/ragtape, ~/.cache/ragtape;
// none with --no-cache, or when nobody says where.
std::optional<std::string> cache_folder(const GlobalOptions& global);

// Must outlive what it is put around. Its folder is made when something is kept.
//
// Threads: one caller at a time.
class RangeCache {
 public:
  explicit RangeCache(const GlobalOptions& global) : global_(global) {}

  // Indexes and small pages are kept, long runs are not. `version` names the object and what it is
  // made of; empty: only in memory. Without a folder that can be made nothing is kept on disk.
  // Fails: as making it does, when it was typed.
  std::unique_ptr<tape::RangeSource> around(std::unique_ptr<tape::RangeSource> object,
                                            const std::string& version);

  // Where the indexes of an archive by others are kept: a path without their endings, in a folder
  // that `ragtape index` makes. None: nothing is kept, or of nothing without a version.
  std::optional<std::string> index_base(const std::string& version) const;

 private:
  DiskCache* disk();

  const GlobalOptions global_;
  bool looked_ = false;  // for the folder
  std::unique_ptr<DiskCache> disk_;
};

}  // namespace agent
