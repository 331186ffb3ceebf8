// ForeignArchive: a tar.gz that somebody else wrote, read by its sidecars.
//
// In:      the gzip stream, its GZIDX, its `.taridx`.
// Out:     records in tape order, members' bytes.
// Limits:  memory: every entry of the `.taridx`.
// Threads: one caller at a time.
// Spec:    docs/format.md §7.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

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

 private:
  friend class ForeignCursor;
  class Reader;
  std::optional<std::uint32_t> numbered(std::string_view path) const;
  bool is_shadowed(std::uint32_t number) const;
  ForeignMember header_of(const TarIndexEntry& entry);
  void resolve(TarIndexEntry& entry);
  MemberRecord record_of(std::uint32_t number);

  const GzipIndex index_;
  GzipContentReader content_;
  std::vector<TarIndexEntry> entries_;  // in tape order
  std::vector<std::uint32_t> by_path_;  // the last of each path
};

}  // namespace tape
