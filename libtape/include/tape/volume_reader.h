// VolumeReader: one slice of a tape as if it were a file.
//
// In:      a sealed catalog, the tree it was made from, a slice of a VolumePlan.
// Out:     the slice's bytes, from any place in it; the members that lie in it.
// Units:   places are bytes from the slice's begin; TapeOffset where a name says tape.
// Limits:  memory: as TapeStream.
// Threads: one caller at a time for each reader; readers with catalogs of their own are
//          independent.
// Spec:    docs/format.md §1, §3.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "tape/catalog.h"
#include "tape/tape_stream.h"

namespace tape {

// Which part of a member lies in a slice.
enum class MemberState { complete, head, body, tail };

struct SliceMember {
  Entry entry;
  MemberState state = MemberState::complete;
  TapeRange tape;           // of the member that lies in the slice, in the tape
  std::uint64_t begin = 0;  // the same, in the slice
};

// What lies in a slice, in tape order; the end blocks are no member. Must not outlive the catalog.
class SliceMembers {
 public:
  SliceMembers(Catalog& catalog, TapeRange slice);
  std::optional<SliceMember> next();

 private:
  TapeRange slice_;
  std::unique_ptr<EntryCursor> cursor_;
};

struct Slice {
  TapeRange range;
  std::string name;
};

class VolumeReader {
 public:
  // `catalog` and `tree` must outlive the reader.
  VolumeReader(Catalog& catalog,
               SourceTree& tree,
               Slice slice,
               OnChange on_change = OnChange::stop);

  const std::string& name() const { return slice_.name; }
  ByteCount size() const { return slice_.range.size; }
  std::uint64_t tell() const { return stream_.position() - slice_.range.begin; }
  // Fails: Error{usage} beyond the end.
  void seek(std::uint64_t place);
  // Fills `out`; fewer bytes only at the slice's end. Fails: as TapeStream::read.
  std::size_t read(MutableBytes out);
  SliceMembers members() const { return {catalog_, slice_.range}; }

 private:
  Catalog& catalog_;
  Slice slice_;
  TapeStream stream_;
};

}  // namespace tape
