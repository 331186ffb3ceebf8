// A file that several threads write to, each at its own place.
#include <algorithm>
#include <utility>

#include "base/unique_fd.h"
#include "os/part_file.h"
#include "tape/files.h"
#include "tape/ordered_workers.h"

namespace tape {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::size_t kPiecesMax = 64;  // in memory, the one being filled included: 64 MiB

struct Piece {
  Bytes bytes;
  std::uint64_t at = 0;
};

// Enough for each thread to find one waiting; without threads take() does the work at once.
constexpr std::size_t capacity_of(unsigned threads) {
  return std::clamp<std::size_t>(std::size_t{4} * threads, 1, kPiecesMax - 1);
}

static_assert((capacity_of(~0U) + 1) * kPiece <= std::size_t{64} << 20);  // as the header says

class PositionedFile final : public ByteSink {
 public:
  PositionedFile(const std::string& path, IfThere if_there, unsigned threads, std::uint32_t mode)
      : part_(path, if_there, mode), writers_(threads, capacity_of(threads), [this] {
          return [this](Piece& piece) {
            write_all_at(part_.descriptor(), piece.at, piece.bytes, part_.name());
          };
        }) {}

  void write(ByteView bytes) override {
    while (!bytes.empty()) {
      const ByteView taken = bytes.first(std::min(bytes.size(), kPiece - piece_.bytes.size()));
      piece_.bytes.insert(piece_.bytes.end(), taken.begin(), taken.end());
      bytes = bytes.subspan(taken.size());
      if (piece_.bytes.size() == kPiece) submit();
    }
  }

  void finish() override {
    if (!piece_.bytes.empty()) submit();
    while (!writers_.empty())
      writers_.take();
    part_.seal();
    part_.place();
  }

 private:
  void submit() {
    const std::uint64_t next = piece_.at + piece_.bytes.size();
    Bytes room;  // of a piece that is written, for the next one
    while (writers_.full() || (writers_.size() > 0 && writers_.ready()))
      room = writers_.take().bytes;
    writers_.submit(std::move(piece_));
    room.clear();
    room.reserve(kPiece);
    piece_ = {std::move(room), next};
  }

  PartFile part_;
  Piece piece_;                    // being filled
  OrderedWorkers<Piece> writers_;  // last: they write to the file
};

}  // namespace

std::unique_ptr<ByteSink> create_positioned_file_sink(const std::string& path,
                                                      bool replace,
                                                      unsigned threads,
                                                      std::uint32_t mode) {
  // A device or a pipe has no places.
  if (!replace && is_device(path)) return create_file_sink(path);
  return std::make_unique<PositionedFile>(path, replace ? IfThere::replace : IfThere::refuse,
                                          threads, mode);
}

}  // namespace tape
