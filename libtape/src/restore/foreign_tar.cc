#include "tape/foreign_tar.h"

#include <algorithm>

#include "format/foreign_tar.h"
#include "tape/error.h"

namespace tape {

class ForeignTarParser::State {
 public:
  State(Found found, std::uint64_t offset)
      : found_(std::move(found)), position_(offset), begin_(offset) {}

  void write(ByteView bytes) {
    while (!bytes.empty() && !complete_) {
      const std::size_t n = wanted_ != 0 ? keep(bytes) : pass(bytes);
      bytes = bytes.subspan(n);
      position_ += n;
      if (wanted_ != 0 && kept_.size() == wanted_) at_begin([&] { take(); });
      if (wanted_ == 0 && left_ == 0) expect(What::header, kBlockSize);
    }
  }

  void finish() const {
    if (complete_ || (what_ == What::header && wanted_ != 0 && kept_.empty() && !begun_)) return;
    throw Error(ErrorKind::corrupt,
                "tar: it ends at " + std::to_string(position_) + ", in the middle of a member");
  }

  bool complete() const { return complete_; }

 private:
  // What is collected.
  enum class What { header, sparse_map, long_name, long_target, pax, global_pax };

  template <class Step>
  void at_begin(Step step) const {
    const auto failure = failure_of(step);
    if (!failure) return;
    throw Error(failure->kind(), "tar member at " + std::to_string(begin_) + ": " + failure->what(),
                failure->hint());
  }

  std::size_t keep(ByteView bytes) {
    const auto n =
        static_cast<std::size_t>(std::min<ByteCount>(bytes.size(), wanted_ - kept_.size()));
    kept_.insert(kept_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    return n;
  }

  std::size_t pass(ByteView bytes) {
    const auto n = static_cast<std::size_t>(std::min<ByteCount>(bytes.size(), left_));
    left_ -= n;
    return n;
  }

  void expect(What what, ByteCount wanted) {
    what_ = what;
    wanted_ = wanted;
  }

  // What was wanted is there.
  void take() {
    Bytes kept;
    kept.swap(kept_);
    const What what = what_;
    wanted_ = 0;
    switch (what) {
      case What::header:
        return header(kept);
      case What::sparse_map:
        return more_sparse_follows(kept) ? expect(What::sparse_map, kBlockSize) : emit();
      case What::long_name:
      case What::long_target: {
        const std::string_view body = as_view(ByteView(kept).first(body_size_));
        (what == What::long_name ? name_ : target_) = body.substr(0, body.find('\0'));
        return;
      }
      case What::pax:
        return add_pax_records(pax_, as_view(ByteView(kept).first(body_size_)));
      case What::global_pax:
        return add_pax_records(global_, as_view(ByteView(kept).first(body_size_)));
    }
  }

  void header(ByteView block) {
    if (!begun_) begin_ = position_ - kBlockSize;
    auto decoded = decode_foreign_block(block);
    if (!decoded) {
      if (begun_) throw Error(ErrorKind::corrupt, "zeros where its header should stand");
      complete_ = true;
      return;
    }
    switch (decoded->member.typeflag) {
      case 'x':
        return collect(What::pax, decoded->data, kHeaderSizeMax);
      case 'g':
        return collect(What::global_pax, decoded->data, kHeaderSizeMax);
      case 'L':
        return collect(What::long_name, decoded->data, kForeignNameMax);
      case 'K':
        return collect(What::long_target, decoded->data, kForeignNameMax);
      default:
        break;
    }
    block_ = std::move(*decoded);
    if (block_.more_sparse) return expect(What::sparse_map, kBlockSize);
    emit();
  }

  void collect(What what, ByteCount size, ByteCount most) {
    if (size > most)
      throw Error(ErrorKind::unsupported, "a header of " + std::to_string(size) +
                                              " bytes, at most " + std::to_string(most) +
                                              " are read");
    body_size_ = static_cast<std::size_t>(size);
    begun_ = begun_ || what != What::global_pax;
    if (size == 0) return;
    expect(what, (size + kBlockSize - 1) / kBlockSize * kBlockSize);
  }

  void emit() {
    apply_pax_records(block_, global_);
    apply_pax_records(block_, pax_);
    ForeignMember& out = block_.member;
    if (!name_.empty()) out.member.name = name_;
    if (!target_.empty()) out.member.target = target_;
    // Before 1988 there was no type for directories. By the whole name: a cut one may end in `/`.
    if (out.typeflag == '0' && out.member.name.ends_with('/')) {
      out.typeflag = '5';
      out.member.type = MemberType::directory;
    }
    out.offset = begin_;
    out.body = position_;
    out.size = block_.data;
    out.member.size = out.member.type == MemberType::regular ? out.size : 0;
    if (out.size > INT64_MAX - kBlockSize - position_)
      throw Error(ErrorKind::corrupt, "a size of " + std::to_string(out.size) + " bytes");
    std::sort(out.member.xattrs.begin(), out.member.xattrs.end());
    left_ = (out.size + kBlockSize - 1) / kBlockSize * kBlockSize;
    name_.clear();
    target_.clear();
    pax_.clear();
    begun_ = false;
    found_(out);
  }

  const Found found_;
  std::uint64_t position_;  // of the next byte
  std::uint64_t begin_;     // of the member under way
  bool begun_ = false;      // a header in front of its own block came
  What what_ = What::header;
  ByteCount wanted_ = kBlockSize;  // bytes to collect; 0: `left_` are passed over
  std::size_t body_size_ = 0;      // of what is collected, without its padding
  Bytes kept_;
  ByteCount left_ = 0;
  ForeignBlock block_;
  std::string name_;
  std::string target_;
  PaxRecords pax_;
  PaxRecords global_;
  bool complete_ = false;
};

ForeignTarParser::ForeignTarParser(Found found, std::uint64_t offset)
    : state_(std::make_unique<State>(std::move(found), offset)) {}

ForeignTarParser::~ForeignTarParser() = default;

void ForeignTarParser::write(ByteView bytes) {
  state_->write(bytes);
}

void ForeignTarParser::finish() {
  state_->finish();
}

bool ForeignTarParser::complete() const {
  return state_->complete();
}

}  // namespace tape
