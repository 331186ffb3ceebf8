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

// Whether a later volume begins with what lies below `first`: then that is a root, and nothing need
// be read to know it.
bool begins_below(const tape::Archive& archive, const std::string& first) {
  for (std::size_t number = 1; number < archive.volume_count(); ++number) {
    const auto& path = archive.volume_first_path(number);
    if (path && *path != first) return tape::path_within(*path, first);
  }
  return false;
}

std::vector<std::string> meanings_in(tape::Archive& archive, const std::string& typed) {
  const auto first = archive.first_path();
  if (!first) return {};
  // With more than one level the first member is a root; with one, its leaf is there already.
  const auto is_directory = [&] {
    const auto record = archive.find(*first);
    return record && record->type == tape::MemberType::directory;
  };
  const bool rooted = archive.volume_count() == 1 ? archive.index().root().height > 1
                                                  : begins_below(archive, *first);
  return meanings(typed, *first, rooted || is_directory());
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

tape::MemberRecord member_for(tape::Archive& archive, const std::string& path) {
  return settled_member(
      path, meanings_in(archive, path),
      [&](const std::string& candidate) { return archive.find(candidate); },
      [&](const std::string& place) { return archive.neighbours(place, kNearestCount); });
}

tape::Entry member_for(tape::Catalog& catalog, const std::string& path) {
  return settled_member(
      path, meanings_in(catalog, path),
      [&](const std::string& candidate) { return catalog.find(candidate); },
      [&](const std::string& place) { return catalog.neighbours(place, kNearestCount); });
}

Selection select(tape::Archive& archive, const std::vector<std::string>& paths) {
  Selection all;
  for (const std::string& path : paths)
    all.push_back(member_for(archive, path).path);
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

void each_selected(tape::Archive& archive,
                   const Selection& selection,
                   const std::function<void(const tape::MemberRecord&)>& visit,
                   const tape::Archive::Damage& damage) {
  const auto walk = [&](const std::string& top) {
    const auto cursor = archive.records_from(top, damage);
    for (auto record = cursor->next(); record && tape::path_within(record->path, top);
         record = cursor->next())
      visit(*record);
  };
  if (selection.empty()) walk("");
  for (const std::string& top : selection)
    walk(top);
}

}  // namespace agent
