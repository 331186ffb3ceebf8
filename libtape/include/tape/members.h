// Members: what holds members and lets them be read: an archive of ours, or anybody's tar.gz.
//
// Threads: one caller at a time.
// Spec:    docs/format.md §4, §7.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tape/bytes.h"
#include "tape/error.h"
#include "tape/member.h"
#include "tape/member_index.h"

namespace tape {

// Who reads many members takes their bytes in pieces of that.
inline constexpr std::size_t kWalkBuffer = std::size_t{256} * 1024;

enum class HashResult {
  right,
  wrong,
  none,      // it was torn when the archive was made
  not_kept,  // archives of this kind hold none
};

// A member's header and body, in order. Must not outlive what it is of; one at a time.
class MemberReader {
 public:
  MemberReader() = default;
  MemberReader(const MemberReader&) = delete;
  MemberReader& operator=(const MemberReader&) = delete;
  virtual ~MemberReader() = default;

  // As its header blocks say, compared with its record; mtime with the record's nanoseconds.
  virtual const Member& header() const = 0;

  // Fills `out`; fewer bytes only at the end of the body. Fails: corrupt.
  virtual std::size_t read(MutableBytes out) = 0;

  // After the last byte: what the body's XXH3-128 says, against the record.
  virtual HashResult finish() = 0;
};

class Members {
 public:
  Members() = default;
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;
  virtual ~Members() = default;

  // As a member lies in its last volume, which knows its outcome. Fails: corrupt.
  virtual std::optional<MemberRecord> find(std::string_view path) = 0;
  // Path of the first member; none without members.
  virtual std::optional<std::string> first_path() = 0;
  // Whether the first member, `first`, is a directory and all others lie below it. May read.
  virtual bool is_rooted(const std::string& first) = 0;
  // Up to `count` paths around where `path` is or would be.
  virtual std::vector<std::string> neighbours(std::string_view path, std::size_t count) = 0;

  // `top` and all that is below it, empty: all, each once, in tape order. Of several
  // volumes one whose index cannot be read is told to `damage` and passed over; without `damage`,
  // or of a single one, it is the end: Error{corrupt}.
  using Damage = std::function<void(const Error& error)>;
  virtual std::unique_ptr<RecordCursor> records_below(std::string_view top,
                                                      const Damage& damage = {}) = 0;
  // Whether tape order is the order of paths, as in archives of ours.
  virtual bool in_path_order() const = 0;

  // Where the member begins in the tape; of a volume by itself, in that.
  virtual std::int64_t tape_offset(const MemberRecord& record) const = 0;

  // `record` is one of the above. Fails: corrupt, also when its header contradicts it; unsupported
  // for what cannot be given by itself.
  virtual std::unique_ptr<MemberReader> open(const MemberRecord& record) = 0;
};

}  // namespace tape
