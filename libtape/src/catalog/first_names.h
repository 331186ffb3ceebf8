// FirstNames: of each inode with several names the member that has the first of them.
//
// In:      what the scan sees, in tape order.
// Limits:  memory: kFirstNamesInMemory inodes of about 200 bytes; one SQLite cache when there are
//          more, the rest waits in a file without a name. An inode goes when its last name was met.
// Threads: one caller.
// Spec:    docs/format.md §1.2, type `1`.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "db/sqlite.h"
#include "tape/bytes.h"
#include "tape/offset.h"
#include "tape/source_tree.h"

namespace tape {

inline constexpr std::size_t kFirstNamesInMemory = 65'536;
inline constexpr ByteCount kFirstNamesCacheBytes = ByteCount{4} << 20;

// What is remembered of an inode: the file that it was then, and the member.
struct FirstName {
  TapeOffset offset;
  std::optional<Hash128> hash;  // of its content, when it was read
  SourceKind kind = SourceKind::other;
  ByteCount size = 0;
  Timestamp mtime;
  Timestamp ctime;
  std::uint64_t names_left = 0;  // still to come
};

class FirstNames {
 public:
  // `spill_path`: a new name for the file, made when it is needed. `in_memory`: for tests.
  explicit FirstNames(std::string spill_path, std::size_t in_memory = kFirstNamesInMemory)
      : spill_path_(std::move(spill_path)), in_memory_(in_memory) {}

  // The first name of the inode that `source` is a name of; this one is met now. None: this is the
  // first one, or the inode is another file by now, since numbers are used again: kind, size and
  // mtime differ. (ctime moves when a name comes or goes.) None for directories.
  std::optional<FirstName> meet(const SourceStat& source);

  // How many wait in memory, at most what the constructor was given.
  std::size_t in_memory() const { return names_.size(); }

  // `source` is the first name that is a member. Takes the place of an older one.
  void add(const SourceStat& source, TapeOffset offset, const std::optional<Hash128>& hash);

 private:
  // Inodes by their identity, sorted by SQLite.
  class Spill {
   public:
    explicit Spill(const std::string& path);
    std::optional<FirstName> find(const FileIdentity& identity);
    void put(const FileIdentity& identity, const FirstName& name);
    void erase(const FileIdentity& identity);

   private:
    void bind(Statement& statement, const FileIdentity& identity);
    Connection connection_;
    Statement put_;
    Statement find_;
    Statement erase_;
  };

  std::optional<FirstName> find(const FileIdentity& identity);
  void put(const FileIdentity& identity, const FirstName& name);
  void erase(const FileIdentity& identity);

  const std::string spill_path_;
  const std::size_t in_memory_;
  std::map<FileIdentity, FirstName> names_;  // newer than what the spill has
  std::optional<Spill> spill_;
};

}  // namespace tape
