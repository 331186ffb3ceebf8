// The arithmetic between a file and the tape: blocks, padding, where a body lies.
//
// Spec:    docs/format.md §1.
#pragma once
#include "tape/member.h"
#include "tape/offset.h"

namespace tape {

// A body with its padding.
constexpr ByteCount padded(ByteCount size) {
  return (size + kBlockSize - 1) / kBlockSize * kBlockSize;
}

// Where byte `at` of a member's body lies on the tape, and back.
constexpr TapeOffset tape_of_file(TapeOffset body, FileOffset at) {
  return body + at.value();
}
constexpr FileOffset file_of_tape(TapeOffset body, TapeOffset at) {
  return FileOffset(at - body);
}

}  // namespace tape
