#include "format/foreign_tar.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "tape/error.h"

namespace tape {
namespace {

// POSIX.1-2017 pax, "ustar Interchange Format".
struct Field {
  std::size_t at;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kTypeflag = 156;
constexpr Field kTarget{157, 100};
constexpr Field kMagic{257, 8};
constexpr Field kUname{265, 32};
constexpr Field kGname{297, 32};
constexpr Field kMajor{329, 8};
constexpr Field kMinor{337, 8};
constexpr Field kPrefix{345, 155};
// GNU's old sparse files: whether another block of the map follows.
constexpr std::size_t kIsExtended = 482;
constexpr std::size_t kMoreExtended = 504;

constexpr std::string_view kPosix{"ustar\0", 6};
constexpr std::string_view kGnu{"ustar  \0", 8};

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, what);
}

std::string_view raw(ByteView block, Field field) {
  return as_view(block.subspan(field.at, field.size));
}

// Up to a NUL, if there is one.
std::string text(ByteView block, Field field) {
  const std::string_view all = raw(block, field);
  return std::string(all.substr(0, all.find('\0')));
}

// Base-256: the first byte is 0x80, or 0xFF of a negative number; the rest is big endian.
std::int64_t binary_number(std::string_view field, const char* what) {
  const bool negative = static_cast<std::uint8_t>(field[0]) == 0xFF;
  const std::uint8_t fill = negative ? 0xFF : 0;
  std::uint64_t value = negative ? UINT64_MAX : static_cast<std::uint8_t>(field[0]) & 0x7FU;
  for (std::size_t i = 1; i < field.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(field[i]);
    if (field.size() - i > 8) {
      if (byte != fill) corrupt(std::string(what) + " does not fit 64 bits");
      continue;
    }
    value = value << 8 | byte;
  }
  const auto out = static_cast<std::int64_t>(value);
  if ((out < 0) != negative) corrupt(std::string(what) + " does not fit 63 bits");
  return out;
}

// Octal, spaces in front, a space or NUL behind; or base-256. Nothing: 0.
std::int64_t number(ByteView block, Field field, const char* what) {
  std::string_view all = raw(block, field);
  const auto first = static_cast<std::uint8_t>(all[0]);
  if (first == 0x80 || first == 0xFF) return binary_number(all, what);
  all = all.substr(0, all.find('\0'));
  while (all.starts_with(' '))
    all.remove_prefix(1);
  while (all.ends_with(' '))
    all.remove_suffix(1);
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(all.data(), all.data() + all.size(), value, 8);
  if (!all.empty() && (failure != std::errc() || end != all.data() + all.size()))
    corrupt(std::string(what) + " is `" + shown(std::string(all)) + "`, an octal number expected");
  return static_cast<std::int64_t>(value & INT64_MAX);
}

// Sums of bytes; some old programs took them as signed.
void check_sum(ByteView block) {
  std::int64_t as_unsigned = 0;
  std::int64_t as_signed = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool own = i >= kChecksum.at && i < kChecksum.at + kChecksum.size;
    const std::uint8_t byte = own ? ' ' : block[i];
    as_unsigned += byte;
    as_signed += static_cast<std::int8_t>(byte);
  }
  const std::int64_t said = number(block, kChecksum, "the checksum");
  if (said != as_unsigned && said != as_signed)
    corrupt("the checksum is " + std::to_string(said) + ", the block's sum " +
            std::to_string(as_unsigned) + ": no tar header");
}

// Whether content follows, by the type.
bool has_data(char typeflag) {
  return typeflag < '1' || typeflag > '6';
}

MemberType type_of(char typeflag) {
  return typeflag >= '1' && typeflag <= '6' ? static_cast<MemberType>(typeflag)
                                            : MemberType::regular;
}

std::uint64_t positive(std::int64_t value, const char* what) {
  if (value < 0) corrupt(std::string(what) + " is negative");
  return static_cast<std::uint64_t>(value);
}

// Seconds since 1970, perhaps with a sign and a fraction.
Timestamp pax_time(const std::string& said) {
  const std::size_t point = said.find('.');
  const std::string whole = said.substr(0, point);
  Timestamp out;
  const auto [end, failure] =
      std::from_chars(whole.data(), whole.data() + whole.size(), out.seconds);
  if (failure != std::errc() || end != whole.data() + whole.size())
    corrupt("pax mtime is `" + shown(said) + "`, a number expected");
  if (point == std::string::npos) return out;
  std::string digits = said.substr(point + 1, 9);
  if (digits.find_first_not_of("0123456789") != std::string::npos)
    corrupt("pax mtime is `" + shown(said) + "`, a number expected");
  digits.resize(9, '0');
  std::from_chars(digits.data(), digits.data() + digits.size(), out.nanoseconds);
  const bool negative = said.starts_with('-');
  if (negative && out.nanoseconds != 0) {
    --out.seconds;
    out.nanoseconds = 1'000'000'000 - out.nanoseconds;
  }
  return out;
}

std::uint64_t pax_number(const std::string& key, const std::string& said) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(said.data(), said.data() + said.size(), value);
  if (failure != std::errc() || end != said.data() + said.size() || value > INT64_MAX)
    corrupt("pax " + key + " is `" + shown(said) + "`, a number expected");
  return value;
}

void apply(ForeignBlock& block, const std::string& key, const std::string& value) {
  constexpr std::string_view kXattr = "SCHILY.xattr.";
  ForeignMember& out = block.member;
  if (key == "path") out.member.name = value;
  if (key == "linkpath") out.member.target = value;
  if (key == "uname") out.member.uname = value;
  if (key == "gname") out.member.gname = value;
  if (key == "uid") out.member.uid = pax_number(key, value);
  if (key == "gid") out.member.gid = pax_number(key, value);
  if (key == "mtime") out.member.mtime = pax_time(value);
  if (key == "size" && has_data(out.typeflag)) block.data = pax_number(key, value);
  if (key.starts_with("GNU.sparse.")) out.sparse = true;
  if (key == "GNU.sparse.name") out.member.name = value;
  if (key.starts_with(kXattr)) out.member.xattrs.push_back({key.substr(kXattr.size()), value});
}

}  // namespace

std::optional<ForeignBlock> decode_foreign_block(ByteView block) {
  if (std::all_of(block.begin(), block.end(), [](std::uint8_t byte) { return byte == 0; }))
    return std::nullopt;
  check_sum(block);
  ForeignBlock out;
  ForeignMember& found = out.member;
  Member& member = found.member;
  const bool posix = raw(block, kMagic).starts_with(kPosix);
  const bool gnu = raw(block, kMagic) == kGnu;
  member.name = text(block, kName);
  const std::string prefix = posix ? text(block, kPrefix) : "";
  if (!prefix.empty()) member.name = prefix + "/" + member.name;
  const char typeflag = static_cast<char>(block[kTypeflag]);
  const bool regular = typeflag == '\0' || typeflag == '7';
  found.typeflag = regular ? '0' : typeflag;
  found.known = found.typeflag >= '0' && found.typeflag <= '6';
  found.sparse = found.typeflag == 'S';
  member.type = type_of(found.typeflag);
  member.mode = static_cast<std::uint32_t>(number(block, kMode, "the mode")) & 07777U;
  member.uid = positive(number(block, kUid, "the uid"), "the uid");
  member.gid = positive(number(block, kGid, "the gid"), "the gid");
  member.mtime.seconds = number(block, kMtime, "the mtime");
  member.target = text(block, kTarget);
  if (posix || gnu) {
    member.uname = text(block, kUname);
    member.gname = text(block, kGname);
  }
  if (member.type == MemberType::character_device || member.type == MemberType::block_device) {
    member.device_major = static_cast<std::uint32_t>(number(block, kMajor, "the device"));
    member.device_minor = static_cast<std::uint32_t>(number(block, kMinor, "the device"));
  }
  const std::uint64_t size = positive(number(block, kSize, "the size"), "the size");
  if (has_data(found.typeflag)) out.data = size;
  out.more_sparse = found.typeflag == 'S' && block[kIsExtended] != 0;
  return out;
}

bool more_sparse_follows(ByteView block) {
  return block[kMoreExtended] != 0;
}

void add_pax_records(PaxRecords& records, std::string_view body) {
  while (!body.empty() && body[0] != '\0') {
    std::size_t length = 0;
    const std::size_t space = body.find(' ');
    if (space == std::string_view::npos) corrupt("a pax record without a length");
    const auto [end, failure] = std::from_chars(body.data(), body.data() + space, length);
    const bool right = failure == std::errc() && end == body.data() + space && length > space + 1 &&
                       length <= body.size() && body[length - 1] == '\n';
    if (!right) corrupt("a pax record of a wrong length");
    const std::string_view record = body.substr(space + 1, length - space - 2);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) corrupt("a pax record without `=`");
    records[std::string(record.substr(0, equals))] = record.substr(equals + 1);
    body.remove_prefix(length);
  }
}

void apply_pax_records(ForeignBlock& block, const PaxRecords& records) {
  for (const auto& [key, value] : records) {
    if (!value.empty()) apply(block, key, value);
  }
}

}  // namespace tape
