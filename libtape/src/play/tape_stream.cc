#include "tape/tape_stream.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "codec/digest.h"
#include "format/filling.h"
#include "format/tar_format.h"
#include "format/tar_layout.h"
#include "tape/error.h"
#include "tape/fields.h"

namespace tape {
namespace {

constexpr std::size_t kPushBytes = std::size_t{1} << 20;
constexpr std::size_t kReadAgainBytes = std::size_t{256} * 1024;

std::string written(const Timestamp& time) {
  std::string fraction = std::to_string(time.nanoseconds);
  return std::to_string(time.seconds) + "." + std::string(9 - fraction.size(), '0') + fraction;
}

std::string size_difference(const SourceStat& found, const SourceStat& recorded) {
  if (found.size == recorded.size) return "";
  return "it has " + std::to_string(found.size) + " bytes, had " + std::to_string(recorded.size);
}

// What a file must still be when it is opened (docs/format.md §2): type, size and mtime; not device
// and inode, which change with a reboot or a copy. Empty: it is.
std::string difference(const SourceStat& found, const SourceStat& recorded) {
  if (found.kind != recorded.kind) return "it is of another type";
  if (std::string size = size_difference(found, recorded); !size.empty()) return size;
  if (found.mtime != recorded.mtime)
    return "its mtime is " + written(found.mtime) + ", was " + written(recorded.mtime);
  return "";
}

bool same_times(const SourceStat& a, const SourceStat& b) {
  return a.mtime == b.mtime && a.ctime == b.ctime;
}

// A full disk or table of files is no property of one entry.
void rethrow_if_exhausted(const std::optional<Error>& failure) {
  if (failure && failure->kind() == ErrorKind::exhausted) throw Error(*failure);
}

void put_time(FieldWriter& fields, const Timestamp& time) {
  fields.number(static_cast<std::uint64_t>(time.seconds));
  fields.number(time.nanoseconds);
}

Timestamp take_time(FieldReader& fields) {
  Timestamp time;
  time.seconds = static_cast<std::int64_t>(fields.number());
  time.nanoseconds = static_cast<std::uint32_t>(fields.number_to(999'999'999));
  return time;
}

}  // namespace

Bytes encode_position(const TapePosition& position) {
  Bytes out;
  FieldWriter fields(out);
  fields.number(position.at.value());
  fields.number(position.member ? 1 : 0);
  if (!position.member) return out;
  const OpenMember& open = *position.member;
  fields.number(static_cast<std::uint64_t>(open.outcome));
  fields.text(open.why);
  fields.number(open.opened ? 1 : 0);
  if (open.opened) {
    fields.number(open.opened->identity.device);
    fields.number(open.opened->identity.inode);
    fields.number(open.opened->size);
    put_time(fields, open.opened->mtime);
    put_time(fields, open.opened->ctime);
  }
  fields.number(open.taken);
  fields.blob(open.hash);
  return out;
}

TapePosition decode_position(ByteView bytes) {
  FieldReader fields(bytes);
  TapePosition out;
  out.at = TapeOffset(fields.number());
  if (fields.number_to(1) != 0) {
    OpenMember& open = out.member.emplace();
    open.outcome =
        static_cast<Outcome>(fields.number_to(static_cast<std::uint64_t>(Outcome::omitted)));
    open.why = fields.text();
    if (fields.number_to(1) != 0) {
      SourceStat& opened = open.opened.emplace();
      opened.identity.device = fields.number();
      opened.identity.inode = fields.number();
      opened.size = fields.number();
      opened.mtime = take_time(fields);
      opened.ctime = take_time(fields);
    }
    open.taken = fields.number();
    const ByteView hash = fields.blob();
    open.hash.assign(hash.begin(), hash.end());
  }
  fields.expect_end();
  return out;
}

// The content of the regular file under way.
class TapeStream::Body {
 public:
  // Opens the file under one of its names, rather one under which it is as recorded. Not open:
  // `why` says why not.
  Body(TapeStream& stream, const Entry& entry) : entry_(entry) {
    std::unique_ptr<SourceFile> other;
    SourceStat other_stat;
    const auto try_name = [&](const std::string& name) {
      const std::string reason = try_open(stream.tree_, name);
      if (reason.empty()) return true;
      if (why.empty()) why = reason;
      if (file_ && !other) {
        other = std::move(file_);
        other_stat = opened;
      }
      return false;
    };
    if (try_name(entry.path)) return;
    // A file with several names is tried under each of them.
    for (const std::string& name : stream.catalog_.names_of(entry)) {
      if (name != entry.path && try_name(name)) {
        why.clear();
        return;
      }
    }
    file_ = std::move(other);
    opened = other_stat;
  }

  bool is_open() const { return file_ != nullptr; }

  // Fills `out` from `at`. False: what is not there is zero, and `why` says where it ended. A
  // failing disk ends a file too.
  bool read(FileOffset at, MutableBytes out, bool zero_at_failure) {
    std::size_t done = 0;
    const auto failure = failure_of([&] { done = file_->read_at(at, out); });
    rethrow_if_exhausted(failure);
    if (failure && !zero_at_failure) throw Error(*failure);
    if (done != out.size()) {
      std::fill(out.begin() + static_cast<std::ptrdiff_t>(done), out.end(), 0);
      why = failure ? failure->what()
                    : "it ended at byte " + std::to_string(at.value() + done) + " of " +
                          std::to_string(entry_.member.size);
    }
    if (at == hashed_) {
      hash_.update(out);
      hashed_ = hashed_ + out.size();
    }
    return done == out.size();
  }

  SourceStat stat() const { return file_->stat(); }

  std::optional<Hash128> hash() const {
    if (hashed_.value() != entry_.member.size) return {};
    return hash_.digest();
  }

  FileOffset hashed() const { return hashed_; }
  Bytes hash_state() const { return hash_.save(); }
  // Goes on from a hash over the first `taken` bytes. False: of another version.
  bool load_hash(ByteCount taken, ByteView state) {
    if (!hash_.load(state)) return false;
    hashed_ = FileOffset(taken);
    return true;
  }

  std::string why;
  SourceStat opened;

 private:
  std::string try_open(SourceTree& tree, const std::string& path) {
    file_.reset();
    const auto failure = failure_of([&] {
      auto file = tree.open(path);
      opened = file->stat();
      file_ = std::move(file);
    });
    rethrow_if_exhausted(failure);
    return failure ? failure->what() : difference(opened, entry_.source);
  }

  const Entry& entry_;
  std::unique_ptr<SourceFile> file_;
  Xxh3Stream hash_;
  FileOffset hashed_;
};

// The range of an omitted member.
class TapeStream::Filled {
 public:
  Filled(Catalog& catalog, const Entry& entry)
      : filling((entry.end() - entry.offset) / kBlockSize, block_for(catalog, entry)) {}

  const Filling filling;

 private:
  // The nearest ancestor that is a member and whose name needs no pax.
  static Bytes block_for(Catalog& catalog, const Entry& entry) {
    std::string path = member_path(entry.member.name, entry.member.type);
    while (!path.empty()) {
      const std::size_t slash = path.rfind('/');
      path.resize(slash == std::string::npos ? 0 : slash);
      const auto ancestor = catalog.find(path);
      if (ancestor && ancestor->member.type == MemberType::directory &&
          split_name(ancestor->member.name))
        return directory_block(ancestor->member);
    }
    return directory_block({});
  }
};

TapeStream::TapeStream(Catalog& catalog,
                       SourceTree& tree,
                       MemberObserver* observer,
                       OnChange on_change)
    : catalog_(catalog),
      tree_(tree),
      observer_(observer),
      on_change_(on_change),
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
  filled_.reset();
  entry_.reset();
  cursor_ = catalog_.entries_from(at);
  position_ = started_ = at;
}

void TapeStream::announce_to(MemberObserver* observer) {
  observer_ = observer;
  if (entry_ && observer_ != nullptr)
    observer_->member_starts(*entry_, {true, outcome_ == Outcome::omitted});
}

TapePosition TapeStream::state() const {
  TapePosition out;
  out.at = position_;
  if (!entry_) return out;
  OpenMember& open = out.member.emplace();
  open.outcome = outcome_;
  open.why = why_;
  if (body_) {
    open.opened = body_->opened;
    open.taken = body_->hashed().value();
    open.hash = body_->hash_state();
  }
  return out;
}

void TapeStream::resume(const TapePosition& position, std::set<TapeOffset> omitted) {
  seek(position.at);
  started_ = TapeOffset(0);  // `omitted` speaks for everything in front
  omitted_ = std::move(omitted);
  if (!position.member) return;
  auto entry = cursor_->next();
  if (!entry || entry->offset >= position_ || entry->end() <= position_)
    throw Error(ErrorKind::corrupt,
                "no member is under way at tape offset " + std::to_string(position_.value()));
  take_entry(std::move(*entry));
  const OpenMember& open = *position.member;
  outcome_ = open.outcome;
  why_ = open.why;
  const TapeOffset body_end = entry_->body() + entry_->member.size;
  if (outcome_ == Outcome::omitted) {
    omitted_.insert(entry_->offset);  // it had not ended, so `omitted` does not speak of it
    filled_ = std::make_unique<Filled>(catalog_, *entry_);
    return;
  }
  // Behind the last body byte the member was checked and its end announced.
  ended_ = position_ >= body_end && position_ > entry_->offset;
  if (ended_ || !open.opened) return;
  body_ = std::make_unique<Body>(*this, *entry_);
  const SourceStat& now = body_->opened;
  const SourceStat& then = *open.opened;
  if (!body_->is_open() || now.identity != then.identity || now.size != then.size ||
      !same_times(now, then)) {
    body_.reset();
    settle(Outcome::torn, "it is not the file that was being read when the run was interrupted");
    return;
  }
  if (open.taken > entry_->member.size ||
      entry_->body() + open.taken > std::max(position_, entry_->body()))
    throw Error(ErrorKind::corrupt, "saved state: more was taken of a file than went out");
  if (body_->load_hash(open.taken, open.hash)) return;
  // Another version of the hash: the file is the same, so it is read once more.
  Bytes buffer(kReadAgainBytes);
  for (ByteCount done = 0; done < open.taken;) {
    const std::size_t n = std::min<ByteCount>(buffer.size(), open.taken - done);
    read_source(FileOffset(done), MutableBytes(buffer).first(n));
    done += n;
    read_again_ += n;
  }
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
    begin_member();
    read_member(out);
    if (position_ == entry_->end()) {
      body_.reset();
      filled_.reset();
      entry_.reset();
    }
  }
  return wanted - out.size();
}

void TapeStream::write_to(ByteSink& sink) {
  Bytes buffer(kPushBytes);
  while (const std::size_t n = read(buffer))
    sink.write(ByteView(buffer).first(n));
}

void TapeStream::begin_member() {
  if (entry_) return;
  if (position_.value() >= size() - kEndBlocks * kBlockSize)
    throw Error(ErrorKind::usage, "no member begins at tape offset " +
                                      std::to_string(position_.value()) + ": the end blocks");
  auto next = cursor_->next();
  if (!next || next->offset > position_ || next->end() <= position_)
    throw Error(ErrorKind::corrupt,
                "catalog: no entry holds tape offset " + std::to_string(position_.value()));
  enter(std::move(*next));
}

void TapeStream::take_entry(Entry entry) {
  entry_ = std::move(entry);
  ended_ = false;
  outcome_ = Outcome::as_recorded;
  why_.clear();
  header_ = encode_header(entry_->member, catalog_.summary().profile);
  if (header_.size() != entry_->header_blocks * kBlockSize)
    throw Error(ErrorKind::corrupt,
                "catalog: entry " + shown(entry_->path) + ": its header has another size");
}

// Sources are checked before the member's first byte goes out (docs/format.md §2).
void TapeStream::enter(Entry entry) {
  take_entry(std::move(entry));
  open_source();
  if (observer_ != nullptr)
    observer_->member_starts(*entry_, {position_ != entry_->offset, outcome_ == Outcome::omitted});
}

void TapeStream::open_source() {
  const bool with_body = entry_->member.type == MemberType::regular && entry_->member.size > 0;
  if (!with_body) {
    if (entry_->first && was_omitted(*entry_->first))
      return omit("the file that it links to was omitted");
    if (const std::string why = difference_without_body(); !why.empty())
      settle(Outcome::changed, why);
    return;
  }
  // A seek into the padding needs no file, unless its absence would change the padding.
  const bool body_left = position_ < entry_->body() + entry_->member.size;
  if (!body_left && on_change_ == OnChange::stop) return;
  body_ = std::make_unique<Body>(*this, *entry_);
  if (!body_->is_open()) {
    const std::string why = body_->why;
    body_.reset();
    return omit(why);
  }
  if (on_change_ == OnChange::stop) {
    if (!body_->why.empty()) settle(Outcome::changed, body_->why);
  } else if (body_->opened.size < entry_->member.size) {
    settle(Outcome::torn, size_difference(body_->opened, entry_->source));
  }
}

// Whether the file that a hard link leads to has no content on this tape. Behind a seek nobody has
// looked at it yet.
bool TapeStream::was_omitted(TapeOffset first) {
  if (on_change_ == OnChange::stop) return false;
  if (first >= started_ || omitted_.contains(first)) return omitted_.contains(first);
  const auto entry = catalog_.entry_at(first);
  if (!entry || entry->member.type != MemberType::regular || entry->member.size == 0) return false;
  return !Body(*this, *entry).is_open();
}

void TapeStream::omit(const std::string& why) {
  if (!catalog_.summary().single_file) {
    settle(Outcome::omitted, why);
    omitted_.insert(entry_->offset);
    filled_ = std::make_unique<Filled>(catalog_, *entry_);
    return;
  }
  throw Error(ErrorKind::source_changed, shown(entry_->path) + ": " + why,
              "it is all there is to archive");
}

void TapeStream::settle(Outcome outcome, const std::string& why) {
  if (on_change_ == OnChange::stop) {
    const std::string& path = entry_->path;
    throw Error(ErrorKind::source_changed,
                (path.empty() ? "the source" : shown(path)) + ": changed since the scan: " + why,
                "scan again (pack does both) when nothing writes to the tree");
  }
  outcome_ = outcome;
  why_ = why;
}

// Symlinks: the target. Empty files: still empty. Directories and the rest: existence and type.
std::string TapeStream::difference_without_body() {
  const Entry& entry = *entry_;
  SourceStat found;
  std::string target;
  const auto failure = failure_of([&] {
    found = tree_.stat(entry.path);
    if (found.kind == SourceKind::symlink) target = tree_.read_link(entry.path);
  });
  rethrow_if_exhausted(failure);
  if (failure) return failure->what();
  if (found.kind != entry.source.kind) return "it is of another type";
  if (entry.member.type == MemberType::symlink && target != entry.member.target)
    return "it leads elsewhere";
  // Of a hard link, too: another file may have its name.
  if (found.kind != SourceKind::regular) return "";
  if (entry.member.type != MemberType::hard_link) return difference(found, entry.source);
  SourceStat recorded = entry.source;
  recorded.size = found.size;  // a link's row has none
  return difference(found, recorded);
}

void TapeStream::read_member(MutableBytes& out) {
  const Entry& entry = *entry_;
  const TapeOffset body_end = entry.body() + entry.member.size;
  const TapeOffset limit = filled_                    ? entry.end()
                           : position_ < entry.body() ? entry.body()
                           : position_ < body_end     ? body_end
                                                      : entry.end();
  const std::size_t n = std::min<ByteCount>(out.size(), limit - position_);
  const ByteCount from = position_ - entry.offset;
  if (filled_) {
    filled_->filling.read(from, out.first(n));
  } else if (position_ < entry.body()) {
    std::memcpy(out.data(), header_.data() + from, n);
  } else if (position_ < body_end) {
    read_body(out.first(n));
  } else {
    std::fill_n(out.begin(), n, 0);
  }
  out = out.subspan(n);
  position_ = position_ + n;
  if (position_ >= (filled_ ? entry.end() : body_end) && !ended_) leave();
}

void TapeStream::read_body(MutableBytes out) {
  if (!body_) {
    // Torn, and its file is no longer there.
    std::fill(out.begin(), out.end(), 0);
    return;
  }
  read_source(file_of_tape(entry_->body(), position_), out);
}

// Each read behind the end of a torn file finds an end of its own: the first reason stays.
void TapeStream::read_source(FileOffset at, MutableBytes out) {
  const bool whole = body_->read(at, out, on_change_ == OnChange::mark);
  if (!whole && outcome_ != Outcome::torn) settle(Outcome::torn, body_->why);
}

// The outcomes in the order of docs/format.md §2: omitted, torn by identity or shortness, grew,
// torn by time, changed.
void TapeStream::leave() {
  ended_ = true;
  MemberEnd end;
  if (body_ && outcome_ != Outcome::torn) {
    SourceStat after;
    const auto failure = failure_of([&] { after = body_->stat(); });
    rethrow_if_exhausted(failure);
    const SourceStat& before = body_->opened;
    if (failure) {
      settle(Outcome::torn, failure->what());
    } else if (after.identity != before.identity || after.size < entry_->member.size) {
      settle(Outcome::torn, "it was cut or replaced while it was read");
    } else if (after.size > entry_->member.size) {
      settle(Outcome::grew, size_difference(after, entry_->source));
    } else if (after.size != before.size || !same_times(after, before)) {
      settle(Outcome::torn, "it was written to while it was read");
    } else if (!body_->why.empty()) {
      settle(Outcome::changed, body_->why);
    }
    if (outcome_ != Outcome::torn) end.hash = body_->hash();
  } else if (entry_->member.type == MemberType::regular && entry_->member.size == 0) {
    end.hash = xxh3_128({});
  }
  end.outcome = outcome_;
  end.why = why_;
  if (observer_ != nullptr) observer_->member_ends(*entry_, end);
}

}  // namespace tape
