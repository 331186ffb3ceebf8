#include "tape/tape_stream.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "codec/digest.h"
#include "format/tar_format.h"
#include "format/tar_layout.h"
#include "tape/error.h"

namespace tape {
namespace {

[[noreturn]] void changed(const std::string& path, const std::string& how) {
  throw Error(ErrorKind::source_changed,
              (path.empty() ? "the source" : shown(path)) + ": changed since the scan: " + how,
              "scan again (pack does both) when nothing writes to the tree");
}

std::string written(const Timestamp& time) {
  std::string fraction = std::to_string(time.nanoseconds);
  return std::to_string(time.seconds) + "." + std::string(9 - fraction.size(), '0') + fraction;
}

// What a file must still be when it is opened (docs/format.md §2): type, size and mtime; not device
// and inode, which change with a reboot or a copy. Empty: it is.
std::string difference(const SourceStat& found, const SourceStat& recorded) {
  if (found.kind != recorded.kind) return "it is of another type";
  if (found.size != recorded.size)
    return "it has " + std::to_string(found.size) + " bytes, had " + std::to_string(recorded.size);
  if (found.mtime != recorded.mtime)
    return "its mtime is " + written(found.mtime) + ", was " + written(recorded.mtime);
  return "";
}

}  // namespace

// The content of the regular file under way, checked before and after.
class TapeStream::Body {
 public:
  Body(TapeStream& stream, const Entry& entry) : entry_(entry) {
    std::string why;
    if (try_open(stream.tree_, entry.path, why)) return;
    // A file with several names is tried under each of them.
    for (const std::string& name : stream.catalog_.names_of(entry)) {
      std::string other;
      if (name != entry.path && try_open(stream.tree_, name, other)) return;
    }
    changed(entry.path, why);
  }

  void read(FileOffset at, MutableBytes out) {
    const std::size_t done = file_->read_at(at, out);
    if (done != out.size())
      changed(entry_.path, "it ended at byte " + std::to_string(at.value() + done) + " of " +
                               std::to_string(entry_.member.size));
    if (at == hashed_) {
      hash_.update(out);
      hashed_ = hashed_ + out.size();
    }
  }

  // Nobody wrote to the file while it was read.
  void check() const {
    const SourceStat after = file_->stat();
    if (after.identity != opened_.identity || after.size != opened_.size ||
        after.mtime != opened_.mtime || after.ctime != opened_.ctime) {
      changed(entry_.path, "it was written to while it was read");
    }
  }

  std::optional<Hash128> hash() const {
    if (hashed_.value() != entry_.member.size) return {};
    return hash_.digest();
  }

 private:
  bool try_open(SourceTree& tree, const std::string& path, std::string& why) {
    const auto failure = failure_of([&] {
      file_ = tree.open(path);
      opened_ = file_->stat();
    });
    if (failure) {
      if (failure->kind() == ErrorKind::exhausted) throw Error(*failure);
      why = failure->what();
      return false;
    }
    why = difference(opened_, entry_.source);
    return why.empty();
  }

  const Entry& entry_;
  std::unique_ptr<SourceFile> file_;
  SourceStat opened_;
  Xxh3Stream hash_;
  FileOffset hashed_;
};

TapeStream::TapeStream(Catalog& catalog, SourceTree& tree, MemberObserver* observer)
    : catalog_(catalog),
      tree_(tree),
      observer_(observer),
      cursor_(catalog.entries_from(TapeOffset(0))) {}

TapeStream::~TapeStream() = default;

ByteCount TapeStream::size() const {
  return catalog_.summary().tape_size;
}

TapeOffset TapeStream::position() const {
  return position_;
}

std::string TapeStream::current() const {
  return entry_ ? shown(entry_->path) : "";
}

void TapeStream::seek(TapeOffset at) {
  if (at.value() > size())
    throw Error(ErrorKind::usage, "offset " + std::to_string(at.value()) +
                                      " is behind the end of the tape at " +
                                      std::to_string(size()));
  body_.reset();
  entry_.reset();
  cursor_ = catalog_.entries_from(at);
  position_ = at;
}

std::size_t TapeStream::read(MutableBytes out) {
  const std::size_t wanted = out.size();
  const TapeOffset end(size());
  const TapeOffset entries_end(size() - kEndBlocks * kBlockSize);
  while (!out.empty() && position_ < end) {
    if (position_ >= entries_end) {
      const std::size_t n = std::min<ByteCount>(out.size(), end - position_);
      std::fill_n(out.begin(), n, 0);
      out = out.subspan(n);
      position_ = position_ + n;
      break;
    }
    if (!entry_) {
      auto next = cursor_->next();
      if (!next || next->offset > position_ || next->end() <= position_)
        throw Error(ErrorKind::corrupt,
                    "catalog: no entry holds tape offset " + std::to_string(position_.value()));
      enter(std::move(*next));
    }
    read_member(out);
    if (position_ == entry_->end()) {
      body_.reset();
      entry_.reset();
    }
  }
  return wanted - out.size();
}

// Sources are checked before the member's first byte goes out (docs/format.md §2).
void TapeStream::enter(Entry entry) {
  entry_ = std::move(entry);
  ended_ = false;
  header_ = encode_header(entry_->member);
  if (header_.size() != entry_->header_blocks * kBlockSize)
    throw Error(ErrorKind::corrupt,
                "catalog: entry " + shown(entry_->path) + ": its header has another size");
  const bool regular = entry_->member.type == MemberType::regular && entry_->member.size > 0;
  const bool body_left = position_ < entry_->body() + entry_->member.size;
  if (regular && body_left) {
    body_ = std::make_unique<Body>(*this, *entry_);
  } else if (!regular) {
    check_without_body();
  }
  if (observer_ != nullptr) observer_->member_starts(*entry_, position_ != entry_->offset);
}

// Symlinks: the target. Empty files: still empty. Directories and the rest: existence and type.
void TapeStream::check_without_body() {
  const Entry& entry = *entry_;
  SourceStat found;
  std::string target;
  const auto failure = failure_of([&] {
    found = tree_.stat(entry.path);
    if (found.kind == SourceKind::symlink) target = tree_.read_link(entry.path);
  });
  if (failure && failure->kind() == ErrorKind::exhausted) throw Error(*failure);
  if (failure) changed(entry.path, failure->what());
  if (found.kind != entry.source.kind) changed(entry.path, "it is of another type");
  if (entry.member.type == MemberType::symlink && target != entry.member.target)
    changed(entry.path, "it leads elsewhere");
  if (entry.member.type != MemberType::regular) return;
  const std::string why = difference(found, entry.source);
  if (!why.empty()) changed(entry.path, why);
}

void TapeStream::read_member(MutableBytes& out) {
  const Entry& entry = *entry_;
  const TapeOffset body_end = entry.body() + entry.member.size;
  const auto advance = [&](std::size_t n) {
    out = out.subspan(n);
    position_ = position_ + n;
  };
  if (position_ < entry.body()) {
    const ByteCount from = position_ - entry.offset;
    const std::size_t n = std::min<ByteCount>(out.size(), header_.size() - from);
    std::memcpy(out.data(), header_.data() + from, n);
    advance(n);
  } else if (position_ < body_end) {
    const std::size_t n = std::min<ByteCount>(out.size(), body_end - position_);
    body_->read(file_of_tape(entry.body(), position_), out.first(n));
    advance(n);
  } else {
    const std::size_t n = std::min<ByteCount>(out.size(), entry.end() - position_);
    std::fill_n(out.begin(), n, 0);
    advance(n);
  }
  if (position_ >= body_end && !ended_) leave();
}

void TapeStream::leave() {
  ended_ = true;
  std::optional<Hash128> hash;
  if (body_) {
    body_->check();
    hash = body_->hash();
  } else if (entry_->member.type == MemberType::regular && entry_->member.size == 0) {
    hash = xxh3_128({});
  }
  if (observer_ != nullptr) observer_->member_ends(*entry_, hash);
}

}  // namespace tape
