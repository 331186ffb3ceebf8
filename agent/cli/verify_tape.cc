#include "cli/verify_tape.h"

#include <random>

#include <fmt/format.h>

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
    case Kind::unreadable:
      return "unreadable";
  }
  return "";
}

char letter_of(Kind kind) {
  constexpr const char* kLetters = "+-MT?";
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
          {"unreadable", diff.unreadable},
          {"not_compared", diff.not_compared},
          {"same", diff.same},
          {"problems", diff.problems}};
}

// What differs, and what nobody could look at.
int code_of(const tape::CatalogDiff& diff) {
  if (diff.differences() > 0) return kDamaged;
  return diff.is_incomplete() ? kIncomplete : kDone;
}

// The tree as it is now, with the options of a tape. Nothing is written in it.
std::unique_ptr<tape::Catalog> scanned_again(const tape::CatalogSummary& was,
                                             const tape::OpenedTree& opened,
                                             bool hash,
                                             const Output& out) {
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
  const OutsideFolder place = folder_outside(opened.root, out.global());
  if (place.own) options.own_files.push_back(*place.own);
  Progress progress(out);
  options.progress = [&](std::uint64_t entries) {
    check_stop();
    progress.counting(entries);
  };
  return tape::scan(*opened.tree, {tape::temporary_name(place.path), ""}, options);
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

// A sample against the tree; of a root that is of another kind, that alone.
int verify_sample(tape::Catalog& tape, const Output& out) {
  const auto source = tape::open_tree(tape.summary().root);
  const auto visit = [&](const tape::EntryDifference& difference) { show(difference, out); };
  const bool root = source.single_file != tape.summary().single_file;
  const tape::CatalogDiff diff =
      root ? tape::retyped_root(visit)
           : tape::compare_sample(tape, *source.tree, {kSampleEntries, std::random_device{}()},
                                  visit);
  const std::uint64_t entries = tape.summary().entries;
  const std::uint64_t looked_at = root ? 1 : std::min(entries, kSampleEntries);
  if (out.json()) {
    Json fields = fields_of(diff);
    fields["entries"] = entries;
    fields["looked_at"] = looked_at;
    fields["chance_1_in_100"] =
        tape::chance_of_noticing(entries, looked_at, std::max<std::uint64_t>(1, entries / 100));
    out.line("summary", fields);
  }
  if (!root) out.text(sample_text(entries, looked_at));
  return code_of(diff);
}

void show_counts(const tape::CatalogDiff& diff, const Output& out) {
  const std::string unreadable =
      diff.unreadable > 0 ? shown_count(diff.unreadable) + " could not be looked at, " : "";
  out.text(fmt::format("{} added, {} missing, {} changed, {} of another type, {}{} the same\n",
                       shown_count(diff.added), shown_count(diff.missing),
                       shown_count(diff.changed), shown_count(diff.retyped), unreadable,
                       shown_count(diff.same)));
  if (diff.not_compared > 0)
    out.warning(
        fmt::format("not compared: the content of {} files, which one side has no hash of; "
                    "otherwise they are the same",
                    shown_count(diff.not_compared)));
}

// `problems`: of the tree, as its scan counted them.
struct Compared {
  tape::CatalogDiff diff;
  std::uint64_t problems = 0;
};

// A tape against a tree that is scanned for it.
Compared compared_with_tree(tape::Catalog& tape,
                            const std::string& root,
                            bool hash,
                            const Output& out) {
  const auto visit = [&](const tape::EntryDifference& difference) { show(difference, out); };
  const auto opened = tape::open_tree(root);
  Compared result;
  if (opened.single_file != tape.summary().single_file) {
    result.diff = tape::retyped_root(visit);
  } else {
    const auto now = scanned_again(tape.summary(), opened, hash, out);
    report_problems(*now, out);
    result.diff = tape::compare(tape, *now, visit, opened.tree.get());
    result.problems = now->summary().problems;
  }
  show_counts(result.diff, out);
  return result;
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
  const tape::CatalogDiff diff = compared_with_tree(*tape, was.root, check.deep, out).diff;
  if (out.json()) {
    Json fields = fields_of(diff);
    fields["entries"] = was.entries;
    fields["deep"] = check.deep;
    out.line("summary", fields);
  }
  return code_of(diff);
}

int diff_tapes(const std::string& before,
               const std::string& after,
               const GlobalOptions& global,
               const Output& out) {
  const auto left = open_tape(before, global, out);
  const bool tape = !tape::is_directory(after) && is_tape(after);
  Compared result;
  if (tape) {
    result.diff =
        tape::compare(*left, *open_tape(after, global, out),
                      [&](const tape::EntryDifference& difference) { show(difference, out); });
    show_counts(result.diff, out);
  } else {
    result = compared_with_tree(*left, after, left->summary().hashed, out);
  }
  if (out.json()) out.line("summary", fields_of(result.diff));
  return result.problems + result.diff.unreadable > 0 ? kIncomplete : kDone;
}

}  // namespace agent
