#include "tape/foreign_tape.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "codec/digest.h"
#include "format/path_order.h"
#include "format/tar_format.h"
#include "format/tar_layout.h"
#include "tape/error.h"
#include "tape/foreign_tar.h"
#include "tape/tar_index.h"

namespace tape {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
// Points lie close: a member is inflated from half of that in front of it.
constexpr ByteCount kSpacing = ByteCount{1} << 20;
constexpr std::size_t kCopyBytes = std::size_t{1} << 20;

// A name as tar restores it: below the folder restored to, without `.` and empty components.
std::string clean_path(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (part.empty() || part == ".") continue;
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

}  // namespace

// A member of the stream.
struct ForeignTape::Planned {
  std::string path;
  std::string target;           // of a hard link: a path
  std::uint64_t header_at = 0;  // in the file of headers
  std::uint32_t header_size = 0;
  std::uint32_t header_blocks = 0;  // on the tape
  std::uint32_t nanoseconds = 0;
  MemberType type = MemberType::regular;
  bool left_out = false;
  std::uint64_t body = 0;  // in the content
  ByteCount size = 0;
  Hash128 hash{};
  std::uint32_t content = kNone;  // the member whose content it has; itself, but for a hard link
  std::uint32_t first = kNone;    // on the tape: the member that it is a hard link to
};

// The first time through the stream.
class ForeignTape::Reading {
 public:
  explicit Reading(ForeignTape& tape)
      : tape_(tape), tar_([this](const ForeignMember& member) { meet(member); }) {}

  void write(ByteView content) {
    tar_.write(content);
    while (next_ < tape_.planned_.size() && hash(content)) {
    }
    position_ += content.size();
  }

  void finish() { tar_.finish(); }

 private:
  void meet(const ForeignMember& found) {
    if (tape_.planned_.size() == kTarIndexMembersMax)
      throw Error(ErrorKind::unsupported,
                  "more than " + std::to_string(kTarIndexMembersMax) + " members");
    Planned planned;
    planned.content = static_cast<std::uint32_t>(tape_.planned_.size());
    planned.path = clean_path(found.member.name);
    planned.type = found.member.type;
    planned.body = found.body;
    planned.size = found.member.size;
    planned.nanoseconds = found.member.mtime.nanoseconds;
    const std::string why = put_header(found, planned);
    if (!why.empty()) tape_.leave_out(planned, why);
    tape_.planned_.push_back(std::move(planned));
  }

  // As it would stand on the tape. Why it cannot, or empty.
  std::string put_header(const ForeignMember& found, Planned& planned) {
    if (found.sparse) return "a sparse file of GNU tar, whose map of holes is not read";
    if (!found.known) return "a member of type `" + shown(std::string(1, found.typeflag)) + "`";
    Member member = found.member;
    member.name = planned.path;
    if (member.type == MemberType::directory) member.name += planned.path.empty() ? "./" : "/";
    if (member.type == MemberType::hard_link)
      member.target = planned.target = clean_path(member.target);
    std::string why = why_not_on_tape(member);
    if (!why.empty()) return why;
    const Bytes header = encode_header(member);
    planned.header_at = headers_;
    planned.header_size = static_cast<std::uint32_t>(header.size());
    tape_.headers_file_->out().write(header);
    headers_ += header.size();
    return "";
  }

  // Of the member under way what is in `content`. False: it goes on behind.
  bool hash(ByteView content) {
    Planned& planned = tape_.planned_[next_];
    const std::uint64_t end = planned.body + planned.size;
    const std::uint64_t here = position_ + content.size();
    const std::uint64_t from = std::max(planned.body, position_);
    if (from < std::min(end, here))
      hash_.update(content.subspan(from - position_, std::min(end, here) - from));
    if (end > here) return false;
    planned.hash = hash_.digest();
    hash_.reset();
    ++next_;
    return true;
  }

  ForeignTape& tape_;
  ForeignTarParser tar_;
  std::uint64_t position_ = 0;  // of the content
  std::uint64_t headers_ = 0;   // bytes in their file
  std::size_t next_ = 0;        // whose content is hashed
  Xxh3Stream hash_;
};

ForeignTape::ForeignTape(const RangeSource& stream,
                         std::size_t piece,
                         const std::string& folder,
                         ForeignTapeEvents events)
    : events_(std::move(events)),
      index_file_(create_scratch_file(folder)),
      windows_file_(create_scratch_file(folder)),
      headers_file_(create_scratch_file(folder)) {
  Reading reading(*this);
  const ByteReader in = read_through(stream, piece);
  ByteCount done = 0;
  stream_ = build_gzip_index(
      [&](MutableBytes out) {
        if (events_.progress) events_.progress(done, stream.size());
        const std::size_t n = in(out);
        done += n;
        return n;
      },
      [&](ByteView content) { reading.write(content); },
      {index_file_->out(), windows_file_->out(), windows_file_->in()}, {kSpacing});
  reading.finish();
  settle_links();
  lay_out();
  index_ = std::make_unique<GzipIndex>(index_file_->in());
  content_ = std::make_unique<GzipContentReader>(stream, *index_);
  content_->keep(kForeignKept);
}

ForeignTape::~ForeignTape() = default;

void ForeignTape::leave_out(Planned& planned, const std::string& why) {
  planned.left_out = true;
  ++left_out_;
  if (events_.left_out) events_.left_out(shown(planned.path), why);
}

// A hard link is to the member of that name that was the last in front of it. Then, of each path
// the last member is on the tape, in the order of paths.
void ForeignTape::settle_links() {
  std::vector<std::uint32_t> sorted(planned_.size());
  for (std::uint32_t i = 0; i < sorted.size(); ++i)
    sorted[i] = i;
  std::stable_sort(sorted.begin(), sorted.end(), [this](std::uint32_t a, std::uint32_t b) {
    return compare_paths(planned_[a].path, planned_[b].path) < 0;
  });
  for (std::uint32_t i = 0; i < planned_.size(); ++i) {
    Planned& link = planned_[i];
    if (link.type != MemberType::hard_link || link.left_out) continue;
    const auto behind = std::upper_bound(
        sorted.begin(), sorted.end(), i, [this, &link](std::uint32_t at, std::uint32_t other) {
          const std::string& path = planned_[other].path;
          return path == link.target ? at <= other : compare_paths(link.target, path) < 0;
        });
    const Planned* first = behind == sorted.begin() ? nullptr : &planned_[*(behind - 1)];
    if (first == nullptr || first->path != link.target || first->type == MemberType::directory) {
      leave_out(link, "a hard link to " + shown(link.target) + ", which is no file in front of it");
    } else if (first->left_out) {
      leave_out(link, "a hard link to " + shown(link.target) + ", which is left out");
    } else {
      link.content = first->content;
    }
  }
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const bool last =
        i + 1 == sorted.size() || planned_[sorted[i]].path != planned_[sorted[i + 1]].path;
    if (last && !planned_[sorted[i]].left_out) order_.push_back(sorted[i]);
  }
}

// Of all names of one content the first in path order has it; the others are hard links to that.
void ForeignTape::lay_out() {
  std::vector<std::uint32_t> first_of(planned_.size(), kNone);
  TapeOffset end;
  for (const std::uint32_t number : order_) {
    Planned& planned = planned_[number];
    std::uint32_t& first = first_of[planned.content];
    planned.first = first;
    if (first == kNone) first = number;
    const bool as_stored = planned.first == kNone
                               ? planned.content == number
                               : planned.type == MemberType::hard_link &&
                                     planned.target == planned_[planned.first].path;
    const ByteCount header =
        as_stored ? planned.header_size : encode_header(member_of(number)).size();
    planned.header_blocks = static_cast<std::uint32_t>(header / kBlockSize);
    const bool has_body = planned.first == kNone;
    end = end + header + (has_body ? padded(planned_[planned.content].size) : 0);
  }
  size_ = end.value() + kEndBlocks * kBlockSize;
}

Member ForeignTape::stored(const Planned& planned) const {
  Bytes header(planned.header_size);
  headers_file_->in().read_at(GzOffset(planned.header_at), header);
  Member member = decode_header(header);
  member.mtime.nanoseconds = planned.nanoseconds;
  return member;
}

// As it stands on the tape.
Member ForeignTape::member_of(std::uint32_t number) const {
  const Planned& planned = planned_[number];
  if (planned.first == kNone) {
    Member member = stored(planned_[planned.content]);
    if (planned.content != number) member.name = planned.path;
    return member;
  }
  Member member = stored(planned);
  member.type = MemberType::hard_link;
  member.size = 0;
  member.device_major = member.device_minor = 0;
  member.target = planned_[planned.first].path;
  return member;
}

void ForeignTape::play(VolumeWriter& volume) {
  for (const std::uint32_t number : order_) {
    const Planned& planned = planned_[number];
    Entry entry;
    entry.path = planned.path;
    entry.member = member_of(number);
    entry.offset = position_;
    entry.header_blocks = planned.header_blocks;
    const bool regular = entry.member.type == MemberType::regular;
    const Planned& content = planned_[planned.content];
    volume.member_starts(entry, {});
    volume.member_ends(
        entry, {regular ? std::optional(content.hash) : std::nullopt, Outcome::as_recorded, {}});
    const Bytes header = encode_header(entry.member);
    TAPE_ASSERT(header.size() == planned.header_blocks * kBlockSize);
    volume.write(header);
    if (regular) play_body(content, volume);
    position_ = entry.end();
    if (events_.progress) events_.progress(position_.value(), size_);
  }
  volume.write(Bytes(kEndBlocks * kBlockSize));
}

void ForeignTape::play_body(const Planned& planned, VolumeWriter& volume) {
  content_->expect(planned.body, planned.size);
  Bytes buffer(std::min<ByteCount>(kCopyBytes, planned.size));
  Xxh3Stream hash;
  for (ByteCount done = 0; done < planned.size;) {
    const auto piece =
        MutableBytes(buffer).first(std::min<ByteCount>(buffer.size(), planned.size - done));
    const std::size_t n = content_->read_at(planned.body + done, piece);
    if (n != piece.size()) break;
    hash.update(piece);
    volume.write(piece);
    done += n;
    if (events_.progress) events_.progress(position_.value() + done, size_);
  }
  if (hash.digest() != planned.hash)
    throw Error(
        ErrorKind::object_changed,
        shown(planned.path) + ": is not what was read first: the archive changed meanwhile");
  volume.write(Bytes(padding_of(planned.size)));
}

}  // namespace tape
