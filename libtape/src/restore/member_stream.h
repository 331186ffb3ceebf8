// MemberStream: one gzip member after the other, each taken in pieces, of any size.
//
// In:      bytes from a member's magic on, any cutting.
// Out:     its content, in views of at most kContentViewMax; CRC32, ISIZE and the header's CRC16
//          are checked when the member ends, behind its content.
// Limits:  memory: kContentViewMax, an EXTRA field and zlib's window.
// Threads: one caller at a time.
// Spec:    RFC 1952. What zlib refuses is no deflate stream.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "codec/inflate_stream.h"
#include "restore/member_head.h"
#include "tape/bytes.h"
#include "tape/offset.h"

namespace tape {

inline constexpr std::size_t kContentViewMax = std::size_t{256} << 10;

struct ScannedMember {
  GzRange place;
  ByteCount content_size = 0;
  std::string ident;  // of the first subfield, two letters; empty without one
  Bytes payload;      // of the first subfield
};

class MemberStream {
 public:
  // May be empty: then nobody wants the content.
  using Content = std::function<void(ByteView)>;

  // Begins with a member at `at`, whatever came before.
  void begin(GzOffset at);

  // A member has begun and not ended.
  bool open() const { return part_ != Part::none; }

  // Takes bytes of the open member and returns how many: all of them, or those up to its end.
  // Fails: Error{corrupt} that names the member's offset.
  std::size_t feed(ByteView in, const Content& content);

  // The member that ended last; of an open one place and content_size, so far.
  const ScannedMember& member() const { return member_; }

  // That the input ends at `end`, inside of the open member.
  [[noreturn]] void fail_cut(GzOffset end) const;

 private:
  enum class Part { none, head, body, trailer };
  std::size_t feed_part(ByteView in, const Content& content);
  std::size_t feed_body(ByteView in, const Content& content);
  std::size_t feed_trailer(ByteView in);
  void end();
  [[noreturn]] void corrupt(const std::string& what) const;

  Part part_ = Part::none;
  MemberHead head_;
  StreamInflater inflater_;
  Bytes room_ = Bytes(kContentViewMax);
  std::uint32_t crc_ = 0;
  Bytes trailer_;
  ScannedMember member_;
};

}  // namespace tape
