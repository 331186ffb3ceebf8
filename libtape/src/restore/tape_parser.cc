#include "tape/tape_parser.h"

#include <algorithm>

#include "codec/digest.h"
#include "format/tar_format.h"
#include "format/tar_layout.h"
#include "tape/error.h"
#include "tape/member_index.h"

namespace tape {
namespace {

Error corrupt(TapeOffset at, const std::string& what) {
  return {ErrorKind::corrupt, "tape at " + std::to_string(at.value()) + ": " + what};
}

bool all_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

class TapeParser::Hash {
 public:
  Xxh3Stream stream;
};

TapeParser::TapeParser(MemberObserver& observer)
    : observer_(observer), hash_(std::make_unique<Hash>()) {}

TapeParser::~TapeParser() = default;

bool TapeParser::in_header() const {
  return !header_.empty();
}

bool TapeParser::complete() const {
  return end_blocks_ == kEndBlocks;
}

void TapeParser::write(ByteView bytes) {
  while (!bytes.empty()) {
    const bool body = body_left_ > 0 || padding_left_ > 0;
    const std::size_t n = body ? take_body(bytes) : take_header(bytes);
    position_ = position_ + n;
    bytes = bytes.subspan(n);
  }
}

std::size_t TapeParser::take_header(ByteView bytes) {
  if (complete()) throw corrupt(position_, "more behind the end of the tape");
  const std::size_t wanted = header_.size() < kBlockSize ? kBlockSize : header_wanted_;
  const std::size_t n = std::min(bytes.size(), wanted - header_.size());
  header_.insert(header_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
  if (header_.size() < wanted) return n;
  if (header_.size() == kBlockSize) {
    if (all_zero(header_)) {
      ++end_blocks_;
      header_.clear();
      return n;
    }
    if (end_blocks_ > 0) throw corrupt(position_, "a single zero block between members");
    header_wanted_ = within("tape at " + std::to_string(position_.value()),
                            [this] { return header_size(header_); });
  }
  if (header_.size() == header_wanted_) {
    const TapeOffset end = position_ + n;
    entry_.offset = TapeOffset(end.value() - header_.size());
    start_member();
  }
  return n;
}

void TapeParser::start_member() {
  Entry next;
  next.offset = entry_.offset;
  next.member = within("tape at " + std::to_string(next.offset.value()),
                       [this] { return decode_header(header_); });
  next.header_blocks = static_cast<std::uint32_t>(header_.size() / kBlockSize);
  next.path = member_path(next.member.name, next.member.type);
  if (members_ > 0 && !path_before(entry_.path, next.path))
    throw corrupt(next.offset, shown(next.path) + " is not behind " + shown(entry_.path));
  entry_ = std::move(next);
  header_.clear();
  ++members_;
  body_left_ = entry_.member.type == MemberType::regular ? entry_.member.size : 0;
  padding_left_ = padded(body_left_) - body_left_;
  hash_->stream.reset();
  observer_.member_starts(entry_, {});
  if (body_left_ == 0) end_member();
}

void TapeParser::end_member() {
  MemberEnd end;
  if (entry_.member.type == MemberType::regular) end.hash = hash_->stream.digest();
  observer_.member_ends(entry_, end);
}

std::size_t TapeParser::take_body(ByteView bytes) {
  if (body_left_ == 0) {
    const std::size_t n = std::min<ByteCount>(bytes.size(), padding_left_);
    if (!all_zero(bytes.first(n))) throw corrupt(position_, "padding that is not zero");
    padding_left_ -= n;
    return n;
  }
  const std::size_t n = std::min<ByteCount>(bytes.size(), body_left_);
  hash_->stream.update(bytes.first(n));
  body_left_ -= n;
  if (body_left_ == 0) end_member();
  return n;
}

}  // namespace tape
