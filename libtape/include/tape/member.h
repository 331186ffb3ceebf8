// A member of the tape: what a tar header says of one entry.
//
// Units:   bytes; seconds and nanoseconds since 1970 UTC.
// Limits:  docs/format.md §1: names of at most 4096 bytes, targets of at most 4095.
// Threads: values; no state.
// Spec:    docs/format.md §1.
#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "tape/offset.h"

namespace tape {

inline constexpr ByteCount kBlockSize = 512;
inline constexpr ByteCount kEndBlocks = 2;  // the tape ends with exactly two zero blocks
inline constexpr std::size_t kMemberNameMax = 4096;
inline constexpr std::size_t kTargetMax = 4095;  // PATH_MAX less its NUL: no symlink is longer
inline constexpr std::size_t kPrefixMax = 100;  // with its `/`: the root's name fits the name field
// All header blocks of one member. Linux lists at most 64 KiB of xattr names with 64 KiB each.
inline constexpr ByteCount kHeaderSizeMax = ByteCount{16} << 20;

// Linux ids have 32 bits; the highest stands for "none" in chown(2).
inline constexpr std::uint64_t kIdMax = UINT32_MAX - std::uint64_t{1};
// What a record's zig-zag varint below 2^63 holds: seconds from -2^62 to 2^62 - 1.
inline constexpr std::int64_t kTimeMax = (std::int64_t{1} << 62) - 1;
inline constexpr std::int64_t kTimeMin = -kTimeMax - 1;

// The tar typeflags that Ragtape writes.
enum class MemberType : char {
  regular = '0',
  hard_link = '1',
  symlink = '2',
  character_device = '3',
  block_device = '4',
  directory = '5',
  fifo = '6',
};

// How members and their order become a tape.
enum class Profile {
  ragtape,
  tartape,  // byte for byte what tartape 2.3.3 makes: docs/format.md §1
};

struct Timestamp {
  std::int64_t seconds = 0;       // floor: 0.5 s before 1970 is -1 s and 500 000 000 ns
  std::uint32_t nanoseconds = 0;  // 0 .. 999 999 999
  friend constexpr auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

struct Xattr {
  std::string name;
  std::string value;
  friend auto operator<=>(const Xattr&, const Xattr&) = default;
};

struct Member {
  std::string name;  // whole member name; a directory's ends in `/`; the root of no prefix is `./`
  MemberType type = MemberType::regular;
  std::uint32_t mode = 0;  // 07777
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::string uname;
  std::string gname;
  ByteCount size = 0;  // of the body; 0 for all but regular files
  Timestamp mtime;     // a tar header holds the seconds; nanoseconds live in the member index
  std::string target;  // of a symlink; of a hard link the first name's member name
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::vector<Xattr> xattrs;  // sorted by name
};

// The member's path: its name without a directory's final `/`; empty for `./` (docs/format.md §4).
std::string member_path(const std::string& name, MemberType type);

}  // namespace tape
