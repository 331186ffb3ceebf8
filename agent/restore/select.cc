#include "restore/select.h"

#include <algorithm>

#include "tape/error.h"

namespace agent {
namespace {

constexpr std::size_t kNearestCount = 5;

std::string trimmed(std::string path) {
  while (path.starts_with("./") || path.starts_with("/"))
    path.erase(0, path.find('/') + 1);
  while (path.ends_with('/'))
    path.pop_back();
  return path == "." ? "" : path;
}

// Member paths that `path` may mean. All members lie below the first one, the root: what does not
// begin with its name lacks the prefix, or is the absolute path of a source. (What begins with it
// is taken as it is: another meaning would cost a leaf more for every path that is not there.)
std::vector<std::string> below_root(const std::string& path, const std::string& root) {
  if (path.empty()) return {root};
  if (tape::path_within(path, root)) return {path};
  std::vector<std::string> out = {root + "/" + path};
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string rest = path.substr(slash + 1);
    if (tape::path_within(rest, root)) out.push_back(rest);
  }
  return out;
}

// The same where the first member is no directory: a single file, with a prefix or without.
std::vector<std::string> beside_first(const std::string& path, const std::string& first) {
  const auto last = [](const std::string& p) { return p.substr(p.rfind('/') + 1); };
  std::vector<std::string> out = {path};
  const std::size_t slash = first.rfind('/');
  if (slash != std::string::npos) out.push_back(first.substr(0, slash + 1) + path);
  if (last(path) == last(first)) out.push_back(first);
  return out;
}

// Member paths that `typed` may mean, by the first member of the archive or tape and whether all
// the others lie below it, the most likely first: of what was typed, and of what it stands for when
// it holds escapes of `ls`.
std::vector<std::string> meanings(const std::string& typed, const std::string& first, bool rooted) {
  const auto meant = rooted ? below_root : beside_first;
  std::vector<std::string> out = meant(trimmed(typed), first);
  const std::string plain = tape::unshown(typed);
  if (plain != typed) {
    for (std::string& meaning : meant(trimmed(plain), first))
      out.push_back(std::move(meaning));
  }
  return out;
}

std::vector<std::string> meanings_in(tape::Members& members, const std::string& typed) {
  const auto first = members.first_path();
  if (!first) return {};
  // What lies below it as it stands needs no other meaning, and perhaps a request less.
  const bool below = tape::path_within(trimmed(typed), *first);
  return meanings(typed, *first, below || members.is_rooted(*first));
}

std::vector<std::string> meanings_in(tape::Catalog& catalog, const std::string& typed) {
  const auto first = catalog.entry_at(tape::TapeOffset(0));
  if (!first) return {};
  const tape::Member& member = first->member;
  return meanings(typed, tape::member_path(member.name, member.type),
                  member.type == tape::MemberType::directory);
}

}  // namespace

bool is_literal(const std::string& typed, const std::string& candidate) {
  return candidate == trimmed(typed);
}

void throw_no_member(const std::string& typed,
                     bool several,
                     const std::vector<std::string>& nearest) {
  std::string near;
  for (const std::string& name : nearest)
    near += (near.empty() ? "nearest: " : ", ") + tape::shown(name);
  throw tape::Error(tape::ErrorKind::not_found,
                    tape::shown(typed) + (several ? ": several members fit" : ": no such member"),
                    near);
}

tape::MemberRecord member_for(tape::Members& members, const std::string& path) {
  return settled_member(
      path, meanings_in(members, path),
      [&](const std::string& candidate) { return members.find(candidate); },
      [&](const std::string& place) { return members.neighbours(place, kNearestCount); });
}

tape::Entry member_for(tape::Catalog& catalog, const std::string& path) {
  return settled_member(
      path, meanings_in(catalog, path),
      [&](const std::string& candidate) { return catalog.find(candidate); },
      [&](const std::string& place) { return catalog.neighbours(place, kNearestCount); });
}

Selection select(tape::Members& members, const std::vector<std::string>& paths) {
  Selection all;
  for (const std::string& path : paths)
    all.push_back(member_for(members, path).path);
  std::sort(all.begin(), all.end(),
            [](const std::string& a, const std::string& b) { return tape::path_before(a, b); });
  Selection out;
  for (std::string& path : all) {
    if (out.empty() || !tape::path_within(path, out.back())) out.push_back(std::move(path));
  }
  return out;
}

bool is_selected(const Selection& selection, const std::string& member_path) {
  return selection.empty() ||
         std::any_of(selection.begin(), selection.end(),
                     [&](const std::string& top) { return tape::path_within(member_path, top); });
}

void each_selected(tape::Members& members,
                   const Selection& selection,
                   const std::function<void(const tape::MemberRecord&)>& visit,
                   const tape::Members::Damage& damage) {
  const auto walk = [&](const std::string& top) {
    const auto cursor = members.records_below(top, damage);
    while (const auto record = cursor->next())
      visit(*record);
  };
  if (selection.empty()) walk("");
  for (const std::string& top : selection)
    walk(top);
}

Wanted::Wanted(tape::Members& members,
               Selection selection,
               tape::PathFilter filter,
               unsigned strip_components)
    : selection_(std::move(selection)),
      filter_(std::move(filter)),
      strip_components_(strip_components) {
  if (filter_.empty()) return;
  const auto first = members.first_path();
  if (first && members.is_rooted(*first)) root_ = *first;
}

std::optional<std::string> Wanted::place_of(const tape::MemberRecord& record) const {
  const std::string& path = record.path;
  if (!is_selected(selection_, path)) return std::nullopt;
  if (!filter_.empty()) {
    const std::size_t skipped = root_.empty() ? 0 : std::min(path.size(), root_.size() + 1);
    const bool is_directory = record.type == tape::MemberType::directory;
    if (!filter_.passes(std::string_view(path).substr(skipped), is_directory)) return std::nullopt;
  }
  std::size_t begin = 0;
  for (unsigned left = strip_components_; left > 0; --left) {
    const std::size_t slash = path.find('/', begin);
    if (slash == std::string::npos) return std::nullopt;
    begin = slash + 1;
  }
  return path.substr(begin);
}

}  // namespace agent
