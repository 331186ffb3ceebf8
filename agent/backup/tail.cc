#include "backup/tail.h"

#include <algorithm>

#include "tape/digest.h"
#include "tape/error.h"
#include "tape/fields.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;

constexpr tape::ByteCount kPieceBytes = tape::ByteCount{1} << 20;

}  // namespace

void TailHash::add(tape::ByteView bytes) {
  while (!bytes.empty()) {
    const std::size_t n = std::min<std::size_t>(bytes.size(), kPieceBytes - piece_.size());
    piece_.insert(piece_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    bytes = bytes.subspan(n);
    if (piece_.size() < kPieceBytes) return;
    tape::FieldWriter(pieces_).number(tape::xxh3_64(piece_));
    piece_.clear();
  }
}

std::uint64_t TailHash::digest() const {
  tape::Bytes all = pieces_;
  tape::FieldWriter(all).number(tape::xxh3_64(piece_));
  return tape::xxh3_64(all);
}

TailWriter::TailWriter(const std::string& path) : path_(path) {
  tape::remove_if_there(path);
  file_ = tape::WorkingFile::create(path);
}

void TailWriter::write(tape::ByteView bytes) {
  file_->write_at(size_, bytes);
  size_ += bytes.size();
  hash_.add(bytes);
}

void TailWriter::finish() {
  file_->sync();
  tape::sync_folder(tape::folder_of(path_));
}

TailReader::TailReader(const std::string& path, tape::ByteCount size)
    : name_(tape::shown(path)), size_(size) {
  if (!tape::identity_of(path)) damaged("it is gone");
  source_ = tape::open_file_source(path);
  if (source_->size() != size)
    damaged("it has " + std::to_string(source_->size()) + " bytes, the journal says " +
            std::to_string(size));
}

tape::Bytes TailReader::next(tape::ByteCount size) {
  tape::Bytes out(size);
  source_->read_at(tape::GzOffset(at_), out);
  at_ += size;
  hash_.add(out);
  return out;
}

void TailReader::skip(tape::ByteCount size) {
  while (size > 0)
    size -= next(std::min(size, kPieceBytes)).size();
}

void TailReader::must_have(std::uint64_t digest) const {
  if (hash_.digest() != digest) damaged("its bytes are not what was written");
}

void TailReader::damaged(const std::string& what) const {
  throw Error(ErrorKind::object_changed, name_ + ": the tail of a volume: " + what);
}

}  // namespace agent
