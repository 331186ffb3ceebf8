// `.taridx`: the members of a foreign tar.gz as a JSON array, for its random access by name.
//
// In:      ForeignMembers, in tape order; the JSON that this writes, or that Python's tarfile gives
//          (name, offset, offset_data, size alone).
// Out:     one object a line.
// Limits:  kTarIndexMembersMax members; reading holds all of them.
// Threads: one caller at a time.
// Spec:    docs/format.md §7.3.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tape/bytes.h"
#include "tape/foreign_tar.h"
#include "tape/io.h"

namespace tape {

inline constexpr std::size_t kTarIndexMembersMax = std::size_t{1} << 24;

struct TarIndexEntry {
  std::string name;          // a directory's without its `/`
  std::uint64_t offset = 0;  // of its first header block
  std::uint64_t body = 0;    // `offset_data`
  ByteCount size = 0;
  std::optional<char> typeflag;  // none: written by others, and so are the rest
  std::string target;
  std::uint32_t mode = 0;
  std::int64_t mtime = 0;
};

class TarIndexWriter {
 public:
  // `sink` must outlive the writer; it is not finished.
  explicit TarIndexWriter(ByteSink& sink) : sink_(sink) {}
  void add(const ForeignMember& member);
  void finish();

 private:
  ByteSink& sink_;
  std::string lines_;
  bool first_ = true;
};

// Fails: Error{corrupt}: no such JSON; offsets that do not increase or that overlap;
// Error{unsupported}: too many members.
std::vector<TarIndexEntry> parse_tar_index(ByteView json);

}  // namespace tape
