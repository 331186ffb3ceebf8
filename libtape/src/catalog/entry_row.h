// A row of table `entry`: from what the scan saw to SQL values, and back to an Entry.
//
// Spec:    docs/format.md §1, "Catalog"; schemas/catalog.sql.
#pragma once
#include <optional>
#include <string>

#include "codec/digest.h"
#include "db/sqlite.h"
#include "tape/catalog.h"

namespace tape {

// The settings of a tape that turn a source into a member.
struct TapeSettings {
  std::string prefix;
  Metadata metadata = Metadata::portable;
  std::optional<std::int64_t> source_date_epoch;
  Profile profile = Profile::ragtape;
};
TapeSettings settings_of(const CatalogSummary& summary);

// What the scan saw of one entry.
struct SeenEntry {
  std::string path;
  SourceStat source;
  std::string uname;  // metadata full
  std::string gname;
  std::string target;  // of a symlink
  std::vector<Xattr> xattrs;
  std::optional<TapeOffset> first;
  std::string first_path;  // of the entry at `first`
  std::optional<Hash128> hash;
};

// The member name of an entry: prefix, path, a directory's `/`.
std::string member_name(const std::string& prefix, const std::string& path, SourceKind kind);

// None for kinds that no tape holds (sockets).
std::optional<MemberType> member_type(SourceKind kind);

// Pure: docs/format.md §1, "Metadata".
Member member_of(const SeenEntry& seen, const TapeSettings& settings);

// The columns of `entry`, in the order that insert_row and read_row use.
inline constexpr const char* kEntryColumns =
    "tape_offset, header_blocks, path, type, first, mode, uid, gid, uname, gname, size, mtime_s, "
    "mtime_ns, ctime_s, ctime_ns, "
    "device, inode, rdev_major, rdev_minor, target, xattrs, hash";
inline constexpr int kEntryColumnCount = 22;

// `INSERT INTO entry` of all of them.
std::string insert_statement();
void insert_row(Statement& insert,
                const SeenEntry& seen,
                TapeOffset offset,
                std::uint32_t header_blocks);

// Everything but `first_path`. Fails: corrupt.
SeenEntry read_row(const Statement& row, TapeOffset& offset, std::uint32_t& header_blocks);

// Adds the entry's run of the state digest.
void add_state(Xxh3Stream& state, const SeenEntry& seen, const Member& member);

}  // namespace tape
