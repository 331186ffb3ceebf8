#include "tape/catalog_diff.h"

#include <algorithm>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "catalog/entry_row.h"
#include "catalog/layout.h"
#include "format/path_order.h"
#include "tape/error.h"

namespace tape {
namespace {

using Kind = EntryDifference::Kind;

// Empty: the same.
std::string changes(const Entry& a, const Entry& b) {
  std::string out;
  const auto note = [&](bool differs, const char* what) {
    if (differs) out += (out.empty() ? "" : ", ") + std::string(what);
  };
  note(a.source.kind == SourceKind::regular && a.source.size != b.source.size, "size");
  note(a.member.mode != b.member.mode, "mode");
  note(a.source.mtime != b.source.mtime, "mtime");
  note(a.member.uid != b.member.uid || a.member.gid != b.member.gid ||
           a.member.uname != b.member.uname || a.member.gname != b.member.gname,
       "owner");
  note(a.member.type != MemberType::hard_link && a.member.target != b.member.target, "target");
  note(a.member.device_major != b.member.device_major ||
           a.member.device_minor != b.member.device_minor,
       "device");
  note(a.member.xattrs != b.member.xattrs, "xattrs");
  return out;
}

// The first name of a hard link's inode, below the root.
std::string first_name(const Entry& entry, const CatalogSummary& summary) {
  const std::size_t prefix = summary.prefix.empty() ? 0 : summary.prefix.size() + 1;
  return entry.member.type == MemberType::hard_link ? entry.member.target.substr(prefix) : "";
}

enum class Content { same, differs, unknown };

// Of two regular files of hashed tapes. A recorded hash that has none beside it is of a file that
// was written to while it was read again.
Content compared_content(const Entry& a, const Entry& b) {
  if (!a.hash) return Content::unknown;
  return a.hash == b.hash ? Content::same : Content::differs;
}

class Report {
 public:
  // `hashed`: on both sides contents were read.
  explicit Report(const DifferenceVisitor& visit, bool hashed = false)
      : hashed_(hashed), visit_(visit) {}

  void add(Kind kind, const std::string& path, const std::string& what) {
    std::uint64_t* counts[] = {&diff.added, &diff.missing, &diff.changed, &diff.retyped,
                               &diff.unreadable};
    ++*counts[static_cast<int>(kind)];
    if (visit_) visit_({kind, path, what});
  }
  void pair(const Entry& a, const Entry& b, bool other_links) {
    if (a.source.kind != b.source.kind) return add(Kind::retyped, a.path, "type");
    const bool with_content = hashed_ && a.source.kind == SourceKind::regular;
    const Content content = with_content ? compared_content(a, b) : Content::same;
    std::string what = changes(a, b);
    const auto note = [&](bool differs, const char* field) {
      if (differs) what += (what.empty() ? "" : ", ") + std::string(field);
    };
    note(other_links, "hard link");
    note(content == Content::differs, "content");
    if (!what.empty()) return add(Kind::changed, a.path, what);
    ++(content == Content::unknown ? diff.not_compared : diff.same);
  }

  CatalogDiff diff;

 private:
  const bool hashed_;
  const DifferenceVisitor& visit_;
};

// The tree says that nothing is under the name: also behind a symlink or a file that has the place
// of its folder.
bool is_gone(const Error& failure) {
  return failure.kind() == ErrorKind::not_found || failure.kind() == ErrorKind::source_changed;
}

// What is there now under an entry's name, as an entry; none: nothing is. Fails: as the tree does,
// when it does not let the name be looked at.
std::optional<Entry> found_in(SourceTree& tree, const CatalogSummary& summary, const Entry& was) {
  SeenEntry seen;
  seen.path = was.path;
  const auto failure = failure_of([&] {
    seen.source = tree.stat(was.path);
    if (seen.source.kind == SourceKind::symlink) seen.target = tree.read_link(was.path);
  });
  if (failure && is_gone(*failure)) return std::nullopt;
  if (failure) throw Error(*failure);
  if (summary.metadata == Metadata::full && summary.profile == Profile::ragtape) {
    // As a scan: without those that cannot be read.
    const auto without = failure_of([&] { seen.xattrs = tree.xattrs(was.path); });
    const bool ends = without && (without->kind() == ErrorKind::exhausted ||
                                  without->kind() == ErrorKind::canceled);
    if (ends) throw Error(*without);
  }
  if (summary.metadata == Metadata::full) {
    seen.uname = tree.user_name(seen.source.uid);
    seen.gname = tree.group_name(seen.source.gid);
  }
  Entry out;
  out.path = was.path;
  out.source = seen.source;
  out.member.type = was.member.type;
  if (!member_type(seen.source.kind)) return out;
  out.member = member_of(seen, settings_of(summary));
  if (was.member.type == MemberType::hard_link) out.member.target = was.member.target;
  return out;
}

// One entry against the tree, by its name.
void compare_with_tree(Report& report, SourceTree& tree, const CatalogSummary& summary, Entry was) {
  std::optional<Entry> now;
  const auto failure = failure_of([&] { now = found_in(tree, summary, was); });
  if (failure && failure->kind() != ErrorKind::denied && failure->kind() != ErrorKind::io)
    throw Error(*failure);
  if (failure) return report.add(Kind::unreadable, was.path, failure->what());
  if (!now) return report.add(Kind::missing, was.path, "");
  was.hash.reset();  // its content is not read
  report.pair(was, *now, false);
}

// What one tape could not hold and the other does not speak of. Sockets are no problem.
std::uint64_t new_problems(Catalog& recorded, Catalog& found) {
  std::set<std::string> known;
  if (found.summary().problems == 0) return 0;
  recorded.each_problem([&](const std::string& path, const std::string&) { known.insert(path); });
  std::uint64_t out = 0;
  found.each_problem([&](const std::string& path, const std::string& reason) {
    if (reason != kSocketReason && !known.contains(path)) ++out;
  });
  return out;
}

// Reservoir sampling: every entry passes once.
std::vector<Entry> chosen(Catalog& recorded, const Sample& sample) {
  std::mt19937_64 dice(sample.seed);
  std::vector<Entry> out;
  std::uint64_t seen = 0;
  const auto cursor = recorded.entries_from(TapeOffset(0));
  while (auto entry = cursor->next()) {
    const std::uint64_t place = std::uniform_int_distribution<std::uint64_t>(0, seen++)(dice);
    if (out.size() < sample.count) {
      out.push_back(std::move(*entry));
    } else if (place < sample.count) {
      out[place] = std::move(*entry);
    }
  }
  std::sort(out.begin(), out.end(),
            [](const Entry& a, const Entry& b) { return a.offset < b.offset; });
  return out;
}

}  // namespace

CatalogDiff compare(Catalog& recorded,
                    Catalog& found,
                    const DifferenceVisitor& visit,
                    SourceTree* tree) {
  const Profile profile = recorded.summary().profile;
  if (profile != found.summary().profile)
    throw Error(ErrorKind::usage, "tapes of two profiles cannot be compared");
  if (recorded.summary().single_file != found.summary().single_file) return retyped_root(visit);
  const auto before = [&](const Entry& a, const Entry& b) {
    return profile == Profile::tartape ? a.path < b.path : compare_paths(a.path, b.path) < 0;
  };
  const auto missing = [&](Report& report, const Entry& entry) {
    if (tree == nullptr) return report.add(Kind::missing, entry.path, "");
    compare_with_tree(report, *tree, recorded.summary(), entry);
  };
  const auto other_links = [&](const Entry& a, const Entry& b) {
    return first_name(a, recorded.summary()) != first_name(b, found.summary());
  };
  Report report(visit, recorded.summary().hashed && found.summary().hashed);
  report.diff.problems = new_problems(recorded, found);
  const auto left = recorded.entries_from(TapeOffset(0));
  const auto right = found.entries_from(TapeOffset(0));
  auto a = left->next();
  auto b = right->next();
  while (a || b) {
    if (!b || (a && before(*a, *b))) {
      missing(report, *a);
      a = left->next();
    } else if (!a || before(*b, *a)) {
      report.add(Kind::added, b->path, "");
      b = right->next();
    } else {
      report.pair(*a, *b, other_links(*a, *b));
      a = left->next();
      b = right->next();
    }
  }
  return report.diff;
}

CatalogDiff retyped_root(const DifferenceVisitor& visit) {
  Report report(visit);
  report.add(Kind::retyped, "", "type");
  return report.diff;
}

CatalogDiff compare_sample(Catalog& recorded,
                           SourceTree& tree,
                           const Sample& sample,
                           const DifferenceVisitor& visit) {
  Report report(visit);
  for (const Entry& entry : chosen(recorded, sample))
    compare_with_tree(report, tree, recorded.summary(), entry);
  return report.diff;
}

double chance_of_noticing(std::uint64_t entries, std::uint64_t looked_at, std::uint64_t changed) {
  // Without any of the changed ones: (n - c over k) / (n over k).
  if (looked_at + changed > entries) return 100;
  double missed = 1;
  for (std::uint64_t i = 0; i < looked_at; ++i)
    missed *= static_cast<double>(entries - changed - i) / static_cast<double>(entries - i);
  return 100 * (1 - missed);
}

}  // namespace tape
