#include "tape/page_scan.h"

#include <algorithm>
#include <bit>

#include "base/endian.h"
#include "format/gzip_format.h"
#include "format/ragzip_format.h"
#include "restore/member_scan.h"

namespace tape {
namespace {

constexpr int kUsualPageBits = RagzipShape().page_bits;
constexpr int kUsualIndexBits = RagzipShape().index_bits;

struct Content {
  ByteCount logical = 0;  // of its first byte
  GzRange place;
};

// The exponent of a power of two in the range of pages.
std::optional<int> page_bits_of(ByteCount size) {
  const int bits = std::countr_zero(size);
  if (!std::has_single_bit(size) || bits < kPageBitsMin || bits > kPageBitsMax) return {};
  return bits;
}

// Takes members in the order of the object.
class Evidence {
 public:
  void add(const ScannedMember& member) {
    footer_.reset();
    if (member.content_size > 0) {
      contents_.push_back({logical_, member.place});
      logical_ += member.content_size;
      // What was full before this arrived is an index that is not the last of its level.
      if (pending_slots_) full_slots_ = std::exchange(pending_slots_, std::nullopt);
      extensions_.clear();
      return;
    }
    if (member.ident != "RA") return;
    metadata_ = true;
    add_footer(member);
    add_index(member);
    add_extension(member);
    metadata_places_.push_back(member.place.begin);
  }

  // What stands in the last 64 bytes when the members do not lead there.
  void add_last_bytes(ByteView bytes) {
    constexpr std::size_t kPayloadAt = 16;
    const std::size_t end = bytes.size() - kEmptyBody.size();
    if (bytes[0] != 0x1F || bytes[1] != 0x8B || bytes[12] != 'R' || bytes[13] != 'A') return;
    const ByteView payload = bytes.subspan(kPayloadAt, end - kPayloadAt);
    add_footer({{GzOffset(0), kFooterSize}, 0, "RA", Bytes(payload.begin(), payload.end())});
  }

  PageScan result(const PageScanHints& hints) const {
    PageScan out;
    out.logical_size = logical_;
    out.extensions = extensions_;
    if (footer_) out.claimed_size = footer_->logical_size;
    out.shape.page_bits = page_bits(hints);
    out.pages = pages(out.shape.page_bits);
    const auto known = index_bits(hints);
    out.index_bits_known = known.has_value();
    out.shape.index_bits = known.value_or(usual_index_bits(out.pages.size()));
    out.shape.compat = out.shape.index_bits <= kIndexBitsMaxCompatible;
    return out;
  }

 private:
  void add_footer(const ScannedMember& member) {
    if (member.place.size != kFooterSize) return;
    bool sound = true;
    const auto failure = failure_of(
        [&] { footer_ = decode_footer(member.payload, [&](const Error&) { sound = false; }); });
    if (failure || !sound) footer_.reset();
  }

  // Of level 1: its slots name pages.
  void add_index(const ScannedMember& member) {
    const std::size_t count = member.payload.size() / 8;
    if (count < 2 || member.payload.size() % 8 != 0) return;
    const GzOffset first(load_be64(member.payload.data()));
    const GzOffset second(load_be64(&member.payload[8]));
    if (first >= second || second >= member.place.begin) return;
    if (std::binary_search(metadata_places_.begin(), metadata_places_.end(), first)) return;
    const auto from = content_at(first);
    const auto to = content_at(second);
    if (from == contents_.end() || to == contents_.end()) return;
    if (!begins_at(from, first) || !begins_at(to, second)) return;
    const auto bits = page_bits_of(to->logical - from->logical);
    if (!bits) return;
    if (!indexed_page_bits_) indexed_page_bits_ = bits;
    pending_slots_ = count;
  }

  void add_extension(const ScannedMember& member) {
    ExtensionHead head;
    if (failure_of([&] { head = decode_extension(member.payload); })) return;
    const std::int64_t before =
        extensions_.empty() ? -1 : static_cast<std::int64_t>(extensions_.back().offset.value());
    if (head.previous != before || extensions_.size() == kExtensionCountMax) return;
    extensions_.push_back({member.place.begin, head.flags, head.id,
                           Bytes(member.payload.begin() + kExtensionHead, member.payload.end())});
  }

  std::vector<Content>::const_iterator content_at(GzOffset at) const {
    return std::lower_bound(
        contents_.begin(), contents_.end(), at,
        [](const Content& content, GzOffset place) { return content.place.begin < place; });
  }

  // Whether `slot` names `found`, the first content at or behind it: not the inside of the one
  // before.
  bool begins_at(std::vector<Content>::const_iterator found, GzOffset slot) const {
    return found == contents_.begin() || std::prev(found)->place.end() <= slot;
  }

  // Whether a member begins at each multiple of a page.
  bool falls_into(int bits) const {
    ByteCount next = 0;
    for (const Content& content : contents_) {
      if (content.logical > next) return false;
      if (content.logical == next) next += ByteCount{1} << bits;
    }
    return next >= logical_;
  }

  int page_bits(const PageScanHints& hints) const {
    if (hints.page_bits) {
      if (!falls_into(*hints.page_bits))
        throw Error(ErrorKind::usage, "--page-size 2^" + std::to_string(*hints.page_bits) +
                                          ": no gzip member begins at each multiple of it");
      return *hints.page_bits;
    }
    for (const auto& said :
         {footer_ ? std::optional(footer_->page_bits) : std::nullopt, indexed_page_bits_}) {
      if (said && falls_into(*said)) return *said;
    }
    if (contents_.size() <= 1) {
      const int needed = logical_ <= 1 ? 0 : static_cast<int>(std::bit_width(logical_ - 1));
      if (std::max(kUsualPageBits, needed) <= kPageBitsMax) return std::max(kUsualPageBits, needed);
    }
    // The smallest: a larger one would make pages of several members.
    for (int bits = kPageBitsMin; bits <= kPageBitsMax; ++bits) {
      if (falls_into(bits)) return bits;
    }
    throw Error(
        ErrorKind::corrupt,
        "its gzip members do not fall into pages of one size, so no index can name them",
        "`ragtape ragzip decode --lenient` reads it, `ragtape ragzip encode` makes a new one");
  }

  std::optional<int> index_bits(const PageScanHints& hints) const {
    if (hints.index_bits) return hints.index_bits;
    if (footer_) return footer_->index_bits;
    if (full_slots_ && std::has_single_bit(*full_slots_)) return std::countr_zero(*full_slots_);
    return {};
  }

  // A ragzip file of which no index came among its pages has at most one.
  int usual_index_bits(std::uint64_t pages) const {
    const bool one_index = metadata_ && pages > std::uint64_t{1} << kUsualIndexBits;
    if (!one_index || pages > std::uint64_t{1} << kIndexBitsMax) return kUsualIndexBits;
    return static_cast<int>(std::bit_width(pages - 1));
  }

  std::vector<GzRange> pages(int bits) const {
    std::vector<GzRange> out;
    for (const Content& content : contents_) {
      if (content.logical == ByteCount{out.size()} << bits) {
        out.push_back(content.place);
      } else {
        out.back().size = content.place.end() - out.back().begin;
      }
    }
    return out;
  }

  std::vector<Content> contents_;
  ByteCount logical_ = 0;
  bool metadata_ = false;
  std::vector<GzOffset> metadata_places_;
  std::optional<int> indexed_page_bits_;
  std::optional<std::uint64_t> pending_slots_;  // of the last index of level 1
  std::optional<std::uint64_t> full_slots_;
  std::vector<RagzipExtension> extensions_;
  std::optional<RagzipFooter> footer_;  // when it is the last member so far
};

}  // namespace

PageScan scan_pages(const RangeSource& source,
                    const PageScanHints& hints,
                    const std::function<void(ByteView)>& content,
                    const std::function<void(GzOffset)>& progress) {
  Evidence evidence;
  MemberScan scan(source, GzOffset(0));
  const auto damage = failure_of([&] {
    while (const auto member = scan.next(content)) {
      evidence.add(*member);
      if (progress) progress(scan.position());
    }
  });
  if (damage && damage->kind() != ErrorKind::corrupt) throw Error(*damage);
  if (damage && source.size() >= kFooterSize) {
    Bytes last(kFooterSize);
    source.read_at(GzOffset(source.size() - kFooterSize), last);
    evidence.add_last_bytes(last);
  }
  PageScan out = evidence.result(hints);
  out.end = scan.position();
  out.damage = damage;
  return out;
}

}  // namespace tape
