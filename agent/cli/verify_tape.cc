#include "cli/verify_tape.h"

#include <random>

#include <fmt/format.h>

#include "backup/source.h"
#include "cli/is_tape.h"
#include "cli/open_tape.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/state.h"
#include "tape/catalog_diff.h"
#include "tape/error.h"

namespace agent {
namespace {

constexpr std::uint64_t kSampleEntries = 1000;

using Kind = tape::EntryDifference::Kind;

const char* word_of(Kind kind) {
  switch (kind) {
    case Kind::added:
      return "added";
    case Kind::missing:
      return "missing";
    case Kind::changed:
      return "changed";
    case Kind::retyped:
      return "retyped";
  }
  return "";
}

char letter_of(Kind kind) {
  constexpr const char* kLetters = "+-MT";
  return kLetters[static_cast<int>(kind)];
}

void show(const tape::EntryDifference& difference, const Output& out) {
  check_stop();
  const std::string path = difference.path.empty() ? "." : difference.path;
  if (out.json())
    out.line("difference", {{"difference", word_of(difference.kind)},
                            {"name", json_text(path)},
                            {"fields", difference.what}});
  out.text(fmt::format("{} {}{}\n", letter_of(difference.kind), tape::shown(path),
                       difference.what.empty() ? "" : "  (" + difference.what + ")"));
}

Json fields_of(const tape::CatalogDiff& diff) {
  return {{"added", diff.added},
          {"missing", diff.missing},
          {"changed", diff.changed},
          {"retyped", diff.retyped},
          {"same", diff.same}};
}

// The tree at `root` as it is now, with the options of a tape.
std::unique_ptr<tape::Catalog> scanned_again(const tape::CatalogSummary& was,
                                             const std::string& root,
                                             bool hash,
                                             const Output& out) {
  const auto opened = tape::open_tree(root);
  tape::ScanOptions options;
  options.root = opened.root;
  if (opened.single_file) options.single_file = opened.root.substr(opened.root.rfind('/') + 1);
  options.metadata = was.metadata;
  options.profile = was.profile;
  options.prefix = was.prefix;
  options.source_date_epoch = was.source_date_epoch;
  options.source_options = was.source_options;
  options.hash = hash;
  options.readers = readers_of(out.global());
  options.refused = [&](const std::string& path, const std::string& why) {
    out.warning(tape::shown(path) + ": " + why);
  };
  // What that scan passed over as its own is passed over again.
  const auto state = state_identity(out.global());
  if (state && was.skipped_own_files > 0) options.own_files.push_back(*state);
  Progress progress(out);
  options.progress = [&](std::uint64_t entries) {
    check_stop();
    progress.counting(entries);
  };
  return tape::scan(*opened.tree, {tape::temporary_name(temporary_folder()), ""}, options);
}

std::string sample_text(std::uint64_t entries, std::uint64_t looked_at) {
  const auto one_in = [&](std::uint64_t share) {
    const std::uint64_t changed = std::max<std::uint64_t>(1, entries / share);
    return fmt::format("1 in {} with {:.1f} %", share,
                       tape::chance_of_noticing(entries, looked_at, changed));
  };
  return fmt::format(
      "{} of {} entries looked at; changes would be noticed: {}, {}; added ones are not seen\n",
      shown_count(looked_at), shown_count(entries), one_in(100), one_in(1000));
}

int verify_sample(tape::Catalog& tape, const Output& out) {
  const auto source = source_of(tape);
  const tape::CatalogDiff diff =
      tape::compare_sample(tape, *source.tree, {kSampleEntries, std::random_device{}()},
                           [&](const tape::EntryDifference& difference) { show(difference, out); });
  const std::uint64_t entries = tape.summary().entries;
  const std::uint64_t looked_at = std::min(entries, kSampleEntries);
  if (out.json()) {
    Json fields = fields_of(diff);
    fields["entries"] = entries;
    fields["looked_at"] = looked_at;
    fields["chance_1_in_100"] =
        tape::chance_of_noticing(entries, looked_at, std::max<std::uint64_t>(1, entries / 100));
    out.line("summary", fields);
  }
  out.text(sample_text(entries, looked_at));
  return diff.differences() == 0 ? kDone : kDamaged;
}

tape::CatalogDiff compared(tape::Catalog& recorded, tape::Catalog& found, const Output& out) {
  const tape::CatalogDiff diff = tape::compare(
      recorded, found, [&](const tape::EntryDifference& difference) { show(difference, out); });
  out.text(fmt::format("{} added, {} missing, {} changed, {} of another type, {} the same\n",
                       shown_count(diff.added), shown_count(diff.missing),
                       shown_count(diff.changed), shown_count(diff.retyped),
                       shown_count(diff.same)));
  return diff;
}

}  // namespace

int verify_tape(const std::string& what,
                const TapeCheck& check,
                const GlobalOptions& global,
                const Output& out) {
  const auto tape = open_tape(what, global, out);
  const tape::CatalogSummary& was = tape->summary();
  if (check.as_archive)
    throw tape::Error(tape::ErrorKind::usage,
                      tape::shown(what) + ": --full, --sample: not of a tape", "--quick or --deep");
  if (check.deep && !was.hashed)
    throw tape::Error(tape::ErrorKind::usage, tape::shown(what) + ": holds no hashes of contents",
                      "`ragtape scan --hash` records them");
  if (check.quick) return verify_sample(*tape, out);
  const auto now = scanned_again(was, was.root, check.deep, out);
  report_problems(*now, out);
  const tape::CatalogDiff diff = compared(*tape, *now, out);
  if (out.json()) {
    Json fields = fields_of(diff);
    fields["entries"] = was.entries;
    fields["deep"] = check.deep;
    out.line("summary", fields);
  }
  return diff.differences() == 0 ? kDone : kDamaged;
}

int diff_tapes(const std::string& before,
               const std::string& after,
               const GlobalOptions& global,
               const Output& out) {
  const auto left = open_tape(before, global, out);
  const bool tape = !tape::is_directory(after) && is_tape(after);
  const auto right = tape ? open_tape(after, global, out)
                          : scanned_again(left->summary(), after, left->summary().hashed, out);
  if (!tape) report_problems(*right, out);
  const tape::CatalogDiff diff = compared(*left, *right, out);
  if (out.json()) out.line("summary", fields_of(diff));
  return !tape && right->summary().problems > 0 ? kIncomplete : kDone;
}

}  // namespace agent
