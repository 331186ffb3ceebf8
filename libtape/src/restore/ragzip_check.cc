#include "tape/ragzip_check.h"

#include <algorithm>
#include <array>
#include <memory>
#include <set>

#include "format/gzip_format.h"
#include "format/ragzip_format.h"
#include "restore/member_scan.h"
#include "restore/metadata_reader.h"
#include "restore/page_decoder.h"
#include "restore/page_walk.h"
#include "restore/ragzip_structure.h"
#include "tape/ordered_workers.h"

namespace tape {
namespace {

constexpr ByteCount kPagesInFlightBytes = ByteCount{64} << 20;

Error corrupt(const std::string& what) {
  return {ErrorKind::corrupt, what};
}

std::string at_text(const char* what, GzOffset at) {
  return std::string(what) + " at " + std::to_string(at.value());
}

struct PageJob {
  std::uint64_t number = 0;
  GzRange place;
  ByteCount length = 0;
  bool alone = false;  // nothing else may be in `place`
  std::optional<Error> failure;
};

// What a worker decodes with.
class PageChecker {
 public:
  explicit PageChecker(const RangeSource& source) : window_(source), decoder_(window_) {}

  void check(PageJob& job) {
    job.failure = failure_of([&] {
      expect_room_for(job.length, job.place);
      bytes_.resize(job.length);
      const GzOffset end = decoder_.decode(job.place, bytes_, PageDecoder::Begin::page).end();
      if (job.alone) decoder_.expect_empty({end, job.place.end() - end});
    });
  }

 private:
  RangeWindow window_;
  PageDecoder decoder_;
  Bytes bytes_;
};

// Finds where gzip members go on behind damage.
class MemberSearch {
 public:
  explicit MemberSearch(const RangeSource& source) : source_(source), window_(source) {}

  // The first sound member behind `at`; none when there is none, or after kTriesMax that were not:
  // inside of compressed data three bytes look like a header once in 16 MiB.
  std::optional<GzOffset> next(GzOffset at) {
    for (int tries = 0; tries < kTriesMax; ++tries) {
      const auto found = header_at(at + 1);
      if (!found) return {};
      at = *found;
      MemberScan scan(source_, at);
      if (!failure_of([&] { scan.next({}); })) return at;
    }
    return {};
  }

 private:
  // What is no gzip member fails at once, as a rule; an input may be made to make it last.
  static constexpr int kTriesMax = 64;
  static constexpr ByteCount kWindow = ByteCount{64} << 10;

  // The next three bytes that begin a gzip header.
  std::optional<GzOffset> header_at(GzOffset at) {
    constexpr std::array<std::uint8_t, 3> kMagic = {0x1F, 0x8B, 8};
    while (at + kMagic.size() <= GzOffset(source_.size())) {
      const ByteView in =
          window_.view(at, std::min<ByteCount>(kWindow, source_.size() - at.value()));
      const auto found = std::search(in.begin(), in.end(), kMagic.begin(), kMagic.end());
      if (found != in.end()) return at + static_cast<ByteCount>(found - in.begin());
      at = at + (in.size() - kMagic.size() + 1);
    }
    return {};
  }

  const RangeSource& source_;
  RangeWindow window_;
};

class Checker {
 public:
  Checker(const RangeSource& source,
          unsigned workers,
          const std::function<void(const Violation&)>& report,
          const std::function<void(ByteCount)>& progress)
      : source_(source),
        workers_count_(workers),
        report_(report),
        progress_(progress),
        metadata_(source, kTailReadSize) {}

  RagzipCheck run() {
    const bool led = read_footer();
    if (led) check_by_index();
    if (!led || index_broken_) walk_members();
    return out_;
  }

 private:
  using Pages = OrderedWorkers<PageJob>;

  void violation(GzOffset at, const Error& error) {
    ++out_.violations;
    reported_.insert(at);
    report_({at, error});
  }

  // Runs a step; its failure, when it is one of the format, is a violation. False: it failed.
  template <class Step>
  bool holds(GzOffset at, Step&& step) {
    const auto failure = failure_of(std::forward<Step>(step));
    if (!failure) return true;
    if (failure->kind() != ErrorKind::corrupt && failure->kind() != ErrorKind::unsupported)
      throw Error(*failure);
    violation(at, *failure);
    return false;
  }

  // Whether it can be followed.
  bool read_footer() {
    const ByteCount size = source_.size();
    if (size < kFooterSize) {
      violation(GzOffset(0), corrupt("not a ragzip file: " + std::to_string(size) +
                                     " bytes, a footer alone has 64"));
      return false;
    }
    const GzOffset at(size - kFooterSize);
    bool sound = true;
    const bool read = holds(at, [&] {
      const auto member = metadata_.member(at, GzOffset(size), {"RA", "footer", kFooterSize});
      if (member.end.value() != size)
        throw corrupt("footer: ends at " + std::to_string(member.end.value()) + ", the file at " +
                      std::to_string(size));
      footer_ = decode_footer(member.payload, [&](const Error& error) {
        sound = false;
        violation(at, error);
      });
    });
    if (!read) return false;
    const bool top =
        footer_.top_index >= 0 && footer_.top_index < static_cast<std::int64_t>(at.value());
    if (footer_.levels > 0 && !top && sound)
      violation(at, corrupt("footer: top index offset " + std::to_string(footer_.top_index) +
                            " is behind it"));
    if (!sound && !leads()) return false;
    out_.geometry = geometry_of(footer_, at);
    return footer_.levels == 0 || top;
  }

  // Whether what is broken in the footer is beside the way to the pages.
  bool leads() const {
    return footer_.page_bits >= kPageBitsMin && footer_.page_bits <= kPageBitsMax &&
           footer_.index_bits >= kIndexBitsMin && footer_.index_bits <= kIndexBitsMax &&
           footer_.logical_size <= kLogicalSizeMax &&
           footer_.levels ==
               levels_for(pages_for(footer_.logical_size, footer_.page_bits), footer_.index_bits);
  }

  void check_by_index() {
    check_extensions();
    const RagzipGeometry& geometry = *out_.geometry;
    const auto most = std::max<std::size_t>(1, kPagesInFlightBytes >> geometry.page_bits);
    // Each worker holds a page of its own.
    const std::size_t workers = std::min<std::size_t>(workers_count_, most);
    Pages pages(workers, std::clamp<std::size_t>(workers * 4, 1, most), [this] {
      return
          [checker = std::make_shared<PageChecker>(source_)](PageJob& job) { checker->check(job); };
    });
    if (geometry.levels > 0) {
      check_index(pages, {geometry.levels, geometry.top_index, geometry.footer, 0});
      // Behind the last page there are indexes, and nothing with content up to the end.
      if (pending_) pending_->place.size = GzOffset(source_.size()) - pending_->place.begin;
    } else if (geometry.page_count > 0) {
      pending_ = PageJob{0, {GzOffset(0), source_.size()}, geometry.logical_size, true, {}};
    } else {
      holds(GzOffset(0), [&] {
        PageDecoder(tail_window_).expect_empty({GzOffset(0), source_.size()});
      });
    }
    submit_pending(pages);
    while (!pages.empty())
      take_page(pages);
  }

  void check_extensions() {
    GzOffset limit = out_.geometry->footer;
    std::size_t count = 0;
    for (std::int64_t tail = footer_.extension_tail; tail >= 0; ++count) {
      const GzOffset at(static_cast<std::uint64_t>(tail));
      if (count == kExtensionCountMax) return violation(at, corrupt("more than 50 extensions"));
      const auto previous = check_extension(at, limit);
      if (!previous) return;
      limit = at;
      tail = *previous;
    }
  }

  // `limit`: what names it. Returns what it names; none when it cannot be followed.
  std::optional<std::int64_t> check_extension(GzOffset at, GzOffset limit) {
    const std::string where = at_text("extension", at);
    if (at >= limit) {
      violation(limit, corrupt(where + ": not before " + std::to_string(limit.value())));
      return {};
    }
    ExtensionHead head;
    const bool read = holds(at, [&] {
      const auto member = metadata_.member(at, limit, {"RA", "extension", 0});
      head = within(where, [&] { return decode_extension(member.payload); });
    });
    if (!read) return {};
    if ((head.flags & kSpecificationFlag) != 0)
      violation(at, Error(ErrorKind::unsupported, where + ": id " + std::to_string(head.id) +
                                                      " is of a later ragzip specification"));
    return head.previous;
  }

  struct Place {
    int level = 0;
    GzOffset at;
    GzOffset limit;
    std::uint64_t first_page = 0;
  };

  // An index and what is below it, in the order of the pages. Nothing is visited twice: offsets of
  // a level must increase.
  void check_index(Pages& pages, const Place& place) {
    const RagzipGeometry& geometry = *out_.geometry;
    const int bits = span_bits(geometry.index_bits, place.level);
    const std::uint64_t covered = std::min(geometry.page_count - place.first_page,
                                           bits + geometry.index_bits >= 63
                                               ? geometry.page_count
                                               : std::uint64_t{1} << (bits + geometry.index_bits));
    const std::uint64_t count = ((covered - 1) >> bits) + 1;
    std::vector<GzOffset> slots;
    const bool read = holds(place.at, [&] {
      const auto member =
          metadata_.member(place.at, place.limit, {"RA", "index", kMetadataOverhead + 8 * count});
      slots = decode_index(member.payload, count, place.at, [&](const Error& error) {
        index_broken_ = true;
        violation(place.at, error);
      });
    });
    if (!read) {
      index_broken_ = true;
      lose_pending_end();
      return;
    }
    if (slots.size() > count) slots.resize(count);
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
      // A next slot that is wrong itself says nothing of where this one's index ends.
      const bool bounded = slot + 1 < slots.size() && slots[slot + 1] > slots[slot];
      const Place below{place.level - 1, slots[slot],
                        bounded ? std::min(slots[slot + 1], place.at) : place.at,
                        place.first_page + (std::uint64_t{slot} << bits)};
      if (below.at >= place.at || !rises(below, place)) {
        index_broken_ = true;
        lose_pending_end();
        continue;
      }
      if (below.level > 0) {
        check_index(pages, below);
      } else {
        add_page(pages, below.first_page, below.at, place.at);
      }
    }
    if (slots.size() < count) lose_pending_end();
  }

  // Offsets of one level increase over the whole object. Inside of an index that was told already.
  bool rises(const Place& below, const Place& index) {
    auto& last = last_[static_cast<std::size_t>(below.level)];
    if (last && below.at <= *last) {
      if (!reported_.contains(index.at))
        violation(index.at,
                  corrupt(at_text("index", index.at) + ": " + std::to_string(below.at.value()) +
                          " is not above the last one of the index in front, " +
                          std::to_string(last->value())));
      return false;
    }
    last = below.at;
    return true;
  }

  // A page ends where the next one begins, which is known when that comes.
  void add_page(Pages& pages, std::uint64_t number, GzOffset at, GzOffset index) {
    const GzRange in_front{GzOffset(0), at - GzOffset(0)};
    if (number == 0)
      holds(in_front.begin, [&] { PageDecoder(tail_window_).expect_empty(in_front); });
    if (pending_ && pending_->alone) pending_->place.size = at - pending_->place.begin;
    submit_pending(pages);
    const RagzipGeometry& geometry = *out_.geometry;
    const ByteCount length = std::min(ByteCount{1} << geometry.page_bits,
                                      geometry.logical_size - (number << geometry.page_bits));
    pending_ = PageJob{number, {at, index - at}, length, true, {}};
  }

  // The page that is to follow is not known.
  void lose_pending_end() {
    if (pending_) pending_->alone = false;
  }

  void submit_pending(Pages& pages) {
    if (!pending_) return;
    while (pages.full())
      take_page(pages);
    pages.submit(std::move(*pending_));
    pending_.reset();
  }

  void take_page(Pages& pages) {
    const PageJob job = pages.take();
    const bool sound = holds(job.place.begin, [&] {
      if (job.failure) throw Error(*job.failure);
    });
    if (!sound) return;
    ++out_.pages_checked;
    out_.bytes_checked += job.length;
    if (progress_) progress_(out_.bytes_checked);
  }

  void walk_from(MemberScan& scan, ByteCount& bytes) {
    while (const auto member = scan.next({})) {
      bytes += member->content_size;
      if (progress_) progress_(bytes);
    }
  }

  // All members one behind the other; behind damage from the next one that is sound.
  void walk_members() {
    MemberSearch search(source_);
    ByteCount bytes = 0;
    for (std::optional<GzOffset> from = GzOffset(0); from;) {
      MemberScan scan(source_, *from);
      const auto damage = failure_of([&] { walk_from(scan, bytes); });
      if (damage && !reported_.contains(scan.position()))
        holds(scan.position(), [&] { throw Error(*damage); });
      from = damage ? search.next(scan.position()) : std::nullopt;
    }
    out_.bytes_checked = std::max(out_.bytes_checked, bytes);
  }

  const RangeSource& source_;
  const unsigned workers_count_;
  const std::function<void(const Violation&)>& report_;
  const std::function<void(ByteCount)>& progress_;
  MetadataReader metadata_;
  RangeWindow tail_window_{source_};
  RagzipFooter footer_;
  RagzipCheck out_;
  bool index_broken_ = false;
  std::set<GzOffset> reported_;
  std::array<std::optional<GzOffset>, kLevelsMax + 1> last_;  // offset of each level
  std::optional<PageJob> pending_;
};

}  // namespace

RagzipCheck check_ragzip(const RangeSource& source,
                         unsigned workers,
                         const std::function<void(const Violation&)>& report,
                         const std::function<void(ByteCount done)>& progress) {
  return Checker(source, workers, report, progress).run();
}

}  // namespace tape
