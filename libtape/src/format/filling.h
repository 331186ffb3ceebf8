// What stands on the tape in place of a member that could not be read.
//
// In, out: bytes and values; pure.
// Spec:    docs/format.md §2, "Filling".
#pragma once
#include <optional>

#include "tape/bytes.h"
#include "tape/member.h"

namespace tape {

// The ustar header of `ancestor`, a directory whose name needs no pax, with its owner bits set; a
// directory of a name that nobody has when there is none.
Bytes directory_block(const std::optional<Member>& ancestor);

// pax `g` headers whose comment fills the range, and directory blocks by turns: no two `g` headers
// meet and none is last, which every reader that was tried passes over.
class Filling {
 public:
  // `blocks`: of the whole range. `directory`: one block.
  Filling(std::uint64_t blocks, Bytes directory);

  // Fills `out`, which ends inside the range, from byte `at` of it.
  void read(ByteCount at, MutableBytes out) const;

 private:
  Bytes block(std::uint64_t index) const;
  std::uint64_t blocks_;
  Bytes directory_;
};

}  // namespace tape
