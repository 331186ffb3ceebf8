// ForeignArchive: a tar.gz that somebody else wrote, read by its sidecars.
//
// In:      the gzip stream, its GZIDX, its `.taridx`.
// Out:     records in tape order, members' bytes.
// Limits:  memory: every entry of the `.taridx`.
// Threads: one caller at a time.
// Spec:    docs/format.md §7.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "tape/foreign_tar.h"
#include "tape/gzip_index.h"
#include "tape/io.h"
#include "tape/members.h"
#include "tape/tar_index.h"

namespace tape {

class ForeignArchive final : public Members {
 public:
  // `stream` and `gzip_index` must outlive the archive. Fails: Error{corrupt} when one is not of
  // the others, as far as sizes tell; as GzipIndex does.
  ForeignArchive(const RangeSource& stream,
                 const RangeSource& gzip_index,
                 std::vector<TarIndexEntry> entries);
  ~ForeignArchive() override;
  ForeignArchive(const ForeignArchive&) = delete;
  ForeignArchive& operator=(const ForeignArchive&) = delete;

  const GzipIndex& index() const { return index_; }
  // As GzipContentReader has it.
  void keep(ByteCount most) { content_.keep(most); }
  std::size_t size() const { return entries_.size(); }

  // Of members of one name the last, as tar restores them. Of an index without types each member
  // that is given out has its header read.
  std::optional<MemberRecord> find(std::string_view path) override;
  std::optional<std::string> first_path() override;
  bool is_rooted(const std::string& first) override;
  std::vector<std::string> neighbours(std::string_view path, std::size_t count) override;
  std::unique_ptr<RecordCursor> records_below(std::string_view top,
                                              const Damage& damage = {}) override;
  bool in_path_order() const override { return false; }
  std::int64_t tape_offset(const MemberRecord& record) const override { return record.offset; }
  // Costs a window and one range of the stream. Fails: unsupported for types that Ragtape does not
  // know, and for GNU's sparse files.
  std::unique_ptr<MemberReader> open(const MemberRecord& record) override;

  // Where the bytes of a range of the content lie in the stream, and how to begin there.
  struct Place {
    GzRange stream;                 // whole bytes, from the point in front of it to the next behind
    int bits = 0;                   // of the byte in front, its highest, come first
    ByteCount skip = 0;             // of what is inflated, in front of the range
    std::optional<GzRange> window;  // in the index: what inflating begins with
  };
  Place locate(std::uint64_t at, ByteCount size) const;

  // Reads all of the stream once, in pieces of `piece` bytes, and what every point of access gives:
  // CRC32 and length of each gzip member, that every member stands where the index says and no
  // other is there, windows and points. `progress` (may be empty) hears of bytes of the stream.
  // Fails: Error{corrupt} at the first damage.
  void check_all(std::size_t piece, const std::function<void(ByteCount done)>& progress);

 private:
  friend class ForeignCursor;
  class Check;
  class Reader;
  std::optional<std::uint32_t> numbered(std::string_view path) const;
  bool is_shadowed(std::uint32_t number) const;
  ForeignMember header_of(const TarIndexEntry& entry);
  void resolve(TarIndexEntry& entry);
  MemberRecord record_of(std::uint32_t number);

  const RangeSource& stream_;
  const GzipIndex index_;
  GzipContentReader content_;
  std::vector<TarIndexEntry> entries_;  // in tape order
  std::vector<std::uint32_t> by_path_;  // the last of each path
};

}  // namespace tape
