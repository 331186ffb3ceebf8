// ForeignTarParser: the bytes of any tar become the members that it is of. Push.
//
// In:      a tar from its first byte, or from any member's, any cutting.
// Out:     each member, when its header is whole; names and numbers as they stand.
// Limits:  names of kForeignNameMax, pax headers of kHeaderSizeMax bytes.
// Threads: one caller at a time.
// Spec:    docs/format.md §7.2.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tape/bytes.h"
#include "tape/member.h"

namespace tape {

inline constexpr ByteCount kForeignNameMax = ByteCount{1} << 20;

struct ForeignMember {
  // Name and target as they stand: any bytes, perhaps absolute or with `..`; a directory's name
  // with its `/` or without. Size, mode, ids and times as numbers; a type that Ragtape does not
  // write leaves `known` false.
  Member member;
  bool known = true;
  bool sparse = false;       // GNU's maps of holes stand in its content, which is no file by itself
  char typeflag = '0';       // as it stands, but `0` for the old regular file
  std::uint64_t offset = 0;  // of its first header block, those of pax and long names included
  std::uint64_t body = 0;    // of its content
  ByteCount size = 0;        // of its content on the tape; of a link 0
};

class ForeignTarParser {
 public:
  using Found = std::function<void(const ForeignMember& member)>;

  // `offset`: of the first byte.
  explicit ForeignTarParser(Found found, std::uint64_t offset = 0);
  ~ForeignTarParser();
  ForeignTarParser(const ForeignTarParser&) = delete;
  ForeignTarParser& operator=(const ForeignTarParser&) = delete;

  // Behind the first block of zeros nothing is looked at. Fails: Error{corrupt} with the offset of
  // what is no header; Error{unsupported} past a limit.
  void write(ByteView bytes);
  // Nothing more comes. Fails: Error{corrupt} in the middle of a member.
  void finish();

  // The block of zeros came.
  bool complete() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace tape
