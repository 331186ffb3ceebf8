#include "format/ignore_pattern.h"

#include <algorithm>

#include "tape/scan.h"

namespace tape {
namespace {

using Byte = unsigned char;

Byte lower(Byte c) {
  return c >= 'A' && c <= 'Z' ? static_cast<Byte>(c + ('a' - 'A')) : c;
}

bool is_upper(Byte c) {
  return c >= 'A' && c <= 'Z';
}
bool is_alpha(Byte c) {
  return is_upper(c) || (c >= 'a' && c <= 'z');
}
bool is_digit(Byte c) {
  return c >= '0' && c <= '9';
}
bool is_graph(Byte c) {
  return c > ' ' && c < 0x7F;
}

// The classes of POSIX in the C locale. None: there is no class of that name.
std::optional<bool> in_class(std::string_view name, Byte c, bool ignore_case) {
  if (name == "alnum") return is_alpha(c) || is_digit(c);
  if (name == "alpha") return is_alpha(c);
  if (name == "blank") return c == ' ' || c == '\t';
  if (name == "cntrl") return c < ' ' || c == 0x7F;
  if (name == "digit") return is_digit(c);
  if (name == "graph") return is_graph(c);
  if (name == "lower") return is_alpha(c) && (!is_upper(c) || ignore_case);
  if (name == "print") return is_graph(c) || c == ' ';
  if (name == "punct") return is_graph(c) && !is_alpha(c) && !is_digit(c);
  if (name == "space") return c == ' ' || (c >= '\t' && c <= '\r');
  if (name == "upper") return is_upper(c) || (ignore_case && is_alpha(c));
  if (name == "xdigit") return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
  return {};
}

// Where `[:name:]` at `at` ends; 0: there is none. As git: up to the first `]`, which has a `:` in
// front.
std::size_t class_end(std::string_view pattern, std::size_t at) {
  if (pattern.substr(at, 2) != "[:") return 0;
  const std::size_t end = pattern.find(']', at + 2);
  const bool is_class = end != std::string_view::npos && end > at + 2 && pattern[end - 1] == ':';
  return is_class ? end + 1 : 0;
}

// The bracket expression behind `[` at `at`: whether `c` is in it, and where it ends. None: broken.
std::optional<bool> in_brackets(std::string_view pattern, std::size_t& at, Byte c, bool folded) {
  const auto byte = [&](std::size_t i) { return static_cast<Byte>(pattern[i]); };
  bool negated = false;
  bool found = false;
  if (at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^')) {
    negated = true;
    ++at;
  }
  const auto in_range = [&](Byte low, Byte high) {
    if (low <= c && c <= high) return true;
    // With `ignore_case` the byte is lower; a range may hold its capital.
    const Byte capital = static_cast<Byte>(c - ('a' - 'A'));
    return folded && c >= 'a' && c <= 'z' && low <= capital && capital <= high;
  };
  for (bool first = true;; first = false) {
    if (at >= pattern.size()) return {};
    if (pattern[at] == ']' && !first) break;
    if (const std::size_t end = class_end(pattern, at); end > 0) {
      const auto member = in_class(pattern.substr(at + 2, end - at - 4), c, folded);
      if (!member) return {};
      found = found || *member;
      at = end;
      continue;
    }
    if (pattern[at] == '\\' && ++at >= pattern.size()) return {};
    Byte low = byte(at++);
    Byte high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      ++at;
      if (pattern[at] == '\\' && ++at >= pattern.size()) return {};
      high = byte(at++);
    }
    // The low end of a range that is the wrong way round fits all the same, as in git.
    found = found || in_range(low, low) || in_range(low, high);
  }
  ++at;
  return found != negated;
}

// The components of a path, one by one: this is asked for each entry and pattern.
struct Components {
  std::string_view path;

  std::string_view at(std::size_t begin) const {
    return path.substr(begin, std::min(path.find('/', begin), path.size()) - begin);
  }
  std::size_t behind(std::size_t begin) const { return begin + at(begin).size() + 1; }
  std::size_t end() const { return path.size() + 1; }
};

// Components against components; `**` stands for any number of them, a final one for at least one.
// As in matches_glob() only the last `**` is ever tried again.
bool matches_components(const std::vector<std::string>& pattern,
                        const Components& path,
                        bool ignore_case) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::optional<std::size_t> stars;
  std::size_t tried = 0;
  while (p < pattern.size() || n < path.end()) {
    if (p < pattern.size() && pattern[p] == "**") {
      if (p + 1 == pattern.size()) return n < path.end();
      stars = ++p;
      tried = n;
    } else if (p < pattern.size() && n < path.end() &&
               matches_glob(pattern[p], path.at(n), ignore_case)) {
      ++p;
      n = path.behind(n);
    } else if (stars && tried < path.end()) {
      p = *stars;
      n = tried = path.behind(tried);
    } else {
      return false;
    }
  }
  return true;
}

// The components of a pattern: a `/` within brackets divides nothing.
std::vector<std::string_view> split_pattern(std::string_view pattern) {
  std::vector<std::string_view> out;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] == '\\') {
      ++at;
    } else if (pattern[at] == '[') {
      std::size_t behind = at + 1;
      if (in_brackets(pattern, behind, 0, false)) at = behind - 1;
    } else if (pattern[at] == '/') {
      out.push_back(pattern.substr(begin, at - begin));
      begin = at + 1;
    }
  }
  out.push_back(pattern.substr(begin));
  return out;
}

// How many bytes of `pattern`, which begins with no `*`, stand for `c`; 0: they do not. None: it is
// broken.
std::optional<std::size_t> fitting(std::string_view pattern, char c, bool ignore_case) {
  const auto folded = [&](char byte) {
    return ignore_case ? lower(static_cast<Byte>(byte)) : static_cast<Byte>(byte);
  };
  if (pattern.empty()) return 0;
  if (pattern.front() == '?') return 1;
  if (pattern.front() == '[') {
    std::size_t behind = 1;
    const auto member = in_brackets(pattern, behind, folded(c), ignore_case);
    if (!member) return std::nullopt;
    return *member ? behind : 0;
  }
  const std::size_t length = pattern.front() == '\\' ? 2 : 1;
  if (length > pattern.size()) return std::nullopt;
  return folded(pattern[length - 1]) == folded(c) ? length : 0;
}

// Blanks at the end of a line do not count, but for one behind a backslash.
std::size_t size_without_blanks(std::string_view line) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool escaped = line[i] == '\\' && i + 1 < line.size();
    if (escaped) ++i;
    if (escaped || line[i] != ' ') size = i + 1;
  }
  return size;
}

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view name, bool ignore_case) {
  std::size_t p = 0;
  std::size_t n = 0;
  // Where the last `*` ends, and the name's byte that it was tried up to: only that one is ever
  // tried again, since what it leaves over a later `*` can take as well.
  std::optional<std::size_t> star;
  std::size_t tried = 0;
  while (n < name.size() || p < pattern.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      tried = n;
      continue;
    }
    const auto length = n < name.size() ? fitting(pattern.substr(p), name[n], ignore_case)
                                        : std::optional<std::size_t>(0);
    if (!length) return false;
    if (*length > 0) {
      p += *length;
      ++n;
      continue;
    }
    if (!star || tried >= name.size()) return false;
    p = *star;
    n = ++tried;
  }
  return true;
}

std::optional<IgnorePattern> IgnorePattern::parse(std::string_view pattern, bool ignore_case) {
  IgnorePattern out;
  out.ignore_case_ = ignore_case;
  if (pattern.size() > kIgnorePatternMax) return {};
  if (pattern.starts_with('!')) {
    out.negates_ = true;
    pattern.remove_prefix(1);
  }
  if (pattern.ends_with('/')) {
    out.only_directories_ = true;
    pattern.remove_suffix(1);
  }
  out.anchored_ = pattern.find('/') != std::string_view::npos;
  if (pattern.starts_with('/')) pattern.remove_prefix(1);
  if (pattern.empty()) return {};
  for (const std::string_view part : split_pattern(pattern)) {
    const bool stars = part.size() > 1 && part.find_first_not_of('*') == std::string_view::npos;
    out.components_.emplace_back(stars ? "**" : part);  // git: three are as good as two
  }
  return out;
}

bool IgnorePattern::matches(std::string_view path, bool is_directory) const {
  if (only_directories_ && !is_directory) return false;
  if (anchored_) return matches_components(components_, {path}, ignore_case_);
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return matches_glob(components_.front(), name, ignore_case_);
}

std::vector<std::string> ignore_lines(std::string_view text) {
  std::vector<std::string> out;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = line.substr(0, size_without_blanks(line));
    if (line.empty() || line.front() == '#') continue;
    // Git takes `!` and `/`, which fit nothing. What is too long is for the caller to refuse.
    const bool says_something = line.size() > kIgnorePatternMax || IgnorePattern::parse(line);
    if (says_something) out.emplace_back(line);
  }
  return out;
}

}  // namespace tape
