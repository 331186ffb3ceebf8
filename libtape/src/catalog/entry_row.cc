#include "catalog/entry_row.h"

#include <algorithm>

#include "base/assert.h"
#include "base/endian.h"
#include "tape/error.h"

namespace tape {
namespace {

constexpr std::int64_t kNanosecondsMax = 999'999'999;

[[noreturn]] void corrupt(const std::string& path, const std::string& what) {
  throw Error(ErrorKind::corrupt, "entry " + shown(path) + ": " + what);
}

Bytes encode_xattrs(const std::vector<Xattr>& xattrs) {
  Bytes out;
  const auto append = [&](std::string_view text) {
    append_be(out, text.size(), 4);
    const ByteView bytes = as_bytes(text);
    out.insert(out.end(), bytes.begin(), bytes.end());
  };
  for (const Xattr& xattr : xattrs) {
    append(xattr.name);
    append(xattr.value);
  }
  return out;
}

std::vector<Xattr> decode_xattrs(const std::string& path, const std::string& blob) {
  std::vector<Xattr> out;
  std::size_t at = 0;
  const auto take = [&] {
    if (blob.size() - at < 4) corrupt(path, "its xattrs are cut");
    const std::size_t length = load_be32(as_bytes(blob).data() + at);
    at += 4;
    if (blob.size() - at < length) corrupt(path, "its xattrs are cut");
    at += length;
    return blob.substr(at - length, length);
  };
  while (at < blob.size()) {
    std::string name = take();
    std::string value = take();
    if (!out.empty() && name <= out.back().name) corrupt(path, "its xattrs are not in order");
    out.push_back({std::move(name), std::move(value)});
  }
  return out;
}

char type_letter(SourceKind kind) {
  return static_cast<char>(member_type(kind).value());
}

SourceKind kind_of_letter(const std::string& path, const std::string& letter) {
  if (letter == "0") return SourceKind::regular;
  if (letter == "2") return SourceKind::symlink;
  if (letter == "3") return SourceKind::character_device;
  if (letter == "4") return SourceKind::block_device;
  if (letter == "5") return SourceKind::directory;
  if (letter == "6") return SourceKind::fifo;
  corrupt(path, "type " + shown(letter));
}

// Empty, or components that are names.
void check_entry_path(const std::string& path) {
  std::size_t begin = 0;
  while (!path.empty() && begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = std::string_view(path).substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string_view::npos)
      corrupt(path, "not a path below the root");
    begin = end + 1;
  }
  if (path.size() > kMemberNameMax)
    corrupt(path, "a path of " + std::to_string(path.size()) + " bytes");
}

// The columns of kEntryColumns.
enum Column : int {
  tape_offset_column,
  header_blocks_column,
  path_column,
  type_column,
  first_column,
  mode_column,
  uid_column,
  gid_column,
  uname_column,
  gname_column,
  size_column,
  mtime_s_column,
  mtime_ns_column,
  ctime_s_column,
  ctime_ns_column,
  device_column,
  inode_column,
  rdev_major_column,
  rdev_minor_column,
  target_column,
  xattrs_column,
  hash_column,
  column_count
};
static_assert(column_count == kEntryColumnCount);

// The numbers of a row, each with its range.
class RowNumbers {
 public:
  RowNumbers(const Statement& row, const std::string& path) : row_(row), path_(path) {}

  // 0 to `most`.
  template <class Integer>
  Integer at_most(Column column, std::int64_t most) const {
    const std::int64_t value = row_.integer(column);
    if (value < 0 || value > most) {
      corrupt(path_, "column " + std::to_string(column) + " holds " + std::to_string(value) +
                         ", 0 to " + std::to_string(most) + " expected");
    }
    return static_cast<Integer>(value);
  }
  TapeOffset offset(Column column) const {
    return TapeOffset(at_most<std::uint64_t>(column, INT64_MAX));
  }
  Timestamp time(Column seconds, Column nanoseconds) const {
    return {row_.integer(seconds), at_most<std::uint32_t>(nanoseconds, kNanosecondsMax)};
  }
  std::uint64_t bits(Column column) const {
    return static_cast<std::uint64_t>(row_.integer(column));
  }

 private:
  const Statement& row_;
  const std::string& path_;
};

std::uint32_t portable_mode(const SourceStat& source) {
  switch (source.kind) {
    case SourceKind::symlink:
      return 0777;
    case SourceKind::directory:
      return 0755;
    case SourceKind::regular:
      return (source.mode & 0111) != 0 ? 0755 : 0644;
    default:
      return 0644;
  }
}

// Nanoseconds since 1970 as the state digest wants them; beyond the year 2262 they wrap around.
std::uint64_t wrapped_ns(const Timestamp& time) {
  return static_cast<std::uint64_t>(time.seconds) * 1'000'000'000U + time.nanoseconds;
}

// Through a double, as Python has st_mtime: nanoseconds near a second's end become the next second.
Timestamp tartape_mtime(const Timestamp& time) {
  constexpr std::int64_t kFarMore = std::int64_t{1} << 40;  // than it can say: refused anyway
  if (time.seconds > kFarMore || time.seconds < -kFarMore) return {time.seconds, 0};
  const double seconds =
      static_cast<double>(time.seconds) + 1e-9 * static_cast<double>(time.nanoseconds);
  return {static_cast<std::int64_t>(seconds), 0};
}

}  // namespace

std::optional<MemberType> member_type(SourceKind kind) {
  switch (kind) {
    case SourceKind::regular:
      return MemberType::regular;
    case SourceKind::symlink:
      return MemberType::symlink;
    case SourceKind::character_device:
      return MemberType::character_device;
    case SourceKind::block_device:
      return MemberType::block_device;
    case SourceKind::directory:
      return MemberType::directory;
    case SourceKind::fifo:
      return MemberType::fifo;
    default:
      return {};
  }
}

std::string member_name(const std::string& prefix, const std::string& path, SourceKind kind) {
  std::string name = prefix.empty() || path.empty() ? prefix + path : prefix + "/" + path;
  if (kind != SourceKind::directory) return name;
  return name.empty() ? "./" : name + "/";
}

Member member_of(const SeenEntry& seen, const TapeSettings& settings) {
  const SourceStat& source = seen.source;
  Member member;
  member.name = member_name(settings.prefix, seen.path, source.kind);
  member.type = seen.first ? MemberType::hard_link : member_type(source.kind).value();
  if (member.type == MemberType::regular) member.size = source.size;
  if (member.type == MemberType::symlink) member.target = seen.target;
  if (member.type == MemberType::hard_link)
    member.target = member_name(settings.prefix, seen.first_path, SourceKind::regular);
  if (member.type == MemberType::character_device || member.type == MemberType::block_device) {
    member.device_major = source.device_major;
    member.device_minor = source.device_minor;
  }
  member.mtime = source.mtime;
  if (settings.source_date_epoch && member.mtime > Timestamp{*settings.source_date_epoch, 0})
    member.mtime = {*settings.source_date_epoch, 0};
  if (settings.profile == Profile::tartape) member.mtime = tartape_mtime(source.mtime);
  if (settings.metadata == Metadata::portable) {
    member.mode = portable_mode(source);
    member.uname = member.gname = "root";
    member.mtime.nanoseconds = 0;
    return member;
  }
  member.mode = source.mode;
  member.uid = source.uid;
  member.gid = source.gid;
  member.uname = seen.uname;
  member.gname = seen.gname;
  if (settings.profile == Profile::tartape) {
    if (member.uname.empty()) member.uname = std::to_string(member.uid);
    if (member.gname.empty()) member.gname = std::to_string(member.gid);
    return member;
  }
  member.xattrs = seen.xattrs;
  return member;
}

TapeSettings settings_of(const CatalogSummary& summary) {
  return {summary.prefix, summary.metadata, summary.source_date_epoch, summary.profile};
}

std::string insert_statement() {
  std::string sql = std::string("INSERT INTO entry (") + kEntryColumns + ") VALUES (?";
  for (int column = 1; column < kEntryColumnCount; ++column)
    sql += ", ?";
  return sql + ")";
}

void insert_row(Statement& insert,
                const SeenEntry& seen,
                TapeOffset offset,
                std::uint32_t header_blocks) {
  const SourceStat& source = seen.source;
  int column = 0;
  const auto number = [&](auto value) { insert.bind(++column, static_cast<std::int64_t>(value)); };
  const auto blob = [&](std::string_view text) { insert.bind(++column, as_bytes(text)); };
  const char letter = type_letter(source.kind);
  number(offset.value());
  number(header_blocks);
  blob(seen.path);
  insert.bind_text(++column, {&letter, 1});
  if (seen.first) {
    number(seen.first->value());
  } else {
    insert.bind_null(++column);
  }
  number(source.mode);
  number(source.uid);
  number(source.gid);
  blob(seen.uname);
  blob(seen.gname);
  number(source.kind == SourceKind::regular ? source.size : 0);
  number(source.mtime.seconds);
  number(source.mtime.nanoseconds);
  number(source.ctime.seconds);
  number(source.ctime.nanoseconds);
  number(source.identity.device);
  number(source.identity.inode);
  number(source.device_major);
  number(source.device_minor);
  if (source.kind == SourceKind::symlink) {
    blob(seen.target);
  } else {
    insert.bind_null(++column);
  }
  if (seen.xattrs.empty()) {
    insert.bind_null(++column);
  } else {
    insert.bind(++column, encode_xattrs(seen.xattrs));
  }
  if (seen.hash) {
    insert.bind(++column, *seen.hash);
  } else {
    insert.bind_null(++column);
  }
  TAPE_ASSERT(column == kEntryColumnCount);
  insert.step();
  insert.reset();
}

SeenEntry read_row(const Statement& row, TapeOffset& offset, std::uint32_t& header_blocks) {
  constexpr auto kBlocksMax = static_cast<std::int64_t>(kHeaderSizeMax / kBlockSize);
  SeenEntry seen;
  seen.path = row.blob(path_column);
  check_entry_path(seen.path);
  const RowNumbers numbers(row, seen.path);
  offset = numbers.offset(tape_offset_column);
  header_blocks = numbers.at_most<std::uint32_t>(header_blocks_column, kBlocksMax);
  SourceStat& source = seen.source;
  source.kind = kind_of_letter(seen.path, row.text(type_column));
  if (!row.is_null(first_column)) {
    seen.first = numbers.offset(first_column);
    if (*seen.first >= offset || source.kind == SourceKind::directory)
      corrupt(seen.path, "a hard link to something that is not before it");
  }
  source.mode = numbers.at_most<std::uint32_t>(mode_column, 07777);
  source.uid = numbers.at_most<std::uint64_t>(uid_column, UINT32_MAX);
  source.gid = numbers.at_most<std::uint64_t>(gid_column, UINT32_MAX);
  seen.uname = row.blob(uname_column);
  seen.gname = row.blob(gname_column);
  source.size = numbers.at_most<ByteCount>(size_column, INT64_MAX);
  source.mtime = numbers.time(mtime_s_column, mtime_ns_column);
  source.ctime = numbers.time(ctime_s_column, ctime_ns_column);
  source.identity = {numbers.bits(device_column), numbers.bits(inode_column)};
  source.device_major = numbers.at_most<std::uint32_t>(rdev_major_column, UINT32_MAX);
  source.device_minor = numbers.at_most<std::uint32_t>(rdev_minor_column, UINT32_MAX);
  if (!row.is_null(target_column)) seen.target = row.blob(target_column);
  if (!row.is_null(xattrs_column)) seen.xattrs = decode_xattrs(seen.path, row.blob(xattrs_column));
  if (!row.is_null(hash_column)) {
    const std::string bytes = row.blob(hash_column);
    if (bytes.size() != Hash128{}.size() || source.kind != SourceKind::regular)
      corrupt(seen.path, "its hash has " + std::to_string(bytes.size()) + " bytes");
    std::copy(bytes.begin(), bytes.end(), seen.hash.emplace().begin());
  }
  return seen;
}

void add_state(Xxh3Stream& state, const SeenEntry& seen, const Member& member) {
  const SourceStat& source = seen.source;
  Bytes run;
  const auto append = [&](std::string_view text) {
    const ByteView bytes = as_bytes(text);
    run.insert(run.end(), bytes.begin(), bytes.end());
  };
  append(seen.path);
  run.push_back(0);
  run.push_back(static_cast<std::uint8_t>(member.type));
  append_be(run, member.size, 8);
  append_be(run, source.mode, 8);
  append_be(run, source.uid, 8);
  append_be(run, source.gid, 8);
  append_be(run, wrapped_ns(source.mtime), 8);
  append_be(run, wrapped_ns(source.ctime), 8);
  append_be(run, source.identity.device, 8);
  append_be(run, source.identity.inode, 8);
  append_be(run, member.target.size(), 4);
  append(member.target);
  append_be(run, seen.xattrs.size(), 4);
  for (const Xattr& xattr : seen.xattrs) {
    append_be(run, xattr.name.size(), 4);
    append(xattr.name);
    append_be(run, xattr.value.size(), 4);
    append(xattr.value);
  }
  state.update_framed(run);
}

}  // namespace tape
