#include "tape/gunzip.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "format/ragzip_format.h"
#include "restore/gzip_piece.h"
#include "restore/member_stream.h"
#include "restore/whole_members.h"
#include "tape/error.h"
#include "tape/ordered_workers.h"

namespace tape {
namespace {

// Of pieces and their content with the workers, and, at most as much again, kept for the next ones.
constexpr std::size_t kInFlightBytes = std::size_t{64} << 20;

[[noreturn]] void corrupt(GzOffset at, const std::string& what) {
  throw Error(ErrorKind::corrupt, "offset " + std::to_string(at.value()) + ": " + what);
}

// The ordered side: pieces in, content out. Where a piece is not what its worker took it for, the
// member at that place is read as a stream, on into the next pieces, until members are whole again.
class OrderedMembers {
 public:
  explicit OrderedMembers(ByteSink& out)
      : out_(out), write_([this](ByteView bytes) { out_.write(bytes); }) {}

  void take(GzipPiece& piece);
  GunzipSummary finish(bool check_footer);

  ByteCount bytes_in() const { return summary_.bytes_in; }
  ByteCount bytes_out() const {
    return summary_.bytes_out + (member_.open() ? member_.member().content_size : 0);
  }

 private:
  std::size_t take_whole(GzipPiece& piece);
  std::size_t pass_over_zeros(ByteView in);
  std::size_t stream(const GzipPiece& piece, std::size_t at);
  void note(const MembersSeen& seen);
  void check_end();

  ByteSink& out_;
  const MemberStream::Content write_;
  MemberStream member_;
  WholeMembers engine_;
  GunzipSummary summary_;
  ByteCount volume_begin_ = 0;  // the content in front of this ragzip file
  bool last_footer_fits_ = false;
};

void OrderedMembers::note(const MembersSeen& seen) {
  for (const MembersSeen::Footer& footer : seen.footers) {
    const ByteCount content = summary_.bytes_out + footer.content_before;
    last_footer_fits_ = footer.logical_size == content - volume_begin_;
    if (!last_footer_fits_) continue;
    volume_begin_ = content;
    ++summary_.volumes;
  }
  summary_.members += seen.members;
  summary_.bytes_out += seen.content;
  summary_.trailing_zeros = seen.zeros;
  summary_.ragzip = summary_.ragzip || seen.ragzip;
  summary_.footer = seen.last_footer;
}

// What was inflated of the piece, once; returns the bytes of it that this was.
std::size_t OrderedMembers::take_whole(GzipPiece& piece) {
  const MembersSeen& seen = piece.done.seen;
  const std::size_t n = std::exchange(piece.done.consumed, 0);
  if (n == 0) return 0;
  if (seen.content != 0)
    out_.write(ByteView(piece.content).first(static_cast<std::size_t>(seen.content)));
  note(seen);
  return n;
}

// Behind a member: what the stream begins with is tried as one.
std::size_t OrderedMembers::pass_over_zeros(ByteView in) {
  const std::size_t n = zeros_at_begin(in);
  summary_.trailing_zeros += n;
  return n;
}

std::size_t OrderedMembers::stream(const GzipPiece& piece, std::size_t at) {
  if (!member_.open()) member_.begin(piece.at + at);
  const std::size_t n = member_.feed(piece.bytes().subspan(at), write_);
  if (member_.open()) return n;
  const ScannedMember& member = member_.member();
  MembersSeen seen;
  seen.add(member.place.size, member.content_size, member.ident, member.payload);
  note(seen);
  return n;
}

void OrderedMembers::take(GzipPiece& piece) {
  std::size_t at = 0;
  bool tried = piece.begins_member;  // whether `done` is of members from `at` on
  while (at < piece.size) {
    if (!member_.open() && !tried) {
      at += pass_over_zeros(piece.bytes().subspan(at));
      piece.inflate(at, engine_);
    }
    if (!member_.open()) at += take_whole(piece);
    // What follows was tried too, and is no whole member.
    if (at < piece.size) at += stream(piece, at);
    tried = false;
  }
  summary_.bytes_in += piece.size;
}

void OrderedMembers::check_end() {
  const GzOffset end(summary_.bytes_in);
  if (summary_.footer.empty())
    corrupt(end, "the ragzip stream was cut: its last member is no footer of 64 bytes");
  within("offset " + std::to_string(end.value() - summary_.trailing_zeros - kFooterSize), [&] {
    const RagzipFooter footer = decode_footer(summary_.footer);
    if (!last_footer_fits_)
      throw Error(ErrorKind::corrupt,
                  "the ragzip stream was cut, or its footer is wrong: it tells " +
                      std::to_string(footer.logical_size) + " bytes, " +
                      std::to_string(summary_.bytes_out - volume_begin_) + " came");
  });
}

GunzipSummary OrderedMembers::finish(bool check_footer) {
  const GzOffset end(summary_.bytes_in);
  if (member_.open()) member_.fail_cut(end);
  if (summary_.members == 0) corrupt(end, "the input is empty, a gzip member expected");
  if (summary_.ragzip && check_footer) check_end();
  return std::move(summary_);
}

// Pieces on their way to the workers and back.
class Pieces {
 public:
  explicit Pieces(unsigned workers)
      : workers_(workers, std::size_t{2} * workers + 1, [] {
          // Shared, because a std::function must be copyable.
          return [engine = std::make_shared<WholeMembers>()](GzipPiece& piece) {
            if (piece.begins_member) piece.inflate(0, *engine);
          };
        }) {}

  bool empty() const { return workers_.empty(); }
  bool ready() const { return workers_.ready(); }
  bool has_room_for(const GzipPiece& piece) const {
    return empty() || (!workers_.full() && in_flight_ + cost(piece) <= kInFlightBytes);
  }
  void submit(GzipPiece piece) {
    in_flight_ += cost(piece);
    workers_.submit(std::move(piece));
  }
  GzipPiece take() {
    GzipPiece piece = workers_.take();
    in_flight_ -= cost(piece);
    return piece;
  }

  GzipPiece empty_piece() {
    GzipPiece piece;
    if (!free_.empty()) {
      piece = std::move(free_.back());
      free_.pop_back();
      kept_ -= cost(piece);
    }
    return piece;
  }
  void give_back(GzipPiece piece) {
    if (kept_ + cost(piece) > kInFlightBytes) return;
    kept_ += cost(piece);
    free_.push_back(std::move(piece));
  }

 private:
  // The same before and behind the worker.
  static std::size_t cost(const GzipPiece& piece) {
    return piece.buffer.size() + std::max(piece.room, piece.content.size());
  }

  std::size_t kept_ = 0;
  std::size_t in_flight_ = 0;
  std::vector<GzipPiece> free_;
  OrderedWorkers<GzipPiece> workers_;
};

}  // namespace

GunzipSummary gunzip(const ByteReader& in,
                     ByteSink& out,
                     const GunzipOptions& options,
                     const GunzipProgress& progress) {
  PieceCutter cutter(in);
  OrderedMembers members(out);
  Pieces pieces(options.workers);
  const auto take = [&] {
    GzipPiece piece = pieces.take();
    members.take(piece);
    pieces.give_back(std::move(piece));
    if (progress) progress(members.bytes_in(), members.bytes_out());
  };
  GzipPiece piece = pieces.empty_piece();
  while (cutter.next(piece)) {
    while (!pieces.has_room_for(piece))
      take();
    pieces.submit(std::move(piece));
    while (pieces.ready())
      take();
    piece = pieces.empty_piece();
  }
  while (!pieces.empty())
    take();
  return members.finish(options.check_footer);
}

}  // namespace tape
