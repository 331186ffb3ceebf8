// WholeMembers: gzip members that lie whole in a buffer, inflated at once.
//
// Out:     their content, as far as they are sound, and what was seen of ragzip in them.
// Limits:  the content must fit the room that is given.
// Threads: one caller at a time.
// Spec:    RFC 1952. What libdeflate takes is a deflate stream; the CRC32 decides.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "codec/deflate.h"
#include "restore/member_head.h"
#include "tape/bytes.h"
#include "tape/offset.h"

namespace tape {

// What members one behind the other said of the stream.
struct MembersSeen {
  struct Footer {
    ByteCount content_before = 0;  // of these members
    ByteCount logical_size = 0;
  };
  std::uint64_t members = 0;
  ByteCount content = 0;
  ByteCount zeros = 0;  // behind the last member
  bool ragzip = false;
  std::vector<Footer> footers;  // that can be read as such
  Bytes last_footer;            // the payload of the last member, if it has a footer's form

  void add(ByteCount size, ByteCount content_size, const std::string& ident, ByteView payload);
};

class WholeMembers {
 public:
  WholeMembers() : inflater_(make_libdeflate_inflater()) {}

  struct Result {
    std::size_t consumed = 0;  // whole sound members and the zero bytes behind them
    MembersSeen seen;          // seen.content bytes of the room are filled
  };
  // From the beginning of `in`, where a member must begin, as far as members are whole and sound
  // and their content fits `room`.
  Result inflate(ByteView in, MutableBytes room);

 private:
  std::size_t inflate_member(ByteView in, MutableBytes room, MembersSeen& seen);

  MemberHead head_;
  std::unique_ptr<Inflater> inflater_;
};

// How many zero bytes `in` begins with.
std::size_t zeros_at_begin(ByteView in);

}  // namespace tape
