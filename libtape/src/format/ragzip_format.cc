#include "format/ragzip_format.h"

#include <string>

#include "base/assert.h"
#include "base/endian.h"
#include "format/gzip_format.h"

namespace tape {
namespace {

constexpr std::uint32_t kVersion = 0x00010000;
constexpr std::size_t kFooterFields = 32;
constexpr std::size_t kFooterPadding = 6;  // the empty deflate stream has two bytes

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, what);
}

[[noreturn]] void fail_with(const Error& error) {
  throw Error(error);
}

}  // namespace

int levels_for(std::uint64_t pages, int index_bits) {
  int levels = 0;
  while (pages > 1) {
    pages = (pages + (std::uint64_t{1} << index_bits) - 1) >> index_bits;
    ++levels;
  }
  return levels;
}

std::uint64_t pages_for(ByteCount logical_size, int page_bits) {
  return (logical_size + (ByteCount{1} << page_bits) - 1) >> page_bits;
}

Bytes encode_footer(const RagzipFooter& footer) {
  Bytes payload;
  append_be(payload, kVersion, 4);
  append_be(payload, 0, 1);
  append_be(payload, static_cast<std::uint64_t>(footer.levels), 1);
  append_be(payload, static_cast<std::uint64_t>(footer.index_bits), 1);
  append_be(payload, static_cast<std::uint64_t>(footer.page_bits), 1);
  append_be(payload, footer.logical_size, 8);
  append_be(payload, static_cast<std::uint64_t>(footer.top_index), 8);
  append_be(payload, static_cast<std::uint64_t>(footer.extension_tail), 8);
  payload.resize(payload.size() + kFooterPadding);
  Bytes member = encode_metadata_member("RA", payload);
  TAPE_ASSERT(member.size() == kFooterSize);
  return member;
}

RagzipFooter decode_footer(ByteView payload, const BrokenRule& broken) {
  if (payload.size() < kFooterFields)
    corrupt("footer: " + std::to_string(payload.size()) + " bytes, 32 at least expected");
  const auto wrong = [&](const std::string& what) {
    broken(Error(ErrorKind::corrupt, "footer: " + what));
  };
  const std::uint32_t version = load_be32(payload.data());
  if (version != kVersion) {
    broken(Error(ErrorKind::unsupported, "footer: ragzip version " + std::to_string(version >> 16) +
                                             "." + std::to_string(version & 0xFFFF) +
                                             ", 1.0 expected"));
  }
  RagzipFooter footer;
  if (payload[4] != 0) wrong("reserved byte is " + std::to_string(payload[4]) + ", 0 expected");
  footer.levels = payload[5];
  footer.index_bits = payload[6];
  footer.page_bits = payload[7];
  footer.logical_size = load_be64(&payload[8]);
  footer.top_index = static_cast<std::int64_t>(load_be64(&payload[16]));
  footer.extension_tail = static_cast<std::int64_t>(load_be64(&payload[24]));
  const bool page = footer.page_bits >= kPageBitsMin && footer.page_bits <= kPageBitsMax;
  const bool index = footer.index_bits >= kIndexBitsMin && footer.index_bits <= kIndexBitsMax;
  if (!page) wrong("page exponent " + std::to_string(footer.page_bits) + ", 9 to 30 expected");
  if (!index) wrong("index exponent " + std::to_string(footer.index_bits) + ", 1 to 12 expected");
  if (footer.logical_size > kLogicalSizeMax) {
    wrong("size " + std::to_string(static_cast<std::int64_t>(footer.logical_size)) +
          ", 0 to 2^62 - 1 expected");
  } else if (page && index) {
    const int levels =
        levels_for(pages_for(footer.logical_size, footer.page_bits), footer.index_bits);
    if (footer.levels != levels)
      wrong(std::to_string(footer.levels) + " levels, the size implies " + std::to_string(levels));
  }
  if (footer.top_index < 0 || (footer.levels == 0 && footer.top_index != 0))
    wrong("top index offset " + std::to_string(footer.top_index));
  if (footer.extension_tail < -1)
    wrong("extension offset " + std::to_string(footer.extension_tail));
  return footer;
}

RagzipFooter decode_footer(ByteView payload) {
  return decode_footer(payload, fail_with);
}

Bytes encode_index(const std::vector<GzOffset>& slots) {
  Bytes payload;
  payload.reserve(slots.size() * 8);
  for (const GzOffset slot : slots)
    append_be(payload, slot.value(), 8);
  return payload;
}

std::vector<GzOffset> decode_index(ByteView payload,
                                   std::uint64_t count,
                                   GzOffset own,
                                   const BrokenRule& broken) {
  const std::string where = "index at " + std::to_string(own.value()) + ": ";
  if (payload.size() != count * 8) {
    broken(Error(ErrorKind::corrupt, where + std::to_string(payload.size()) + " bytes, " +
                                         std::to_string(count) + " slots of 8 expected"));
  }
  std::vector<GzOffset> slots;
  slots.reserve(payload.size() / 8);
  for (std::size_t at = 0; at + 8 <= payload.size(); at += 8) {
    const GzOffset slot(load_be64(&payload[at]));
    if (slot >= own || (!slots.empty() && slot <= slots.back())) {
      broken(Error(ErrorKind::corrupt, where + "slot " + std::to_string(at / 8) + " is " +
                                           std::to_string(slot.value()) +
                                           ", not above the one before and below the index"));
    }
    slots.push_back(slot);
  }
  return slots;
}

std::vector<GzOffset> decode_index(ByteView payload, std::uint64_t count, GzOffset own) {
  return decode_index(payload, count, own, fail_with);
}

Bytes encode_extension(const ExtensionHead& head, ByteView payload) {
  Bytes out;
  append_be(out, static_cast<std::uint64_t>(head.previous), 8);
  append_be(out, head.flags, 1);
  append_be(out, head.id, 4);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

ExtensionHead decode_extension(ByteView payload) {
  if (payload.size() < kExtensionHead || payload.size() > kExtensionHead + kExtensionPayloadMax) {
    corrupt("extension of " + std::to_string(payload.size()) + " bytes, 13 to 32781 expected");
  }
  ExtensionHead head;
  head.previous = static_cast<std::int64_t>(load_be64(payload.data()));
  head.flags = payload[8];
  head.id = load_be32(&payload[9]);
  if (head.previous < -1) corrupt("extension: previous offset " + std::to_string(head.previous));
  return head;
}

}  // namespace tape
