#include "tape/volume_reader.h"

#include <algorithm>

#include "tape/error.h"

namespace tape {

SliceMembers::SliceMembers(Catalog& catalog, TapeRange slice)
    : slice_(slice), cursor_(catalog.entries_from(slice.begin)) {}

std::optional<SliceMember> SliceMembers::next() {
  auto entry = cursor_->next();
  if (!entry || entry->offset >= slice_.end()) return std::nullopt;
  const bool begins = entry->offset >= slice_.begin;
  const bool ends = entry->end() <= slice_.end();
  SliceMember out;
  out.state = begins && ends ? MemberState::complete
              : begins       ? MemberState::head
              : ends         ? MemberState::tail
                             : MemberState::body;
  const TapeOffset from = std::max(entry->offset, slice_.begin);
  out.tape = {from, std::min(entry->end(), slice_.end()) - from};
  out.begin = from - slice_.begin;
  out.entry = std::move(*entry);
  return out;
}

VolumeReader::VolumeReader(Catalog& catalog, SourceTree& tree, Slice slice, OnChange on_change)
    : catalog_(catalog), slice_(std::move(slice)), stream_(catalog, tree, nullptr, on_change) {
  stream_.seek(slice_.range.begin);
}

void VolumeReader::seek(std::uint64_t place) {
  if (place > slice_.range.size)
    throw Error(ErrorKind::usage, slice_.name + ": place " + std::to_string(place) +
                                      " is behind its end at " + std::to_string(slice_.range.size));
  stream_.seek(slice_.range.begin + place);
}

std::size_t VolumeReader::read(MutableBytes out) {
  const ByteCount left = slice_.range.end() - stream_.position();
  return stream_.read(out.first(std::min<ByteCount>(out.size(), left)));
}

}  // namespace tape
