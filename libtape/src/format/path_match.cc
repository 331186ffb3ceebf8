#include "format/path_match.h"

namespace tape {
namespace {

// The first code point, or byte where it is none.
std::string_view first_of(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80)
    ++size;
  return text.substr(0, size);
}

// `[...]` at the front of `pattern`: its length, or 0 when nothing closes it.
std::size_t bracket_length(std::string_view pattern) {
  std::size_t at = 1;
  if (at < pattern.size() && pattern[at] == '!') ++at;
  if (at < pattern.size() && pattern[at] == ']') ++at;
  const std::size_t end = pattern.find(']', at);
  return end == std::string_view::npos ? 0 : end + 1;
}

// UTF-8 compares as code points do.
bool in_bracket(std::string_view inside, std::string_view c) {
  const bool negated = inside.starts_with('!');
  if (negated) inside.remove_prefix(1);
  bool found = false;
  while (!inside.empty()) {
    const std::string_view low = first_of(inside);
    inside.remove_prefix(low.size());
    std::string_view high = low;
    if (inside.size() > 1 && inside.front() == '-') {
      inside.remove_prefix(1);
      high = first_of(inside);
      inside.remove_prefix(high.size());
    }
    found = found || (low <= c && c <= high);
  }
  return found != negated;
}

// How many bytes of `pattern`, which begins with no `*`, stand for `c`; 0: they do not.
std::size_t fitting(std::string_view pattern, std::string_view c) {
  if (pattern.empty() || c.empty()) return 0;
  if (pattern.front() == '?') return 1;
  const std::size_t bracket = pattern.front() == '[' ? bracket_length(pattern) : 0;
  if (bracket > 0) return in_bracket(pattern.substr(1, bracket - 2), c) ? bracket : 0;
  return first_of(pattern) == c ? c.size() : 0;
}

// fnmatch.fnmatchcase.
bool fits(std::string_view pattern, std::string_view name) {
  std::optional<std::pair<std::string_view, std::string_view>> star;  // to try again from
  while (!pattern.empty() || !name.empty()) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      star = {pattern, name};
      continue;
    }
    const std::string_view c = name.empty() ? name : first_of(name);
    if (const std::size_t length = fitting(pattern, c); length > 0) {
      pattern.remove_prefix(length);
      name.remove_prefix(c.size());
      continue;
    }
    if (!star || star->second.empty()) return false;
    star->second.remove_prefix(first_of(star->second).size());
    pattern = star->first;
    name = star->second;
  }
  return true;
}

std::vector<std::string> components_of(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size() == path.size() ? part.size() : part.size() + 1);
    if (!part.empty() && part != ".") out.emplace_back(part);
  }
  return out;
}

}  // namespace

std::optional<PathMatch> PathMatch::parse(std::string_view pattern) {
  PathMatch out;
  out.text_ = pattern;
  out.components_ = components_of(pattern);
  out.absolute_ = pattern.starts_with('/');
  if (out.components_.empty()) return {};
  return out;
}

bool PathMatch::matches(std::string_view absolute_path) const {
  const std::vector<std::string> path = components_of(absolute_path);
  if (!path.empty() && path.back() == text_) return true;
  if (components_.size() > path.size()) return false;
  if (absolute_ && components_.size() != path.size()) return false;
  const std::size_t from = path.size() - components_.size();
  for (std::size_t i = 0; i < components_.size(); ++i) {
    if (!fits(components_[i], path[from + i])) return false;
  }
  return true;
}

}  // namespace tape
