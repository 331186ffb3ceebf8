#include "tape/foreign_archive.h"

#include <algorithm>
#include <cctype>

#include "restore/foreign_member.h"
#include "tape/error.h"

namespace tape {

// A member's header and body out of the content.
class ForeignArchive::Reader final : public MemberReader {
 public:
  Reader(GzipContentReader& content, const TarIndexEntry& entry, Member header)
      : content_(content), header_(std::move(header)), at_(entry.body), left_(header_.size) {}

  const Member& header() const override { return header_; }
  std::size_t read(MutableBytes out) override {
    out = out.first(static_cast<std::size_t>(std::min<ByteCount>(out.size(), left_)));
    if (out.empty()) return 0;
    if (content_.read_at(at_, out) != out.size())
      throw Error(ErrorKind::corrupt, shown(header_.name) + ": the archive ends in its content");
    at_ += out.size();
    left_ -= out.size();
    return out.size();
  }
  HashResult finish() override { return HashResult::not_kept; }

 private:
  GzipContentReader& content_;
  const Member header_;
  std::uint64_t at_;
  ByteCount left_;
};

class ForeignCursor final : public RecordCursor {
 public:
  ForeignCursor(ForeignArchive& archive, std::string_view top) : archive_(archive), top_(top) {}
  std::optional<MemberRecord> next() override {
    while (at_ < archive_.entries_.size()) {
      const auto number = static_cast<std::uint32_t>(at_++);
      const std::string_view path = path_of(archive_.entries_[number].name);
      if (path_within(path, top_) && !archive_.is_shadowed(number))
        return archive_.record_of(number);
    }
    return std::nullopt;
  }

 private:
  ForeignArchive& archive_;
  const std::string top_;
  std::size_t at_ = 0;
};

ForeignArchive::ForeignArchive(const RangeSource& stream,
                               const RangeSource& gzip_index,
                               std::vector<TarIndexEntry> entries)
    : stream_(stream), index_(gzip_index), content_(stream, index_), entries_(std::move(entries)) {
  const auto& size = index_.content_size();
  if (size && !entries_.empty() && entries_.back().body > *size)
    not_its_index(entries_.back(), "the content has " + std::to_string(*size) + " bytes");
  by_path_.resize(entries_.size());
  for (std::uint32_t i = 0; i < by_path_.size(); ++i)
    by_path_[i] = i;
  const auto path = [this](std::uint32_t number) { return path_of(entries_[number].name); };
  std::stable_sort(by_path_.begin(), by_path_.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return path_before(path(a), path(b)); });
  // Of each path the last.
  std::reverse(by_path_.begin(), by_path_.end());
  by_path_.erase(std::unique(by_path_.begin(), by_path_.end(),
                             [&](std::uint32_t a, std::uint32_t b) { return path(a) == path(b); }),
                 by_path_.end());
  std::reverse(by_path_.begin(), by_path_.end());
}

ForeignArchive::~ForeignArchive() = default;

std::optional<std::uint32_t> ForeignArchive::numbered(std::string_view path) const {
  const auto found = std::lower_bound(by_path_.begin(), by_path_.end(), path,
                                      [this](std::uint32_t number, std::string_view wanted) {
                                        return path_before(path_of(entries_[number].name), wanted);
                                      });
  if (found == by_path_.end() || path_of(entries_[*found].name) != path) return std::nullopt;
  return *found;
}

bool ForeignArchive::is_shadowed(std::uint32_t number) const {
  return numbered(path_of(entries_[number].name)) != number;
}

ForeignMember ForeignArchive::header_of(const TarIndexEntry& entry) {
  const ByteCount blocks = entry.body - entry.offset;
  if (blocks > kHeaderSizeMax + 2 * kForeignNameMax)
    not_its_index(entry, "a header of " + std::to_string(blocks) + " bytes");
  Bytes bytes(blocks);
  std::optional<ForeignMember> found;
  ForeignTarParser parser([&](const ForeignMember& member) { found = member; }, entry.offset);
  if (content_.read_at(entry.offset, bytes) != bytes.size())
    not_its_index(entry, "the content ends before");
  const auto failure = failure_of([&] { parser.write(bytes); });
  if (failure) not_its_index(entry, failure->what());
  if (!found || !is_of(*found, entry)) not_its_index(entry, "another header stands there");
  // A `g` header somewhere in front of it may have the last word.
  if (entry.typeflag && found->member.mtime.seconds != entry.mtime)
    found->member.mtime = {entry.mtime, 0};
  return std::move(*found);
}

// What an index by others does not say.
void ForeignArchive::resolve(TarIndexEntry& entry) {
  if (entry.typeflag) return;
  content_.expect(entry.offset, entry.body - entry.offset);
  const ForeignMember found = header_of(entry);
  entry.typeflag = found.sparse ? 'S' : found.typeflag;
  entry.target = found.member.target;
  entry.mode = found.member.mode;
  entry.mtime = found.member.mtime.seconds;
}

MemberRecord ForeignArchive::record_of(std::uint32_t number) {
  TarIndexEntry& entry = entries_[number];
  resolve(entry);
  MemberRecord out;
  out.path = path_of(entry.name);
  out.type =
      is_known(*entry.typeflag) ? static_cast<MemberType>(*entry.typeflag) : MemberType::regular;
  out.offset = static_cast<std::int64_t>(entry.offset);
  out.header_blocks = (entry.body - entry.offset) / kBlockSize;
  out.size = out.type == MemberType::regular ? entry.size : 0;
  out.mode = entry.mode;
  out.mtime.seconds = entry.mtime;
  out.target = out.type == MemberType::hard_link ? path_of(entry.target) : entry.target;
  if (!out.target.empty()) out.flags = kRecordTarget;
  return out;
}

std::optional<MemberRecord> ForeignArchive::find(std::string_view path) {
  const auto number = numbered(path);
  if (!number) return std::nullopt;
  return record_of(*number);
}

std::optional<std::string> ForeignArchive::first_path() {
  if (by_path_.empty()) return std::nullopt;
  return std::string(path_of(entries_[by_path_.front()].name));
}

bool ForeignArchive::is_rooted(const std::string& first) {
  if (by_path_.size() == 1) return record_of(by_path_.front()).type == MemberType::directory;
  // What lies below one path stands together.
  return !by_path_.empty() && path_within(path_of(entries_[by_path_.back()].name), first);
}

std::vector<std::string> ForeignArchive::neighbours(std::string_view path, std::size_t count) {
  const auto near = std::lower_bound(by_path_.begin(), by_path_.end(), path,
                                     [this](std::uint32_t number, std::string_view wanted) {
                                       return path_before(path_of(entries_[number].name), wanted);
                                     });
  const auto before =
      std::min<std::ptrdiff_t>(near - by_path_.begin(), static_cast<std::ptrdiff_t>(count / 2));
  std::vector<std::string> out;
  for (auto at = near - before; at != by_path_.end() && out.size() < count; ++at)
    out.emplace_back(path_of(entries_[*at].name));
  return out;
}

std::unique_ptr<RecordCursor> ForeignArchive::records_below(std::string_view top, const Damage&) {
  return std::make_unique<ForeignCursor>(*this, top);
}

ForeignArchive::Place ForeignArchive::locate(std::uint64_t at, ByteCount size) const {
  const auto& points = index_.points();
  const std::size_t first = index_.point_at(at);
  const GzipPoint& point = points[first];
  const auto behind =
      std::find_if(points.begin() + static_cast<std::ptrdiff_t>(first) + 1, points.end(),
                   [&](const GzipPoint& next) { return next.content >= at + size; });
  const GzOffset end =
      behind == points.end() ? GzOffset(index_.compressed_size()) : behind->compressed;
  Place out;
  const GzOffset begin =
      first == 0 ? GzOffset(0) : GzOffset(point.compressed.value() - (point.bits == 0 ? 0 : 1));
  out.stream = {begin, end - begin};
  out.bits = point.bits;
  out.skip = at - point.content;
  if (point.has_window) out.window = index_.window_place(first);
  return out;
}

std::unique_ptr<MemberReader> ForeignArchive::open(const MemberRecord& record) {
  const auto found = std::lower_bound(
      entries_.begin(), entries_.end(), static_cast<std::uint64_t>(record.offset),
      [](const TarIndexEntry& entry, std::uint64_t at) { return entry.offset < at; });
  const TarIndexEntry& entry = *found;
  if (entry.typeflag && !is_known(*entry.typeflag)) {
    const bool sparse = *entry.typeflag == 'S';
    throw Error(
        ErrorKind::unsupported,
        shown(entry.name) +
            (sparse ? ": a sparse file of GNU tar, whose map of holes is not read"
                    : ": a member of type `" + shown(std::string(1, *entry.typeflag)) + "`"),
        "tar -xzf knows it");
  }
  content_.expect(entry.offset, entry.body - entry.offset + record.size);
  return std::make_unique<Reader>(content_, entry, header_of(entry).member);
}

}  // namespace tape
