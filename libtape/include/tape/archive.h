// Archive: a tape that can be read from the middle: list it, find a member, read a member. It is
// one volume by itself, or all volumes of a snapshot.
//
// In:      RangeSources of ragzip objects that have a member index.
// Out:     records and members' bytes.
// Units:   bytes.
// Limits:  memory, for each of at most kOpenVolumesMax volumes: one page, its deflated form, one
//          read-ahead window (kReadAheadMax); what a walk has ahead (WalkOptions).
// Threads: one caller at a time; several archives may share a RangeSource.
// Spec:    docs/format.md §3, §4, §5.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tape/error.h"
#include "tape/member_index.h"
#include "tape/ragzip_reader.h"

namespace tape {

// One request fetches a member's pages up to this; beyond it they come in pieces of it.
inline constexpr ByteCount kReadAheadMax = ByteCount{16} << 20;

// A walk over all members reads that much ahead, and gives it out in pieces of kWalkBuffer.
inline constexpr ByteCount kWalkAhead = ByteCount{1} << 20;
inline constexpr std::size_t kWalkBuffer = std::size_t{256} * 1024;

// How the pages of a walk come: read ahead by the caller, or, with workers, read and inflated by
// these, at most 32 MiB of content ahead.
struct WalkOptions {
  ByteCount ahead = kWalkAhead;
  unsigned workers = 0;
};

// Kept open, and one more that a member is read from. A member goes on from one volume into the
// next; a cursor keeps its own.
inline constexpr std::size_t kOpenVolumesMax = 2;

enum class HashResult { right, wrong, none };

// A volume of a snapshot, as its manifest says.
struct ArchiveVolume {
  std::function<std::unique_ptr<RangeSource>()> open;
  std::string name;  // for messages, escaped
  TapeOffset begin;
  ByteCount tape_size = 0;
  ByteCount size = 0;  // of the object
  Hash128 slice_hash{};
  std::uint64_t records = 0;
  std::optional<std::string> first_path;  // none: no records
};

// Where a member lies in one volume: inflate `pages`, pass over `skip` bytes, take `tape.size`.
struct MemberPlace {
  std::size_t volume = 0;
  GzRange pages;       // of the object: whole gzip members
  ByteCount skip = 0;  // of what they inflate to, in front of the member
  TapeRange tape;      // of the member, padding included; of a volume by itself, in that
};

class Archive;
class BodyHash;
class VolumeFile;

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
  // The range of a member that has no content: its blocks as they stand.
  struct Filled {};
  MemberReader(Archive& archive, const MemberRecord& record, Filled);
  void enter_volume();
  void take(MutableBytes out);
  void check_padding();

  Archive& archive_;
  const MemberRecord record_;
  Member header_;
  TapeOffset position_;
  std::optional<std::size_t> volume_;  // that the place below is of
  GzRange pages_;                      // of the member in it
  GzOffset next_page_;                 // where the page of position_ is looked for
  ByteCount left_ = 0;
  std::unique_ptr<BodyHash> hash_;
};

class Archive {
 public:
  // Reads the tail. `source` must outlive the archive. Fails: corrupt, unsupported.
  explicit Archive(const RangeSource& source);
  // All volumes of a snapshot, in tape order, without gaps. They are opened when they are needed.
  // From here on Error{corrupt} also says: a volume is missing, was cut, or is another snapshot's.
  explicit Archive(std::vector<ArchiveVolume> volumes);
  ~Archive();
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  // Of the first volume; of an archive of one, all there is.
  RagzipReader& ragzip();
  MemberIndex& index();

  // Where the member begins in the tape; of a volume by itself, in that.
  std::int64_t tape_offset(const MemberRecord& record) const {
    return static_cast<std::int64_t>(volumes_[record.volume].begin.value()) + record.offset;
  }
  std::size_t volume_count() const { return volumes_.size(); }
  // As its manifest says; of an archive of one volume none.
  const std::optional<std::string>& volume_first_path(std::size_t number) const {
    return volumes_[number].first_path;
  }
  ByteCount tape_size() const { return volumes_.back().begin.value() + volumes_.back().tape_size; }

  // As a member lies in its last volume, which knows its outcome. Fails: corrupt.
  std::optional<MemberRecord> find(std::string_view path);
  // Path of the first member; none without members.
  std::optional<std::string> first_path();
  // Up to `count` paths around where `path` is or would be.
  std::vector<std::string> neighbours(std::string_view path, std::size_t count);

  // Each member once, in tape order, from the first one whose path is not before `from`; `from`
  // empty: all. A volume whose index cannot be read is told to `damage` and passed over; without
  // one it is the end: Error{corrupt}.
  using Damage = std::function<void(const Error& error)>;
  std::unique_ptr<RecordCursor> records_from(std::string_view from, const Damage& damage = {});

  // Every volume that the member lies in, in order. Fails: as open() does, but for the header.
  std::vector<MemberPlace> locate(const MemberRecord& record);
  const std::string& volume_name(std::size_t volume) const { return volumes_[volume].name; }

  // `record` is one of the above. Fails: corrupt, also when its header contradicts it; unsupported
  // for filled (`omitted`) members, and for one that goes on in a volume that is not here.
  std::unique_ptr<MemberReader> open(const MemberRecord& record);

  // From now on members are opened in tape order: page reads go ahead over all pages instead of
  // over one member's.
  void expect_walk(const WalkOptions& walk);

  // Everything: member indexes, every page at its place in the page index, each slice's hash, every
  // header against its record, every body's hash, padding and end blocks. `progress` (may be empty)
  // hears of tape bytes done. Inflates with zlib, in `workers` threads. Fails: corrupt at the first
  // damage, with its place.
  void check_all(const std::function<void(ByteCount done)>& progress, unsigned workers = 0);

  // The page indexes, TMIX and every node; then each page with a chance of `share` (0 to 1), chosen
  // by `seed`. Returns the number of pages decoded. Fails: corrupt.
  std::uint64_t check_sample(double share,
                             std::uint64_t seed,
                             const std::function<void(ByteCount done)>& progress);

 private:
  friend class MemberReader;
  friend class ArchiveCursor;
  // Held by who reads from it, too: a cursor's volume may be closed here meanwhile.
  std::shared_ptr<VolumeFile> volume(std::size_t number);
  std::size_t volume_at(TapeOffset at) const;
  std::size_t volume_of(std::string_view path) const;
  TapeOffset offset_of(const MemberRecord& record) const;
  template <class Step>
  decltype(auto) in_volume(std::size_t number, Step&& step);
  void check_everything(const std::function<void(ByteCount done)>& progress, unsigned workers);
  void check_facts(std::size_t number);
  void must_be_here(const MemberRecord& record) const;
  void must_be_whole();
  void check_end(TapeOffset position);

  std::vector<ArchiveVolume> volumes_;
  struct Open {
    std::size_t number = 0;
    std::shared_ptr<VolumeFile> reader;
  };
  std::vector<Open> open_;  // most recently used last
  // That a member is read from: a cursor that goes on from volume to volume does not close it.
  Open reading_;
  std::optional<WalkOptions> walk_;
  bool checking_ = false;
};

}  // namespace tape
