// Archive: one volume that holds a whole tape: list it, find a member, read a member.
//
// In:      a RangeSource with a ragzip object that has a member index.
// Out:     records and members' bytes.
// Units:   bytes.
// Limits:  memory: one page, its deflated form, one read-ahead window (kReadAheadMax).
// Threads: one caller at a time; several archives may share a RangeSource.
// Spec:    docs/format.md §3, §4.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tape/member_index.h"
#include "tape/ragzip_reader.h"

namespace tape {

// One request fetches a member's pages up to this; beyond it they come in pieces of it.
inline constexpr ByteCount kReadAheadMax = ByteCount{16} << 20;

// A walk over all members reads that much ahead, and gives it out in pieces of kWalkBuffer.
inline constexpr ByteCount kWalkAhead = ByteCount{1} << 20;
inline constexpr std::size_t kWalkBuffer = std::size_t{256} * 1024;

enum class HashResult { right, wrong, none };

class Archive;
class BodyHash;

// A member's header and body, in order. Must not outlive its Archive; one at a time.
class MemberReader {
 public:
  ~MemberReader();
  MemberReader(const MemberReader&) = delete;
  MemberReader& operator=(const MemberReader&) = delete;

  // As its header blocks say, compared with its record; mtime with the record's nanoseconds.
  const Member& header() const { return header_; }

  // Fills `out`; fewer bytes only at the end of the body. Fails: corrupt.
  std::size_t read(MutableBytes out);

  // After the last byte: what the body's XXH3-128 says, against the record.
  HashResult finish();

 private:
  friend class Archive;
  MemberReader(Archive& archive, const MemberRecord& record);
  void take(MutableBytes out);
  void check_padding();

  Archive& archive_;
  const MemberRecord record_;
  Member header_;
  GzOffset next_page_;  // where the page of position_ is looked for
  LogicalOffset position_;
  ByteCount left_ = 0;
  std::unique_ptr<BodyHash> hash_;
};

class Archive {
 public:
  // Reads the tail. `source` must outlive the archive. Fails: corrupt, unsupported.
  explicit Archive(const RangeSource& source);
  ~Archive();
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  RagzipReader& ragzip() { return ragzip_; }
  MemberIndex& index() { return index_; }

  // `record` is one of index(). Fails: corrupt, also when its header contradicts it; unsupported
  // for filled (`omitted`) members and for those that lie in several volumes.
  std::unique_ptr<MemberReader> open(const MemberRecord& record);

  // From now on members are opened in tape order: page reads go ahead by `most` over all pages
  // instead of over one member's.
  void expect_walk(ByteCount most);

  // Everything: member index, every page at its place in the page index, the slice's hash, every
  // header against its record, every body's hash, padding and end blocks. `progress` (may be empty)
  // hears of logical bytes done. Inflates with zlib. Fails: corrupt at the first damage, with its
  // place.
  void check_all(const std::function<void(ByteCount done)>& progress);

  // The page index, TMIX and every node; then each page with a chance of `share` (0 to 1), chosen
  // by `seed`. Returns the number of pages decoded. Fails: corrupt.
  std::uint64_t check_sample(double share,
                             std::uint64_t seed,
                             const std::function<void(ByteCount done)>& progress);

 private:
  friend class MemberReader;
  // The decoded page `number`, the first content at or behind `place.begin`; `end`: where it ends.
  ByteView page(std::uint64_t number, GzRange place, GzOffset& end);
  void check_page(std::uint64_t number, GzRange found);
  void check_end(ByteCount position);
  void check_places();

  RagzipReader ragzip_;
  MemberIndex index_;
  GzRange walk_;  // not empty after expect_walk
  Bytes page_;
  std::optional<std::uint64_t> page_number_;  // of page_
  GzOffset page_end_;
  bool checking_ = false;  // in check_all
  std::uint64_t pages_checked_ = 0;
  std::unique_ptr<BodyHash> slice_hash_;
};

}  // namespace tape
