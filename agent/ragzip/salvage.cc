#include "ragzip/salvage.h"

#include <algorithm>

#include "tape/error.h"
#include "tape/member_index.h"
#include "tape/ragzip_check.h"
#include "tape/ragzip_file.h"
#include "tape/tape_parser.h"

namespace agent {
namespace {

using tape::ByteCount;
using tape::Bytes;
using tape::ByteView;
using tape::GzOffset;

constexpr std::size_t kCopyBytes = std::size_t{512} * 1024;

class NullSink final : public tape::ByteSink {
 public:
  void write(ByteView) override {}
  void finish() override {}
};

// What the members say of how the tape was recorded.
class TapeFacts final : public tape::MemberObserver {
 public:
  void member_starts(const tape::Entry& entry, const Start&) override {
    const tape::Member& member = entry.member;
    const bool portable = member.uid == 0 && member.gid == 0 && member.uname == "root" &&
                          member.gname == "root" && member.xattrs.empty();
    if (!portable) metadata = tape::Metadata::full;
  }
  void member_ends(const tape::Entry&, const tape::MemberEnd&) override {}

  tape::Metadata metadata = tape::Metadata::portable;
};

// A file with another end.
class WithFooter final : public tape::RangeSource {
 public:
  WithFooter(const tape::RangeSource& front, ByteCount kept, const Bytes& footer)
      : front_(front), kept_(kept), footer_(footer) {}
  ByteCount size() const override { return kept_ + footer_.size(); }
  std::string name() const override { return front_.name(); }
  void read_at(GzOffset at, tape::MutableBytes out) const override {
    const std::size_t n =
        at.value() < kept_ ? std::min<ByteCount>(out.size(), kept_ - at.value()) : 0;
    if (n > 0) front_.read_at(at, out.first(n));
    const std::size_t from = at.value() + n - kept_;
    if (n < out.size())
      std::copy_n(footer_.begin() + static_cast<std::ptrdiff_t>(from), out.size() - n,
                  out.begin() + static_cast<std::ptrdiff_t>(n));
  }

 private:
  const tape::RangeSource& front_;
  ByteCount kept_;
  const Bytes& footer_;
};

void copy(const tape::RangeSource& source, tape::GzRange range, tape::ByteSink& out) {
  Bytes piece;
  for (GzOffset at = range.begin; at < range.end(); at = at + piece.size()) {
    piece.resize(std::min<ByteCount>(kCopyBytes, range.end() - at));
    source.read_at(at, piece);
    out.write(piece);
  }
}

class Salvage {
 public:
  Salvage(const tape::RangeSource& source, tape::ByteSink& out, const SalvageOptions& options)
      : source_(source), out_(out), options_(options) {}

  SalvageSummary run(tape::LeafSpool spool) {
    scan();
    const bool kept = keep_all_but_the_footer();
    if (!kept) is_tape_ ? rebuild_volume(spool) : rebuild_pages();
    // An index, or an extension, stands behind all pages. A single page has no index.
    const bool behind = summary_.scan.pages.size() > 1 || !summary_.scan.extensions.empty();
    summary_.complete = (kept && behind) || summary_.tape_complete ||
                        summary_.scan.claimed_size == summary_.scan.logical_size;
    out_.finish();
    return std::move(summary_);
  }

 private:
  // Once over everything: where pages lie, and whether they hold a tape.
  void scan() {
    tape::TapeParser parser(facts_);
    std::optional<tape::Error> no_tape;
    summary_.scan = tape::scan_pages(
        source_, options_.hints,
        [&](ByteView bytes) {
          if (!no_tape) no_tape = tape::failure_of([&] { parser.write(bytes); });
        },
        [this](GzOffset at) { options_.progress(at.value()); });
    const tape::PageScan& scan = summary_.scan;
    if (scan.pages.empty() && (scan.damage || scan.end == GzOffset(0)))
      throw tape::Error(tape::ErrorKind::corrupt,
                        std::string("no page is whole") +
                            (scan.damage ? std::string(": ") + scan.damage->what() : ""));
    // A truncated member may have fed the parser more than its pages hold: no matter here.
    is_tape_ = !no_tape && parser.members() > 0;
    if (no_tape && parser.members() > 0) summary_.why_no_index = no_tape->what();
  }

  tape::RagzipOptions ragzip_options() const {
    tape::RagzipOptions out = options_.ragzip;
    static_cast<tape::RagzipShape&>(out) = summary_.scan.shape;
    return out;
  }

  // What is behind the pages may be whole but for the footer: then nothing else is made.
  bool keep_all_but_the_footer() {
    const tape::PageScan& scan = summary_.scan;
    NullSink nothing;
    tape::RagzipAssembler indexes(nothing, scan.shape);
    add_pages(indexes);
    indexes.finish_pages();
    const bool index_there =
        scan.end >= indexes.position() && scan.pages_end() <= indexes.position();
    if (!index_there) return false;
    const GzOffset kept = scan.extensions.empty() ? indexes.position() : extensions_end();
    const Bytes footer = indexes.footer_member(
        scan.extensions.empty() ? std::nullopt : std::optional(scan.extensions.back().offset));
    const WithFooter whole(source_, kept.value(), footer);
    if (!is_sound(whole)) return false;
    const auto index = member_index_of(whole);
    if (is_tape_ && !index) return false;
    if (index) summary_.member_index = MemberIndexFate::kept;
    summary_.members = index.value_or(0);
    copy(source_, {GzOffset(0), kept.value()}, out_);
    out_.write(footer);
    summary_.bytes_written = kept.value() + footer.size();
    summary_.bytes_behind = source_.size() - kept.value();
    return true;
  }

  // All of it: an index may be in order and name other places than those of the pages.
  static bool is_sound(const tape::RangeSource& file) {
    std::uint64_t violations = 0;
    const auto failure = tape::failure_of([&] {
      violations = tape::check_ragzip(file, 0, [](const tape::Violation&) {}, {}).violations;
    });
    return !failure && violations == 0;
  }

  GzOffset extensions_end() const {
    constexpr ByteCount kOverhead = 26 + 13;  // of a metadata member, and of an extension in it
    const tape::RagzipExtension& last = summary_.scan.extensions.back();
    return last.offset + kOverhead + last.payload.size();
  }

  // Records of a member index that is sound in every node; none without one.
  static std::optional<std::uint64_t> member_index_of(const tape::RangeSource& file) {
    std::optional<std::uint64_t> records;
    const auto failure = tape::failure_of([&] {
      tape::RagzipReader reader(file);
      tape::MemberIndex index(reader);
      index.check();
      records = index.root().records;
    });
    return failure ? std::nullopt : records;
  }

  // Pages as they are, without content: where they stand is all that matters.
  void add_pages(tape::RagzipAssembler& assembler) const {
    const tape::PageScan& scan = summary_.scan;
    for (std::size_t number = 0; number < scan.pages.size(); ++number)
      assembler.skip_page(scan.pages[number].size, page_length(number));
  }

  ByteCount page_length(std::size_t number) const {
    const tape::PageScan& scan = summary_.scan;
    const int bits = scan.shape.page_bits;
    return std::min(ByteCount{1} << bits, scan.logical_size - (ByteCount{number} << bits));
  }

  Bytes page_members(std::size_t number) const {
    Bytes out(summary_.scan.pages[number].size);
    source_.read_at(summary_.scan.pages[number].begin, out);
    return out;
  }

  void rebuild_pages() {
    tape::RagzipAssembler assembler(out_, summary_.scan.shape);
    for (std::size_t number = 0; number < summary_.scan.pages.size(); ++number) {
      assembler.add_page(page_members(number), page_length(number));
      options_.progress(source_.size() + summary_.scan.pages[number].end().value());
    }
    assembler.finish_pages();
    for (const tape::RagzipExtension& extension : summary_.scan.extensions)
      if (extension.id != tape::kTmixId)
        assembler.add_extension(extension.id, extension.payload, extension.flags);
    assembler.finish();
    summary_.bytes_written = assembler.position().value();
    summary_.bytes_behind = source_.size() - summary_.scan.pages_end().value();
  }

  // A page goes out when all members that begin in it are known, so not inside of a header.
  void rebuild_volume(tape::LeafSpool spool) {
    const tape::PageScan& scan = summary_.scan;
    const tape::RagzipFile file(source_, scan);
    tape::RagzipCursor cursor(file);
    tape::VolumeWriter volume(
        out_, spool, {ragzip_options(), {tape::TapeOffset(0), scan.logical_size}, facts_.metadata});
    tape::TapeParser parser(volume);
    std::vector<Bytes> waiting;
    std::size_t next = 0;
    for (std::size_t number = 0; number < scan.pages.size(); ++number) {
      Bytes& page = waiting.emplace_back(page_length(number));
      cursor.read(page);
      parser.write(page);
      if (parser.in_header() && number + 1 < scan.pages.size()) continue;
      for (const Bytes& bytes : waiting)
        volume.add_page(page_members(next++), bytes);
      waiting.clear();
      options_.progress(source_.size() + scan.pages[number].end().value());
    }
    for (const tape::RagzipExtension& extension : scan.extensions)
      if (extension.id != tape::kTmixId)
        volume.add_extension(extension.id, extension.payload, extension.flags);
    const tape::VolumeSummary made = volume.finish();
    summary_.bytes_written = made.size;
    summary_.bytes_behind = source_.size() - scan.pages_end().value();
    summary_.member_index = MemberIndexFate::rebuilt;
    summary_.members = made.records;
    summary_.tape_complete = parser.complete();
  }

  const tape::RangeSource& source_;
  tape::ByteSink& out_;
  const SalvageOptions& options_;
  TapeFacts facts_;
  bool is_tape_ = false;
  SalvageSummary summary_;
};

}  // namespace

SalvageSummary salvage(const tape::RangeSource& source,
                       tape::ByteSink& out,
                       tape::LeafSpool spool,
                       const SalvageOptions& options) {
  return Salvage(source, out, options).run(spool);
}

}  // namespace agent
