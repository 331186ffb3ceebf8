// VolumeWriter: a slice of the tape becomes one volume: pages, indexes, member index, footer. Push.
//
// In:      the slice's bytes by write(), its members by member_starts and member_ends (so a
//          TapeStream can announce them to the volume itself).
// Out:     a ragzip object to a ByteSink.
// Units:   TapeOffset in, GzOffset out, bytes.
// Limits:  memory: one page, the members whose last page is still open (at most one page of
//          headers), one leaf node, about 100 bytes for each finished leaf (some 400 members).
// Threads: one caller at a time.
// Spec:    docs/format.md §3, §4.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "tape/catalog.h"
#include "tape/io.h"
#include "tape/ragzip_writer.h"
#include "tape/tape_stream.h"

namespace tape {

// Where finished leaf nodes wait until the last page is written: an append-only sink and reads of
// what was appended to it. Both ends are of one temporary file.
struct LeafSpool {
  ByteSink& out;
  const RangeSource& in;
};

struct VolumeOptions {
  RagzipOptions ragzip;
  TapeRange slice;  // tape[slice.begin, slice.end())
  Metadata metadata = Metadata::portable;
};

struct VolumeSummary {
  ByteCount size = 0;     // of the object
  GzOffset tail_offset;   // end of the last page
  GzOffset inner_offset;  // first inner node; the root where there is none; TMIX without records
  std::optional<std::string> first_path;
  std::uint64_t records = 0;
  int height = 0;
  int levels = 0;
  std::uint64_t pages = 0;
  Hash128 slice_hash{};
};

class VolumeWriter final : public MemberObserver, private PageObserver {
 public:
  // `sink` and the spool must outlive the writer. Fails: Error{usage} for options out of range.
  VolumeWriter(ByteSink& sink, LeafSpool spool, const VolumeOptions& options);
  ~VolumeWriter() override;
  VolumeWriter(const VolumeWriter&) = delete;
  VolumeWriter& operator=(const VolumeWriter&) = delete;

  // Both come before the write() of the member's last byte, as from a TapeStream.
  void member_starts(const Entry& entry, const Start& start) override;
  void member_ends(const Entry& entry, const MemberEnd& end) override;
  void write(ByteView bytes);
  // A page that is gzip members already, instead of write(). Members that begin or end in it were
  // announced before.
  void add_page(ByteView members, ByteView bytes);
  // Stands in front of TMIX; as of RagzipAssembler.
  void add_extension(std::uint32_t id, ByteView payload, std::uint8_t flags);

  // The writer behind the last page that went to the sink, as opaque bytes for another process with
  // the same engine and options: with the spool as it is now, load() goes on from there. Only while
  // the slice is not complete.
  Bytes save() const;
  // Of a writer that has written nothing. False: the hash of the slice is of another version of its
  // library; the volume must be started over, with another writer. Fails: Error{corrupt}.
  bool load(ByteView saved);

  std::uint64_t page_count() const { return ragzip_.page_count(); }  // in the sink
  GzOffset position() const { return ragzip_.position(); }
  // What the spool holds that save() speaks of.
  ByteCount spooled() const;

  // Writes the tail. The slice must be complete. Does not finish the sink.
  VolumeSummary finish();

 private:
  class Leaves;
  class SliceHash;
  void page_written(std::uint64_t number, GzRange place, ByteView bytes) override;

  VolumeOptions options_;
  std::unique_ptr<Leaves> leaves_;
  std::unique_ptr<SliceHash> hash_;
  RagzipWriter ragzip_;
};

}  // namespace tape
