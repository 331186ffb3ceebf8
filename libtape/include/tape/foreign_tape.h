// ForeignTape: the members of anybody's tar.gz as a tape of ours: sorted, each name once.
//
// In:      the gzip stream, which is read once as a whole and then member by member.
// Out:     the tape and its members to a VolumeWriter.
// Limits:  memory: some 200 bytes and the names a member, kForeignKept of content; disk: 3 % of the
//          content and 512 bytes a member.
// Threads: one caller at a time.
// Spec:    docs/format.md §1, §7; docs/cli.md "convert".
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tape/files.h"
#include "tape/gzip_index.h"
#include "tape/volume.h"

namespace tape {

inline constexpr ByteCount kForeignKept = ByteCount{64} << 20;

struct ForeignTapeEvents {
  // Of the stream, then of the tape, both in bytes; may throw. May be empty.
  std::function<void(ByteCount done, ByteCount total)> progress;
  // A member that is not on the tape, its name escaped. May be empty.
  std::function<void(const std::string& name, const std::string& why)> left_out;
};

class ForeignTape {
 public:
  // Reads all of `stream`, in pieces of `piece` bytes, which must outlive the tape. `folder`: for
  // files without a name. Fails: as build_gzip_index() and ForeignTarParser do.
  ForeignTape(const RangeSource& stream,
              std::size_t piece,
              const std::string& folder,
              ForeignTapeEvents events);
  ~ForeignTape();
  ForeignTape(const ForeignTape&) = delete;
  ForeignTape& operator=(const ForeignTape&) = delete;

  const GzipIndexSummary& stream() const { return stream_; }
  ByteCount size() const { return size_; }  // of the tape, end blocks included
  std::uint64_t members() const { return order_.size(); }
  std::uint64_t left_out() const { return left_out_; }

  // Once: all of the tape to a volume of [0, size()), which is not finished.
  // Fails: Error{object_changed} when a member is no longer what was read first; as the stream
  // does.
  void play(VolumeWriter& volume);

 private:
  struct Planned;
  class Reading;
  void settle_links();
  void lay_out();
  void leave_out(Planned& planned, const std::string& why);
  Member stored(const Planned& planned) const;
  Member member_of(std::uint32_t number) const;
  void play_body(const Planned& planned, VolumeWriter& volume);

  const ForeignTapeEvents events_;
  std::unique_ptr<ScratchFile> index_file_;
  std::unique_ptr<ScratchFile> windows_file_;
  std::unique_ptr<ScratchFile> headers_file_;
  GzipIndexSummary stream_;
  std::vector<Planned> planned_;      // in the stream's order
  std::vector<std::uint32_t> order_;  // of the tape
  ByteCount size_ = 0;
  std::uint64_t left_out_ = 0;
  std::unique_ptr<GzipIndex> index_;
  std::unique_ptr<GzipContentReader> content_;
  TapeOffset position_;
};

}  // namespace tape
