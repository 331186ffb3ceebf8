#include "tape/archive.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/second_look.h"
#include "codec/digest.h"
#include "format/tar_format.h"
#include "format/tar_layout.h"
#include "restore/volume_file.h"
#include "tape/error.h"

namespace tape {
namespace {

[[noreturn]] void corrupt(const MemberRecord& record, const std::string& what) {
  throw Error(ErrorKind::corrupt, shown(record.name()) + ": " + what);
}

// The record is what a look-up goes by, the header what every other tool goes by.
void compare(const MemberRecord& record, const Member& header) {
  if (header.name != record.name()) corrupt(record, "its header names " + shown(header.name));
  if (header.type != record.type) corrupt(record, "its header and its record differ in type");
  if (header.size != record.size)
    corrupt(record, "its header says " + std::to_string(header.size) + " bytes, its record " +
                        std::to_string(record.size));
  if (header.target != record.target)
    corrupt(record, "its header leads to " + shown(header.target) + ", its record to " +
                        shown(record.target));
  const bool owner_differs =
      record.has(kRecordOwner) && (header.uid != record.uid || header.gid != record.gid);
  if (header.mode != record.mode || header.mtime.seconds != record.mtime.seconds || owner_differs)
    corrupt(record, "its header and its record differ in mode, mtime or owner");
}

ByteCount size_on_tape(const MemberRecord& record) {
  return record.header_blocks * kBlockSize + padded(record.size);
}

bool all_zero(const Bytes& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

// What of a volume cannot be used, while the others can.
bool is_damage(const Error& error) {
  return error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::unsupported;
}

// What costs a volume, and not the rest: a bad sector, too, and a file that may not be read.
bool is_loss(const Error& error) {
  return is_damage(error) || error.kind() == ErrorKind::io || error.kind() == ErrorKind::denied;
}

}  // namespace

// A member that goes on from volume to volume.
class ArchiveMember final : public MemberReader {
 public:
  ArchiveMember(Archive& archive, const MemberRecord& record);
  // The range of a member that has no content: its blocks as they stand.
  struct Filled {};
  ArchiveMember(Archive& archive, const MemberRecord& record, Filled);

  const Member& header() const override { return header_; }
  std::size_t read(MutableBytes out) override;
  HashResult finish() override;
  void check_padding();

 private:
  void enter_volume();
  void take(MutableBytes out);

  Archive& archive_;
  const MemberRecord record_;
  Member header_;
  TapeOffset position_;
  std::optional<std::size_t> volume_;  // that the place below is of
  GzRange pages_;                      // of the member in it
  GzOffset next_page_;                 // where the page of position_ is looked for
  ByteCount left_ = 0;
  Xxh3Stream hash_;
};

// Runs a step on a volume; its errors name the volume where there are several.
template <class Step>
decltype(auto) Archive::in_volume(std::size_t number, Step&& step) {
  const auto reader = volume(number);
  const std::string& name = volumes_[number].name;
  if (name.empty()) return step(*reader);
  return within(name, [&] { return step(*reader); });
}

ArchiveMember::ArchiveMember(Archive& archive, const MemberRecord& record, Filled)
    : archive_(archive),
      record_(record),
      position_(archive.offset_of(record)),
      left_(size_on_tape(record)) {}

ArchiveMember::ArchiveMember(Archive& archive, const MemberRecord& record)
    : ArchiveMember(archive, record, Filled{}) {
  Bytes blocks(record.header_blocks * kBlockSize);
  take(blocks);
  header_ = within(shown(record.name()), [&] { return decode_header(blocks); });
  compare(record, header_);
  header_.mtime.nanoseconds = record.mtime.nanoseconds;
  left_ = record.size;
}

// The place of the member in the volume where position_ lies: its record there says.
void ArchiveMember::enter_volume() {
  volume_ = archive_.volume_at(position_);
  pages_ = record_.pages;
  if (*volume_ != record_.volume) {
    const auto found = archive_.in_volume(
        *volume_, [&](VolumeFile& reader) { return reader.index().find(record_.path); });
    if (!found ||
        archive_.volumes_[*volume_].begin.value() + static_cast<std::uint64_t>(found->offset) !=
            archive_.offset_of(record_).value())
      corrupt(record_, "volume " + archive_.volumes_[*volume_].name + " does not know it");
    pages_ = found->pages;
  }
  archive_.reading_ = {*volume_, archive_.volume(*volume_)};
  archive_.in_volume(*volume_, [&](VolumeFile& reader) {
    if (pages_.end() > reader.index().root().extension)
      corrupt(record_, "its pages reach behind the data");
    reader.expect(pages_);
  });
  next_page_ = pages_.begin;
}

void ArchiveMember::take(MutableBytes out) {
  while (!out.empty()) {
    if (!volume_ || archive_.volume_at(position_) != *volume_) enter_volume();
    const std::size_t n = archive_.in_volume(*volume_, [&](VolumeFile& reader) {
      const RagzipGeometry& geometry = reader.ragzip().geometry();
      const ByteCount logical = position_ - archive_.volumes_[*volume_].begin;
      const std::uint64_t number = logical >> geometry.page_bits;
      if (number >= geometry.page_count) corrupt(record_, "it reaches behind the last page");
      GzOffset end;
      const ByteView page = reader.page(
          number, {next_page_, pages_.end() > next_page_ ? pages_.end() - next_page_ : 0}, end);
      const std::size_t from = logical - (number << geometry.page_bits);
      if (from >= page.size()) corrupt(record_, "it reaches behind the last page");
      const std::size_t size = std::min(out.size(), page.size() - from);
      std::memcpy(out.data(), page.data() + from, size);
      if (from + size == page.size()) next_page_ = end;
      return size;
    });
    out = out.subspan(n);
    position_ = position_ + n;
  }
}

std::size_t ArchiveMember::read(MutableBytes out) {
  const std::size_t n = std::min<ByteCount>(out.size(), left_);
  take(out.first(n));
  hash_.update(out.first(n));
  left_ -= n;
  return n;
}

HashResult ArchiveMember::finish() {
  TAPE_ASSERT(left_ == 0);
  if (!record_.has(kRecordHash)) return HashResult::none;
  return hash_.digest() == record_.hash ? HashResult::right : HashResult::wrong;
}

void ArchiveMember::check_padding() {
  Bytes padding(padded(record_.size) - record_.size);
  take(padding);
  if (!all_zero(padding)) corrupt(record_, "its padding is not zero");
}

Archive::Archive(const RangeSource& source) {
  open_.push_back({0, second_look([&] { return std::make_shared<VolumeFile>(source); },
                                  [&] { source.distrust(); })});
  ArchiveVolume& only = volumes_.emplace_back();
  only.tape_size = open_.front().reader->ragzip().geometry().logical_size;
}

Archive::Archive(std::vector<ArchiveVolume> volumes) : volumes_(std::move(volumes)) {
  TAPE_ASSERT(!volumes_.empty());
}

Archive::~Archive() = default;

RagzipReader& Archive::ragzip() {
  return volume(0)->ragzip();
}

MemberIndex& Archive::index() {
  return volume(0)->index();
}

std::shared_ptr<VolumeFile> Archive::volume(std::size_t number) {
  if (reading_.reader && reading_.number == number) return reading_.reader;
  const auto found = std::find_if(open_.begin(), open_.end(),
                                  [&](const Open& open) { return open.number == number; });
  if (found != open_.end()) {
    std::rotate(found, found + 1, open_.end());
    return open_.back().reader;
  }
  const ArchiveVolume& facts = volumes_[number];
  const auto open = [&] {
    return within(facts.name, [&] { return std::make_shared<VolumeFile>(facts.open(), facts); });
  };
  std::shared_ptr<VolumeFile> reader;
  const auto failure =
      failure_of([&] { reader = second_look(open, [&] { facts.open()->distrust(); }); });
  // The manifest names it, so its absence is damage.
  if (failure && failure->kind() == ErrorKind::not_found)
    throw Error(ErrorKind::corrupt, facts.name + ": the volume is missing");
  if (failure) throw Error(*failure);
  if (walk_) reader->expect_walk(*walk_);
  if (checking_) reader->begin_check();
  if (open_.size() == kOpenVolumesMax) open_.erase(open_.begin());
  open_.push_back({number, reader});
  return reader;
}

std::size_t Archive::volume_at(TapeOffset at) const {
  const auto behind =
      std::upper_bound(volumes_.begin(), volumes_.end(), at,
                       [](TapeOffset offset, const ArchiveVolume& v) { return offset < v.begin; });
  return static_cast<std::size_t>(behind - volumes_.begin()) - 1;
}

// The last volume whose first path is not behind `path`: where the member ends.
std::size_t Archive::volume_of(std::string_view path) const {
  for (std::size_t number = volumes_.size(); number-- > 1;) {
    const auto& first = volumes_[number].first_path;
    if (first && !path_before(path, *first)) return number;
  }
  return 0;
}

TapeOffset Archive::offset_of(const MemberRecord& record) const {
  return TapeOffset(volumes_[record.volume].begin.value() +
                    static_cast<std::uint64_t>(record.offset));
}

std::optional<MemberRecord> Archive::find(std::string_view path) {
  const std::size_t number = volume_of(path);
  auto record = in_volume(number, [&](VolumeFile& reader) { return reader.index().find(path); });
  if (record) record->volume = static_cast<std::uint32_t>(number);
  return record;
}

bool Archive::is_rooted(const std::string& first) {
  // Of a store: a backup is of one tree, or of a single file.
  if (volumes_.size() > 1) {
    for (std::size_t number = 1; number < volumes_.size(); ++number) {
      const auto& path = volumes_[number].first_path;
      if (path && *path != first) return path_within(*path, first);
    }
    return false;
  }
  const bool of_store = !volumes_.front().name.empty();
  if (of_store && index().root().height > 1) return true;
  const auto last = in_volume(0, [](VolumeFile& reader) { return reader.index().last_path(); });
  if (last && *last != first) return path_within(*last, first);
  const auto only = find(first);
  return only && only->type == MemberType::directory;
}

std::optional<std::string> Archive::first_path() {
  if (volumes_.size() > 1) return volumes_.front().first_path;
  return in_volume(0, [](VolumeFile& reader) { return reader.index().first_path(); });
}

std::vector<std::string> Archive::neighbours(std::string_view path, std::size_t count) {
  return in_volume(volume_of(path),
                   [&](VolumeFile& reader) { return reader.index().neighbours(path, count); });
}

// From volume to volume; a member that goes on in the next one comes from where it ends.
class ArchiveCursor final : public RecordCursor {
 public:
  ArchiveCursor(Archive& archive, std::string_view from, Archive::Damage damage)
      : archive_(archive), from_(from), damage_(std::move(damage)) {
    number_ = from.empty() ? 0 : archive.volume_of(from);
  }

  std::optional<MemberRecord> next() override {
    while (number_ < archive_.volumes_.size()) {
      std::optional<MemberRecord> record;
      const auto failure = failure_of([&] { record = next_in_volume(); });
      if (failure) {
        if (!damage_ || archive_.volumes_.size() == 1 || !is_loss(*failure)) throw Error(*failure);
        damage_(*failure);
        if (goes_on_)
          damage_({ErrorKind::corrupt, shown(goes_on_->name()) + ": it goes on in that volume"});
        goes_on_.reset();
        leave();
        continue;
      }
      if (!record) {
        leave();
        continue;
      }
      const bool later = record->has(kRecordLater) && number_ + 1 < archive_.volumes_.size();
      if (later) {
        goes_on_ = record;
      } else {
        return record;
      }
    }
    return std::nullopt;
  }

 private:
  std::optional<MemberRecord> next_in_volume() {
    return archive_.in_volume(number_, [&](VolumeFile& reader) {
      const bool first = !cursor_;
      if (first) {
        reader_ = archive_.volume(number_);
        cursor_ = reader.index().records_from(from_);
      }
      auto record = cursor_->next();
      if (record) record->volume = static_cast<std::uint32_t>(number_);
      // Both volumes must mean the same member.
      if (first && goes_on_) {
        const bool same = record && record->path == goes_on_->path &&
                          archive_.offset_of(*record) == archive_.offset_of(*goes_on_);
        if (!same)
          throw Error(ErrorKind::corrupt,
                      shown(goes_on_->name()) + " should go on in this volume, and does not");
        goes_on_.reset();
      }
      return record;
    });
  }

  void leave() {
    cursor_.reset();
    reader_.reset();
    from_.clear();
    ++number_;
  }

  Archive& archive_;
  std::string from_;
  Archive::Damage damage_;
  std::size_t number_ = 0;
  std::shared_ptr<VolumeFile> reader_;  // that cursor_ reads from
  std::unique_ptr<RecordCursor> cursor_;
  std::optional<MemberRecord> goes_on_;
};

std::unique_ptr<RecordCursor> Archive::records_from(std::string_view from, const Damage& damage) {
  return std::make_unique<ArchiveCursor>(*this, from, damage);
}

// Of a cursor, as long as paths are at or below one.
class CursorBelow final : public RecordCursor {
 public:
  CursorBelow(std::unique_ptr<RecordCursor> cursor, std::string_view top)
      : cursor_(std::move(cursor)), top_(top) {}
  std::optional<MemberRecord> next() override {
    auto record = cursor_->next();
    if (record && !path_within(record->path, top_)) record.reset();
    return record;
  }

 private:
  std::unique_ptr<RecordCursor> cursor_;
  const std::string top_;
};

std::unique_ptr<RecordCursor> Archive::records_below(std::string_view top, const Damage& damage) {
  return std::make_unique<CursorBelow>(records_from(top, damage), top);
}

void Archive::expect_walk(const WalkOptions& walk) {
  walk_ = walk;
  for (const Open& open : open_)
    open.reader->expect_walk(walk);
  reading_ = {};
}

// Of a volume by itself a member may lie in others; of an omitted one nothing lies anywhere.
void Archive::must_be_here(const MemberRecord& record) const {
  if (record.has(kRecordOmitted))
    throw Error(ErrorKind::unsupported,
                shown(record.name()) +
                    ": was left out when the archive was made; it could not be read then");
  const TapeOffset begin = volumes_[record.volume].begin;
  if (record.has(kRecordLater) ||
      (record.offset < 0 && begin.value() < static_cast<std::uint64_t>(-record.offset)))
    throw Error(ErrorKind::unsupported,
                shown(record.name()) + ": lies in several volumes, of which this is one");
}

std::unique_ptr<MemberReader> Archive::open(const MemberRecord& record) {
  must_be_here(record);
  return std::make_unique<ArchiveMember>(*this, record);
}

std::vector<MemberPlace> Archive::locate(const MemberRecord& record) {
  must_be_here(record);
  std::vector<MemberPlace> out;
  const TapeOffset first = offset_of(record);
  const TapeOffset end = first + size_on_tape(record);
  const ArchiveVolume& last = volumes_[record.volume];
  if (end > last.begin + last.tape_size) corrupt(record, "it reaches behind the end of its volume");
  for (std::size_t number = volume_at(first); number <= record.volume; ++number) {
    in_volume(number, [&](VolumeFile& reader) {
      const auto found =
          number == record.volume ? std::optional(record) : reader.index().find(record.path);
      if (!found) throw Error(ErrorKind::corrupt, "it does not know " + shown(record.name()));
      const TapeOffset volume = volumes_[number].begin;
      const TapeOffset volume_end = volume + volumes_[number].tape_size;
      const TapeOffset from = std::max(first, volume);
      const ByteCount page = ByteCount{1} << reader.ragzip().geometry().page_bits;
      out.push_back(
          {number, found->pages, (from - volume) % page, {from, std::min(end, volume_end) - from}});
    });
  }
  return out;
}

void Archive::check_all(const std::function<void(ByteCount)>& progress, unsigned workers) {
  const auto failure = failure_of([&] { check_everything(progress, workers); });
  // What comes is read as before, from volumes that are not being checked.
  checking_ = false;
  reading_ = {};
  if (volumes_.front().open) open_.clear();
  for (const Open& open : open_)
    open.reader->end_check();
  if (failure) throw Error(*failure);
}

// The manifest leads to members by what it says of each volume.
void Archive::check_facts(std::size_t number) {
  in_volume(number, [&](VolumeFile& reader) {
    reader.check_indexes();
    const ArchiveVolume& facts = volumes_[number];
    if (!facts.open) return;
    if (reader.index().root().records != facts.records ||
        reader.index().first_path() != facts.first_path)
      throw Error(ErrorKind::corrupt,
                  "the manifest says another first path or number of records of it");
  });
}

// A volume by itself tells only a part of its tape.
void Archive::must_be_whole() {
  if (volumes_.size() > 1) return;
  const auto cursor = records_from({});
  while (const auto record = cursor->next()) {
    if (record->offset < 0 || record->has(kRecordLater))
      throw Error(ErrorKind::unsupported, "one of several volumes",
                  "verify the snapshot that it belongs to");
  }
}

void Archive::check_everything(const std::function<void(ByteCount)>& progress, unsigned workers) {
  for (std::size_t number = 0; number < volumes_.size(); ++number)
    check_facts(number);
  must_be_whole();
  expect_walk({kWalkAhead, workers});
  checking_ = true;
  reading_ = {};
  for (const Open& open : open_)
    open.reader->begin_check();
  TapeOffset position;
  Bytes buffer(kWalkBuffer);
  const auto cursor = records_from({});
  while (const auto record = cursor->next()) {
    if (offset_of(*record) != position)
      corrupt(*record, "begins at " + std::to_string(offset_of(*record).value()) +
                           ", the one before ends at " + std::to_string(position.value()));
    if (!record->has(kRecordOmitted)) must_be_here(*record);
    const auto member =
        record->has(kRecordOmitted)
            ? std::make_unique<ArchiveMember>(*this, *record, ArchiveMember::Filled{})
            : std::make_unique<ArchiveMember>(*this, *record);
    for (std::size_t n = member->read(buffer); n != 0; n = member->read(buffer)) {
      if (progress) progress(position.value());
    }
    if (!record->has(kRecordOmitted)) {
      const HashResult hash = member->finish();
      if (hash == HashResult::wrong)
        corrupt(*record, "its content does not have the recorded XXH3-128");
      if (hash == HashResult::none && record->type == MemberType::regular &&
          !record->has(kRecordTorn))
        corrupt(*record, "it has no XXH3-128, and was not torn");
      member->check_padding();
    }
    const GzOffset page_end = volume(record->volume)->page_end();
    if (page_end != record->pages.end())
      corrupt(*record, "its last page ends at " + std::to_string(page_end.value()) +
                           ", its record says " + std::to_string(record->pages.end().value()));
    position = position + size_on_tape(*record);
    if (progress) progress(position.value());
  }
  check_end(position);
}

// Two zero blocks, which may lie in pages, and volumes, of their own.
void Archive::check_end(TapeOffset position) {
  const TapeOffset end(tape_size());
  if (end < position || end - position != kEndBlocks * kBlockSize)
    throw Error(ErrorKind::corrupt, "members end at " + std::to_string(position.value()) + " of " +
                                        std::to_string(end.value()) +
                                        " bytes; two zero blocks expected behind them");
  for (std::size_t number = volume_at(position); number < volumes_.size(); ++number) {
    in_volume(number, [&](VolumeFile& reader) {
      reader.check_rest();
      const TapeOffset begin = std::max(position, volumes_[number].begin);
      Bytes blocks(volumes_[number].begin + volumes_[number].tape_size - begin);
      reader.ragzip().read_at(LogicalOffset(begin - volumes_[number].begin), blocks);
      if (!all_zero(blocks)) throw Error(ErrorKind::corrupt, "the end blocks are not zero");
    });
  }
}

std::uint64_t Archive::check_sample(double share,
                                    std::uint64_t seed,
                                    const std::function<void(ByteCount)>& progress) {
  std::uint64_t decoded = 0;
  for (std::size_t number = 0; number < volumes_.size(); ++number) {
    check_facts(number);
    const ByteCount begin = volumes_[number].begin.value();
    const auto heard = [&](ByteCount done) {
      if (progress) progress(begin + done);
    };
    decoded += in_volume(number, [&](VolumeFile& reader) {
      return reader.check_sample(share, seed + number, heard);
    });
  }
  return decoded;
}

}  // namespace tape
