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

// Member paths that `path` may mean. All members lie below the first one, the root, when there is a
// root: what does not begin with its name lacks the prefix, or is the absolute path of a source.
std::vector<std::string> meanings(const std::string& path, const std::string& root) {
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

}  // namespace

tape::MemberRecord member_for(tape::Archive& archive, const std::string& path) {
  tape::MemberIndex& index = archive.index();
  const auto first = index.first_path();
  std::vector<tape::MemberRecord> found;
  if (first) {
    // The first member is the root, or the only one.
    std::vector<std::string> candidates = meanings(trimmed(path), *first);
    const std::string plain = tape::unshown(path);
    if (plain != path) {
      for (std::string& meaning : meanings(trimmed(plain), *first))
        candidates.push_back(std::move(meaning));
    }
    for (const std::string& candidate : candidates) {
      auto record = index.find(candidate);
      if (record) found.push_back(std::move(*record));
      if (!found.empty() && candidate == path) break;
    }
  }
  if (found.size() == 1 || (!found.empty() && found.front().path == path)) return found.front();
  std::string near;
  const std::string wanted = first ? meanings(trimmed(path), *first).front() : path;
  for (const std::string& name : index.neighbours(wanted, kNearestCount))
    near += (near.empty() ? "" : ", ") + tape::shown(name);
  const std::string why = found.empty() ? "no such member" : "several members fit";
  throw tape::Error(tape::ErrorKind::not_found, tape::shown(path) + ": " + why,
                    near.empty() ? "" : "nearest: " + near);
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
                   const std::function<void(const tape::MemberRecord&)>& visit) {
  const auto walk = [&](const std::string& top) {
    const auto cursor = archive.index().records_from(top);
    for (auto record = cursor->next(); record && tape::path_within(record->path, top);
         record = cursor->next())
      visit(*record);
  };
  if (selection.empty()) walk("");
  for (const std::string& top : selection)
    walk(top);
}

}  // namespace agent
