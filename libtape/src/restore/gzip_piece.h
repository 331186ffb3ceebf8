// PieceCutter: a gzip stream in pieces that, most of them, begin and end with a member.
//
// In:      a ByteReader.
// Out:     pieces; where they end depends on the bytes alone. Whether a piece consists of whole
//          members is a guess: a member's first bytes can stand in the content of another.
// Limits:  a piece has kPieceSizeMax bytes at most, and asks for kPieceRoomMax of content at most.
// Threads: one caller at a time.
// Spec:    RFC 1952 §2.3; docs/format.md §3.1, §3.2.
#pragma once
#include "restore/whole_members.h"
#include "tape/bytes.h"
#include "tape/io.h"
#include "tape/offset.h"

namespace tape {

// A piece ends where it can from here on: enough for a worker to be worth waking, little enough for
// its content to stay in a processor's cache.
inline constexpr std::size_t kPieceSize = std::size_t{256} << 10;
inline constexpr std::size_t kPieceContent = std::size_t{1} << 20;
// A page of 16 MiB that deflates to half; larger members are inflated as a stream.
inline constexpr std::size_t kPieceSizeMax = std::size_t{8} << 20;
inline constexpr std::size_t kPieceRoomMax = std::size_t{24} << 20;

struct GzipPiece {
  GzOffset at;
  // Buffers only grow, so that they need not be filled with zeros again.
  Bytes buffer;
  std::size_t size = 0;        // of what is in it
  bool begins_member = false;  // it may; else it is a later part of one, or of padding
  std::size_t room = 0;        // what its members' content needs, as their ISIZEs have it
  Bytes content;
  WholeMembers::Result done;

  ByteView bytes() const { return ByteView(buffer).first(size); }
  // Fills content and done from `from` on, where a member must begin.
  void inflate(std::size_t from, WholeMembers& engine);
};

class PieceCutter {
 public:
  // `in` must outlive the cutter.
  explicit PieceCutter(const ByteReader& in) : in_(in) {}

  // The next piece, in the buffers of `piece`; false at the end.
  bool next(GzipPiece& piece);

 private:
  struct Cut {
    std::size_t scanned = 1;  // headers that begin before it were looked at
    std::size_t content = 0;  // of the members in front of it, as far as one knows
    bool found = false;       // the piece ends at `scanned`
  };
  void read(GzipPiece& piece);
  void look_for_cut(GzipPiece& piece, Cut& cut) const;
  bool may_begin(ByteView bytes) const;
  static bool may_end(const GzipPiece& piece, std::size_t at);
  static void note_isize(const GzipPiece& piece, std::size_t end, Cut& cut);

  const ByteReader& in_;
  GzOffset at_;
  Bytes rest_;  // read already, behind the last cut
  bool ended_ = false;
  bool cut_at_header_ = true;
  bool exact_ = false;  // the stream begins with one of our headers: so do its members
};

}  // namespace tape
