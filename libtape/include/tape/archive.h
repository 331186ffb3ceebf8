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
#include "tape/members.h"
#include "tape/ragzip_reader.h"

namespace tape {

// One request fetches a member's pages up to this; beyond it they come in pieces of it.
inline constexpr ByteCount kReadAheadMax = ByteCount{16} << 20;

// A walk over all members reads that much ahead.
inline constexpr ByteCount kWalkAhead = ByteCount{1} << 20;

// How the pages of a walk come: read ahead by the caller, or, with workers, read and inflated by
// these, at most 32 MiB of content ahead.
struct WalkOptions {
  ByteCount ahead = kWalkAhead;
  unsigned workers = 0;
};

// Kept open, and one more that a member is read from. A member goes on from one volume into the
// next; a cursor keeps its own.
inline constexpr std::size_t kOpenVolumesMax = 2;

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

class ArchiveMember;
class VolumeFile;

class Archive final : public Members {
 public:
  // Reads the tail. `source` must outlive the archive. Fails: corrupt, unsupported.
  explicit Archive(const RangeSource& source);
  // All volumes of a snapshot, in tape order, without gaps. They are opened when they are needed.
  // From here on Error{corrupt} also says: a volume is missing, was cut, or is another snapshot's.
  explicit Archive(std::vector<ArchiveVolume> volumes);
  ~Archive() override;
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  // Of the first volume; of an archive of one, all there is.
  RagzipReader& ragzip();
  MemberIndex& index();

  std::int64_t tape_offset(const MemberRecord& record) const override {
    return static_cast<std::int64_t>(volumes_[record.volume].begin.value()) + record.offset;
  }
  std::size_t volume_count() const { return volumes_.size(); }
  ByteCount tape_size() const { return volumes_.back().begin.value() + volumes_.back().tape_size; }

  std::optional<MemberRecord> find(std::string_view path) override;
  std::optional<std::string> first_path() override;
  bool is_rooted(const std::string& first) override;
  std::vector<std::string> neighbours(std::string_view path, std::size_t count) override;
  std::unique_ptr<RecordCursor> records_below(std::string_view top,
                                              const Damage& damage = {}) override;
  bool in_path_order() const override { return true; }

  // Each member once, in tape order, from the first one whose path is not before `from`; `from`
  // empty: all.
  std::unique_ptr<RecordCursor> records_from(std::string_view from, const Damage& damage = {});

  // Every volume that the member lies in, in order. Fails: as open() does, but for the header.
  std::vector<MemberPlace> locate(const MemberRecord& record);
  const std::string& volume_name(std::size_t volume) const { return volumes_[volume].name; }

  // Fails: unsupported for filled (`omitted`) members, and for one that goes on in a volume that is
  // not here.
  std::unique_ptr<MemberReader> open(const MemberRecord& record) override;

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
  friend class ArchiveMember;
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
