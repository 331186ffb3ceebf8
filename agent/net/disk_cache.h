// Blocks of remote objects on disk, for later runs. What is there is checked; what is not right is
// not there.
//
// Limits:  about `most` bytes: beyond it the blocks used longest ago go.
// Threads: any number of callers, in any number of processes.
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "tape/bytes.h"
#include "tape/offset.h"

namespace agent {

class DiskCache {
 public:
  // Makes `folder` (0700) with a CACHEDIR.TAG. Fails: as making it does.
  DiskCache(std::string folder, tape::ByteCount most);
  DiskCache(const DiskCache&) = delete;
  DiskCache& operator=(const DiskCache&) = delete;
  ~DiskCache() = default;

  // `object`: what never means two contents: name, size, version. It is not kept in clear.
  // None: not there, or of another size, or damaged, and then removed.
  std::optional<tape::Bytes> get(const std::string& object, std::uint64_t block, std::size_t size);
  // Removes all of an object.
  void forget(const std::string& object);
  // Best effort: a disk that is full costs nothing but the cache.
  void put(const std::string& object, std::uint64_t block, tape::ByteView bytes);

 private:
  std::string folder_of(const std::string& object) const;
  std::string path_of(const std::string& object, std::uint64_t block) const;
  void make_room();

  const std::string folder_;
  const tape::ByteCount most_;
  std::mutex mutex_;                     // of this one
  std::optional<tape::ByteCount> held_;  // bytes; none: not counted yet
};

}  // namespace agent
