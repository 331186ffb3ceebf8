#include "format/tar_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <map>

#include "base/endian.h"
#include "base/utf8.h"
#include "format/tar_layout.h"
#include "tape/error.h"

namespace tape {
namespace {

// docs/format.md §1: what the octal fields of 8 and 12 bytes hold.
constexpr std::uint64_t kOctal7Max = (std::uint64_t{1} << 21) - 1;
constexpr std::uint64_t kOctal11Max = (std::uint64_t{1} << 33) - 1;
constexpr std::size_t kNameField = 100;
constexpr std::size_t kPrefixField = 155;
constexpr std::size_t kOwnerNameMax = 31;  // a field of 32 with its NUL

struct UstarHeader {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char linkname[100];
  char magic[6];
  char version[2];
  char uname[32];
  char gname[32];
  char devmajor[8];
  char devminor[8];
  char prefix[155];
  char zeros[12];
};
static_assert(sizeof(UstarHeader) == kBlockSize);

template <std::size_t N>
void put_text(char (&field)[N], std::string_view text, std::size_t limit = N) {
  std::memcpy(field, text.data(), std::min(text.size(), limit));
}

// Zero-filled octal with a trailing NUL; GNU base-256 (two's complement) where octal cannot say it.
template <std::size_t N>
void put_number(char (&field)[N], std::int64_t value) {
  std::int64_t left = value;
  for (std::size_t i = N - 1; i-- > 0; left >>= 3) {
    field[i] = static_cast<char>('0' + (left & 7));
  }
  field[N - 1] = '\0';
  if (left == 0 && value >= 0) return;
  for (std::size_t i = N; i-- > 0; value >>= 8)
    field[i] = static_cast<char>(value & 0xFF);
  field[0] = static_cast<char>(static_cast<std::uint8_t>(field[0]) | 0x80);
}

// Octal, or base-256; none when the field holds neither.
std::optional<std::int64_t> get_number(std::string_view field) {
  std::int64_t value = 0;
  if ((static_cast<std::uint8_t>(field[0]) & 0x80) != 0) {
    // Two's complement over the whole field, its sign in bit 6 of the first byte. What 64 bits
    // cannot hold shows as a byte in front of the last 8 that is no sign extension.
    const auto lead = static_cast<std::uint8_t>(field[0]);
    std::uint64_t bits = (lead & 0x40) != 0 ? ~std::uint64_t{0} << 6 | (lead & 0x3F) : lead & 0x3F;
    const std::uint64_t sign = (lead & 0x40) != 0 ? ~std::uint64_t{0} >> 55 : 0;
    for (const char c : field.substr(1)) {
      if (bits >> 55 != sign) return {};
      bits = bits << 8 | static_cast<std::uint8_t>(c);
    }
    return static_cast<std::int64_t>(bits);
  }
  if (field.back() != '\0') return {};
  for (const char c : field.substr(0, field.size() - 1)) {
    if (c < '0' || c > '7') return {};
    value = value << 3 | (c - '0');
  }
  return value;
}

std::uint32_t checksum_of(const std::uint8_t* block) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < kBlockSize; ++i) {
    const bool in_field = i >= offsetof(UstarHeader, checksum) && i < offsetof(UstarHeader, type);
    sum += in_field ? ' ' : block[i];
  }
  return sum;
}

// Six octal digits, NUL, space.
void put_checksum(UstarHeader& header) {
  std::uint8_t block[kBlockSize];
  std::memcpy(block, &header, kBlockSize);
  std::uint32_t sum = checksum_of(block);
  for (std::size_t i = 6; i-- > 0; sum >>= 3) {
    header.checksum[i] = static_cast<char>('0' + (sum & 7));
  }
  header.checksum[6] = '\0';
  header.checksum[7] = ' ';
}

void append_block(Bytes& out, UstarHeader header) {
  put_text(header.magic, "ustar");
  put_text(header.version, "00");
  put_checksum(header);
  const std::size_t at = out.size();
  out.resize(at + kBlockSize);
  std::memcpy(out.data() + at, &header, kBlockSize);
}

void append_ustar(Bytes& out, const Member& member, bool device_numbers = true) {
  UstarHeader header{};
  const auto parts = split_name(member.name).value_or(UstarName{"", member.name});
  put_text(header.name, parts.name);
  put_text(header.prefix, parts.prefix);
  put_number(header.mode, member.mode);
  put_number(header.uid, static_cast<std::int64_t>(member.uid));
  put_number(header.gid, static_cast<std::int64_t>(member.gid));
  put_number(header.size, static_cast<std::int64_t>(member.size));
  put_number(header.mtime, member.mtime.seconds);
  header.type = static_cast<char>(member.type);
  put_text(header.linkname, member.target);
  put_text(header.uname, member.uname, kOwnerNameMax);
  put_text(header.gname, member.gname, kOwnerNameMax);
  if (device_numbers) {
    put_number(header.devmajor, member.device_major);
    put_number(header.devminor, member.device_minor);
  }
  append_block(out, header);
}

// mode 0644, everything else 0 or empty (docs/format.md §1).
void append_pax_header(Bytes& out, char type, const std::string& name, ByteCount size) {
  UstarHeader header{};
  put_text(header.name, name);
  put_number(header.mode, 0644);
  put_number(header.uid, 0);
  put_number(header.gid, 0);
  put_number(header.size, static_cast<std::int64_t>(size));
  put_number(header.mtime, 0);
  put_number(header.devmajor, 0);
  put_number(header.devminor, 0);
  header.type = type;
  append_block(out, header);
}

// `LENGTH key=value\n`, the length counting itself.
void append_record(std::string& out, std::string_view key, std::string_view value) {
  const std::size_t body = key.size() + value.size() + 3;
  std::size_t length = body + 1;
  while (std::to_string(length).size() + body != length) {
    length = std::to_string(length).size() + body;
  }
  out += std::to_string(length);
  out += ' ';
  out += key;
  out += '=';
  out += value;
  out += '\n';
}

std::string escaped_key(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '%') {
      out += "%25";
    } else if (c == '=') {
      out += "%3D";
    } else {
      out += c;
    }
  }
  return out;
}

std::string unescaped_key(std::string_view key) {
  std::string out;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key.substr(i, 3) == "%25" || key.substr(i, 3) == "%3D") {
      out += key[i + 2] == '5' ? '%' : '=';
      i += 2;
    } else {
      out += key[i];
    }
  }
  return out;
}

// The pax records of a member in the order of docs/format.md §1; empty when ustar says it all.
std::string pax_records(const Member& member) {
  std::string out;
  bool utf8 = true;
  const auto text = [&](std::string_view key, std::string_view value) {
    utf8 = utf8 && is_utf8(value);
    append_record(out, key, value);
  };
  const auto number = [&](std::string_view key, auto value) {
    append_record(out, key, std::to_string(value));
  };
  const auto mtime = member.mtime.seconds;

  if (!split_name(member.name)) text("path", member.name);
  if (member.target.size() > kNameField) text("linkpath", member.target);
  if (member.size > kOctal11Max) number("size", member.size);
  if (mtime < 0 || static_cast<std::uint64_t>(mtime) > kOctal11Max) number("mtime", mtime);
  if (member.uid > kOctal7Max) number("uid", member.uid);
  if (member.gid > kOctal7Max) number("gid", member.gid);
  if (member.uname.size() > kOwnerNameMax) text("uname", member.uname);
  if (member.gname.size() > kOwnerNameMax) text("gname", member.gname);
  for (const std::string_view kind : {"access", "default"}) {
    const std::string name = "system.posix_acl_" + std::string(kind);
    const auto found = std::find_if(member.xattrs.begin(), member.xattrs.end(),
                                    [&](const Xattr& x) { return x.name == name; });
    if (found == member.xattrs.end()) continue;
    if (const auto acl = acl_text(found->value))
      append_record(out, "SCHILY.acl." + std::string(kind), *acl);
  }
  for (const Xattr& xattr : member.xattrs) {
    append_record(out, "SCHILY.xattr." + escaped_key(xattr.name), xattr.value);
  }
  if (!utf8) {
    std::string charset;
    append_record(charset, "hdrcharset", "BINARY");
    out.insert(0, charset);
  }
  return out;
}

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, "tar header: " + what);
}

using PaxRecords = std::map<std::string, std::string, std::less<>>;

PaxRecords parse_records(std::string_view body) {
  PaxRecords records;
  while (!body.empty()) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), length);
    const std::size_t digits = static_cast<std::size_t>(end - body.data());
    if (error != std::errc() || digits == body.size() || *end != ' ' || length > body.size() ||
        length < digits + 3 || body[length - 1] != '\n') {
      corrupt("a pax record's length is wrong");
    }
    const std::string_view record = body.substr(digits + 1, length - digits - 2);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) corrupt("a pax record has no `=`");
    if (!records.emplace(record.substr(0, equals), record.substr(equals + 1)).second)
      corrupt("a pax record is there twice");
    body.remove_prefix(length);
  }
  return records;
}

std::string text_of(std::string_view field) {
  return std::string(field.substr(0, field.find('\0')));
}

template <std::size_t N>
std::string_view view_of(const char (&field)[N]) {
  return {field, N};
}

UstarHeader load_block(ByteView block) {
  UstarHeader header;
  std::memcpy(&header, block.data(), kBlockSize);
  if (view_of(header.magic) != std::string_view("ustar\0", 6) || view_of(header.version) != "00") {
    corrupt("no ustar magic");
  }
  UstarHeader expected = header;
  put_checksum(expected);
  if (view_of(header.checksum) != view_of(expected.checksum)) corrupt("wrong checksum");
  return header;
}

template <std::size_t N>
std::int64_t number_of(const char (&field)[N], const char* name) {
  const auto value = get_number(view_of(field));
  if (!value) corrupt(std::string(name) + " is not a number");
  return *value;
}

template <std::size_t N>
std::uint64_t count_of(const char (&field)[N], const char* name) {
  const std::int64_t value = number_of(field, name);
  if (value < 0) corrupt(std::string(name) + " is below zero");
  return static_cast<std::uint64_t>(value);
}

std::uint64_t below(std::uint64_t value, std::uint64_t most, const char* name) {
  if (value > most)
    corrupt(std::string(name) + " " + std::to_string(value) + " is above " + std::to_string(most));
  return value;
}

Member decode_ustar(const UstarHeader& header) {
  Member member;
  const std::string prefix = text_of(view_of(header.prefix));
  member.name = (prefix.empty() ? "" : prefix + "/") + text_of(view_of(header.name));
  if (header.type < '0' || header.type > '6')
    corrupt("unknown typeflag " + std::to_string(header.type));
  member.type = static_cast<MemberType>(header.type);
  member.mode = static_cast<std::uint32_t>(below(count_of(header.mode, "mode"), 07777, "mode"));
  member.uid = below(count_of(header.uid, "uid"), UINT32_MAX, "uid");
  member.gid = below(count_of(header.gid, "gid"), UINT32_MAX, "gid");
  member.uname = text_of(view_of(header.uname));
  member.gname = text_of(view_of(header.gname));
  member.size = count_of(header.size, "size");
  member.mtime.seconds = number_of(header.mtime, "mtime");
  member.target = text_of(view_of(header.linkname));
  member.device_major = static_cast<std::uint32_t>(
      below(count_of(header.devmajor, "devmajor"), UINT32_MAX, "devmajor"));
  member.device_minor = static_cast<std::uint32_t>(
      below(count_of(header.devminor, "devminor"), UINT32_MAX, "devminor"));
  return member;
}

// Numbers stand in the ustar fields too (base-256), so only texts and xattrs are taken from pax.
void apply_records(Member& member, const PaxRecords& records) {
  constexpr std::string_view kXattr = "SCHILY.xattr.";
  for (const auto& [key, value] : records) {
    if (key == "path") member.name = value;
    if (key == "linkpath") member.target = value;
    if (key == "uname") member.uname = value;
    if (key == "gname") member.gname = value;
    if (key.starts_with(kXattr))
      member.xattrs.push_back({unescaped_key(key.substr(kXattr.size())), value});
    if ((key == "size" && value != std::to_string(member.size)) ||
        (key == "mtime" && value != std::to_string(member.mtime.seconds)) ||
        (key == "uid" && value != std::to_string(member.uid)) ||
        (key == "gid" && value != std::to_string(member.gid))) {
      corrupt("pax " + key + " and its ustar field differ");
    }
  }
  std::sort(member.xattrs.begin(), member.xattrs.end());
}

}  // namespace

std::string member_path(const std::string& name, MemberType type) {
  if (type != MemberType::directory) return name;
  return name == "./" ? "" : name.substr(0, name.size() - 1);
}

std::optional<UstarName> split_name(std::string_view name) {
  if (name.size() <= kNameField) return UstarName{"", name};
  // A directory's final `/` belongs to its name, so the cut lies before the last two bytes.
  for (std::size_t i = std::min(kPrefixField, name.size() - 2); i > 0; --i) {
    if (name[i] != '/') continue;
    if (name.size() - i - 1 > kNameField) return {};
    return UstarName{name.substr(0, i), name.substr(i + 1)};
  }
  return {};
}

std::optional<std::string> acl_text(std::string_view xattr) {
  // linux/posix_acl_xattr.h: le32 version 2, then entries of le16 tag, le16 permissions, le32 id.
  constexpr std::size_t kHead = 4;
  constexpr std::size_t kEntry = 8;
  const ByteView bytes = as_bytes(xattr);
  if (bytes.size() < kHead || (bytes.size() - kHead) % kEntry != 0 || load_le32(bytes.data()) != 2)
    return {};
  std::string out;
  for (std::size_t at = kHead; at < bytes.size(); at += kEntry) {
    const std::uint16_t tag = load_le16(&bytes[at]);
    const std::uint16_t permissions = load_le16(&bytes[at + 2]);
    const std::string id = std::to_string(load_le32(&bytes[at + 4]));
    if (!out.empty()) out += ',';
    switch (tag) {
      case 1:
        out += "user::";
        break;
      case 2:
        out += "user:" + id + ":";
        break;
      case 4:
        out += "group::";
        break;
      case 8:
        out += "group:" + id + ":";
        break;
      case 16:
        out += "mask::";
        break;
      case 32:
        out += "other::";
        break;
      default:
        return {};
    }
    out += (permissions & 4) != 0 ? 'r' : '-';
    out += (permissions & 2) != 0 ? 'w' : '-';
    out += (permissions & 1) != 0 ? 'x' : '-';
  }
  return out;
}

std::string why_no_path(std::string_view path) {
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..")
      return "a name with an empty, `.` or `..` component";
    if (part.find('\0') != std::string_view::npos) return "a name with a NUL";
    begin = end + 1;
  }
  return "";
}

std::string why_not_on_tape(const Member& member) {
  const auto over = [](const char* what, std::uint64_t value, std::uint64_t most) {
    return std::string(what) + " of " + std::to_string(value) + ", " + std::to_string(most) +
           " at the most";
  };
  const bool link = member.type == MemberType::symlink || member.type == MemberType::hard_link;
  const bool root = member.type == MemberType::directory && member.name == "./";
  if (std::string why = why_no_path(member_path(member.name, member.type)); !root && !why.empty())
    return why;
  if (member.name.size() > kMemberNameMax)
    return over("a name, in bytes,", member.name.size(), kMemberNameMax);
  if (member.target.size() > kTargetMax)
    return over("a target, in bytes,", member.target.size(), kTargetMax);
  if (link == member.target.empty()) return "a link without a target, or a target without a link";
  for (const std::string& text : {member.target, member.uname, member.gname}) {
    if (text.find('\0') != std::string::npos) return "a target or an owner's name with a NUL";
  }
  if (member.mtime.seconds < kTimeMin || member.mtime.seconds > kTimeMax)
    return "an mtime beyond 2^62 s";
  if (std::max(member.uid, member.gid) > UINT32_MAX)
    return over("an owner's id", std::max(member.uid, member.gid), UINT32_MAX);
  if (member.size >= ByteCount{1} << 62)
    return over("a size", member.size, (ByteCount{1} << 62) - 1);
  ByteCount extras = 0;
  for (const Xattr& xattr : member.xattrs)
    extras += 3 * (xattr.name.size() + xattr.value.size()) + 64;  // escaped, and an ACL's text
  if (extras + 2 * (member.uname.size() + member.gname.size()) > kHeaderSizeMax / 2)
    return over("attributes, in bytes,", extras, kHeaderSizeMax / 2);
  return "";
}

Bytes encode_header(const Member& member, Profile profile) {
  if (profile == Profile::tartape) {
    Bytes out;
    append_ustar(out, member, false);
    return out;
  }
  Bytes out;
  const std::string records = pax_records(member);
  if (!records.empty()) {
    const std::string path = member_path(member.name, member.type);
    const std::string last = member.name == "./" ? "." : path.substr(path.rfind('/') + 1);
    append_pax_header(out, 'x', "PaxHeaders/" + last, records.size());
    const ByteView body = as_bytes(records);
    out.insert(out.end(), body.begin(), body.end());
    out.resize(padded(out.size()));
  }
  append_ustar(out, member);
  return out;
}

Bytes encode_ustar_block(const Member& member) {
  Bytes out;
  append_ustar(out, member);
  return out;
}

Bytes encode_comment_header(ByteCount size) {
  Bytes out;
  append_pax_header(out, 'g', "PaxHeaders/omitted", size);
  return out;
}

ByteCount header_size(ByteView first_block) {
  const UstarHeader header = load_block(first_block);
  if (header.type != 'x') return kBlockSize;
  const ByteCount size = count_of(header.size, "size");
  if (size == 0 || size > kHeaderSizeMax - 2 * kBlockSize)
    corrupt("a pax header of " + std::to_string(size) + " bytes");
  return padded(size) + 2 * kBlockSize;
}

Member decode_header(ByteView blocks) {
  if (blocks.size() < kBlockSize || blocks.size() % kBlockSize != 0) corrupt("not whole blocks");
  UstarHeader header = load_block(blocks.first(kBlockSize));
  PaxRecords records;
  if (header.type == 'x') {
    const ByteCount size = count_of(header.size, "size");
    if (size == 0 || size > blocks.size() || padded(size) + 2 * kBlockSize != blocks.size()) {
      corrupt("a pax header of " + std::to_string(size) + " bytes in " +
              std::to_string(blocks.size()));
    }
    const std::string body = as_text(blocks.subspan(kBlockSize, size));
    records = parse_records(body);
    header = load_block(blocks.last(kBlockSize));
  } else if (blocks.size() != kBlockSize) {
    corrupt("more than one block without a pax header");
  }
  Member member = decode_ustar(header);
  apply_records(member, records);
  if (member.name.empty() || member.name.size() > kMemberNameMax)
    corrupt("name of " + std::to_string(member.name.size()) + " bytes");
  if (member.type == MemberType::directory && !member.name.ends_with('/'))
    corrupt("a directory's name without `/`");
  return member;
}

}  // namespace tape
