#include "tape/catalog_diff.h"

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

#include "catalog/entry_row.h"
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

std::string links_and_content(const Entry& a,
                              const CatalogSummary& a_summary,
                              const Entry& b,
                              const CatalogSummary& b_summary) {
  std::string out;
  const bool links = first_name(a, a_summary) != first_name(b, b_summary);
  if (links) out = "hard link";
  if (a.hash && b.hash && *a.hash != *b.hash) out += out.empty() ? "content" : ", content";
  return out;
}

class Report {
 public:
  explicit Report(const DifferenceVisitor& visit) : visit_(visit) {}

  void add(Kind kind, const std::string& path, const std::string& what) {
    std::uint64_t* counts[] = {&diff.added, &diff.missing, &diff.changed, &diff.retyped};
    ++*counts[static_cast<int>(kind)];
    if (visit_) visit_({kind, path, what});
  }
  void pair(const Entry& a, const Entry& b, std::string what) {
    if (a.source.kind != b.source.kind) return add(Kind::retyped, a.path, "type");
    const std::string fields = changes(a, b);
    if (!fields.empty()) what = what.empty() ? fields : fields + ", " + what;
    if (what.empty()) {
      ++diff.same;
    } else {
      add(Kind::changed, a.path, what);
    }
  }

  CatalogDiff diff;

 private:
  const DifferenceVisitor& visit_;
};

// What is there now under an entry's name, as an entry; none: nothing is.
std::optional<Entry> found_in(SourceTree& tree, const CatalogSummary& summary, const Entry& was) {
  SeenEntry seen;
  seen.path = was.path;
  const auto failure = failure_of([&] {
    seen.source = tree.stat(was.path);
    if (seen.source.kind == SourceKind::symlink) seen.target = tree.read_link(was.path);
    if (summary.metadata == Metadata::full && summary.profile == Profile::ragtape)
      seen.xattrs = tree.xattrs(was.path);
  });
  // Behind a symlink or a file in place of its folder, or one that is closed now, it is not there.
  if (failure &&
      (failure->kind() == ErrorKind::exhausted || failure->kind() == ErrorKind::canceled))
    throw Error(*failure);
  if (failure) return std::nullopt;
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

CatalogDiff compare(Catalog& recorded, Catalog& found, const DifferenceVisitor& visit) {
  const Profile profile = recorded.summary().profile;
  if (profile != found.summary().profile)
    throw Error(ErrorKind::usage, "tapes of two profiles cannot be compared");
  const auto before = [&](const Entry& a, const Entry& b) {
    return profile == Profile::tartape ? a.path < b.path : compare_paths(a.path, b.path) < 0;
  };
  Report report(visit);
  const auto left = recorded.entries_from(TapeOffset(0));
  const auto right = found.entries_from(TapeOffset(0));
  auto a = left->next();
  auto b = right->next();
  while (a || b) {
    if (!b || (a && before(*a, *b))) {
      report.add(Kind::missing, a->path, "");
      a = left->next();
    } else if (!a || before(*b, *a)) {
      report.add(Kind::added, b->path, "");
      b = right->next();
    } else {
      report.pair(*a, *b, links_and_content(*a, recorded.summary(), *b, found.summary()));
      a = left->next();
      b = right->next();
    }
  }
  return report.diff;
}

CatalogDiff compare_sample(Catalog& recorded,
                           SourceTree& tree,
                           const Sample& sample,
                           const DifferenceVisitor& visit) {
  Report report(visit);
  for (const Entry& entry : chosen(recorded, sample)) {
    const auto now = found_in(tree, recorded.summary(), entry);
    if (now) {
      report.pair(entry, *now, "");
    } else {
      report.add(Kind::missing, entry.path, "");
    }
  }
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
