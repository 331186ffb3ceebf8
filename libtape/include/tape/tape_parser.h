// TapeParser: the bytes of a tape become the members that it is of. Push.
//
// In:      a tape from its first byte on, any cutting.
// Out:     each member, announced as a TapeStream would: its entry, and the XXH3-128 of its body.
//          What a tape does not hold is not there: nanoseconds, device and inode.
// Limits:  memory: the header blocks of one member, at most kHeaderSizeMax.
// Threads: one caller at a time.
// Spec:    docs/format.md §1.
#pragma once
#include <cstdint>
#include <memory>

#include "tape/bytes.h"
#include "tape/tape_stream.h"

namespace tape {

class TapeParser {
 public:
  // `observer` must outlive the parser.
  explicit TapeParser(MemberObserver& observer);
  ~TapeParser();
  TapeParser(const TapeParser&) = delete;
  TapeParser& operator=(const TapeParser&) = delete;

  // Members are announced inside. Fails: Error{corrupt} when it is no tape of ours: another kind of
  // header, members out of order, more behind the end. Filled (`omitted`) members are not known.
  void write(ByteView bytes);

  // Of the next member some header blocks came, but not all.
  bool in_header() const;
  // Both end blocks came.
  bool complete() const;
  std::uint64_t members() const { return members_; }

 private:
  class Hash;
  std::size_t take_header(ByteView bytes);
  std::size_t take_body(ByteView bytes);
  void start_member();
  void end_member();

  MemberObserver& observer_;
  std::unique_ptr<Hash> hash_;
  Bytes header_;                 // of the next member, as far as it came
  ByteCount header_wanted_ = 0;  // once its first block is there
  Entry entry_;                  // the member under way
  TapeOffset position_;
  ByteCount body_left_ = 0;
  ByteCount padding_left_ = 0;
  ByteCount end_blocks_ = 0;
  std::uint64_t members_ = 0;
};

}  // namespace tape
