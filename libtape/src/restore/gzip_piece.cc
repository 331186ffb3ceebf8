#include "restore/gzip_piece.h"

#include <algorithm>
#include <cstring>

#include "base/endian.h"
#include "format/gzip_format.h"

namespace tape {
namespace {

constexpr std::size_t kHeaderSize = kPageHeader.size();
constexpr std::size_t kReadStep = std::size_t{64} << 10;
// RFC 1951: at best two bits for a match of 258 bytes.
constexpr std::size_t kInflationMax = 1032;

bool begins_with(ByteView bytes, const std::array<std::uint8_t, kHeaderSize>& header) {
  return std::equal(header.begin(), header.end(), bytes.begin());
}

bool is_ours(ByteView bytes) {
  return begins_with(bytes, kPageHeader) || begins_with(bytes, kMetadataHeader);
}

// XFL as the writers that are known have it; RFC 1952 knows systems 0 to 13.
bool is_plausible(ByteView bytes) {
  return bytes[1] == 0x8B && bytes[2] == 8 && (bytes[3] & kReservedFlags) == 0 &&
         (bytes[8] == 0 || bytes[8] == 2 || bytes[8] == 4) && (bytes[9] <= 13 || bytes[9] == 0xFF);
}

}  // namespace

void GzipPiece::inflate(std::size_t from, WholeMembers& engine) {
  if (content.size() < room) {
    content.clear();  // nothing to be copied
    content.resize(room);
  }
  done = engine.inflate(bytes().subspan(from), MutableBytes(content).first(room));
}

bool PieceCutter::may_begin(ByteView bytes) const {
  return exact_ ? is_ours(bytes) : is_plausible(bytes);
}

// Whether the bytes in front of `at` can be the end of a member: an ISIZE that its deflate stream
// can have, or an empty body. It costs a cut where it is wrong, nothing else.
bool PieceCutter::may_end(const GzipPiece& piece, std::size_t at) {
  if (at < kEmptyBody.size()) return false;
  const ByteView before = piece.bytes().subspan(at - kEmptyBody.size());
  if (load_le32(&before[6]) == 0) return begins_with(before, kEmptyBody);
  return !piece.begins_member || load_le32(&before[6]) / kInflationMax <= at;
}

// What a member that ends at `end` needs, if its ISIZE is what it seems.
void PieceCutter::note_isize(const GzipPiece& piece, std::size_t end, Cut& cut) {
  if (!piece.begins_member || end < kTrailerSize) return;
  const std::size_t isize = load_le32(&piece.buffer[end - 4]);
  if (isize / kInflationMax <= end && isize <= kPieceRoomMax - cut.content) cut.content += isize;
}

// Reads on by half of what is there, so that what is left over behind the cut, and copied, is less
// than what is not.
void PieceCutter::read(GzipPiece& piece) {
  const std::size_t step = piece.size == 0 ? kPieceSize : std::max(kReadStep, piece.size / 2);
  const std::size_t wanted = std::min(step, kPieceSizeMax - piece.size);
  if (piece.buffer.size() < piece.size + wanted) piece.buffer.resize(piece.size + wanted);
  const std::size_t n = in_(MutableBytes(piece.buffer).subspan(piece.size, wanted));
  ended_ = n < wanted;
  piece.size += n;
}

void PieceCutter::look_for_cut(GzipPiece& piece, Cut& cut) const {
  const ByteView bytes = piece.bytes();
  while (cut.scanned + kHeaderSize <= bytes.size()) {
    const std::size_t left = bytes.size() - kHeaderSize + 1 - cut.scanned;
    const void* found = std::memchr(&bytes[cut.scanned], 0x1F, left);
    if (found == nullptr) {
      cut.scanned += left;
      return;
    }
    cut.scanned = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data());
    const std::size_t at = cut.scanned;
    const bool likely = may_begin(bytes.subspan(at)) && may_end(piece, at);
    if (likely) note_isize(piece, at, cut);
    cut.found =
        likely && (!piece.begins_member || at >= kPieceSize || cut.content >= kPieceContent);
    if (cut.found) return;
    ++cut.scanned;
  }
}

bool PieceCutter::next(GzipPiece& piece) {
  piece.at = at_;
  piece.begins_member = cut_at_header_;
  piece.done = {};
  piece.size = rest_.size();
  if (piece.buffer.size() < piece.size) piece.buffer.resize(piece.size);
  std::copy(rest_.begin(), rest_.end(), piece.buffer.begin());
  rest_.clear();
  Cut cut;
  while (true) {
    if (at_ == GzOffset(0) && piece.size >= kHeaderSize) exact_ = is_ours(piece.bytes());
    look_for_cut(piece, cut);
    if (cut.found || ended_ || piece.size == kPieceSizeMax) break;
    read(piece);
  }
  if (cut.found) {
    const ByteView rest = piece.bytes().subspan(cut.scanned);
    rest_.assign(rest.begin(), rest.end());
    piece.size = cut.scanned;
  } else if (ended_) {
    note_isize(piece, piece.size, cut);
  }
  cut_at_header_ = cut.found;
  piece.room = cut.content;
  at_ = at_ + piece.size;
  return piece.size != 0;
}

}  // namespace tape
