#include "tape/path_filter.h"

#include <algorithm>
#include <string>
#include <vector>

#include "format/ignore_pattern.h"
#include "tape/error.h"

namespace tape {

using Rules = std::vector<IgnorePattern>;

struct PathFilter::Patterns {
  Rules included;
  Rules excluded;
};

namespace {

void add(Rules& rules, const char* option, std::string_view text) {
  const auto pattern = IgnorePattern::parse(text);
  if (!pattern)
    throw Error(ErrorKind::usage, std::string(option) + " " + shown(std::string(text)) +
                                      ": a pattern of 1 to " + std::to_string(kIgnorePatternMax) +
                                      " bytes expected");
  if (rules.size() == kFilterPatternsMax)
    throw Error(ErrorKind::usage, std::string(option) + ": " + std::to_string(kFilterPatternsMax) +
                                      " patterns at the most");
  rules.push_back(*pattern);
}

bool speaks_of(const Rules& rules, std::string_view path, bool is_directory) {
  const auto last = std::find_if(rules.rbegin(), rules.rend(), [&](const IgnorePattern& rule) {
    return rule.matches(path, is_directory);
  });
  return last != rules.rend() && !last->negates();
}

}  // namespace

PathFilter::PathFilter() : patterns_(std::make_unique<Patterns>()) {}
PathFilter::~PathFilter() = default;
PathFilter::PathFilter(PathFilter&& other) noexcept = default;
PathFilter& PathFilter::operator=(PathFilter&& other) noexcept = default;

void PathFilter::include(std::string_view pattern) {
  add(patterns_->included, "--include", pattern);
}

void PathFilter::exclude(std::string_view pattern) {
  add(patterns_->excluded, "--exclude", pattern);
}

bool PathFilter::empty() const {
  return patterns_->included.empty() && patterns_->excluded.empty();
}

bool PathFilter::passes(std::string_view path, bool is_directory) const {
  bool included = patterns_->included.empty();
  for (std::size_t end = 0; end < path.size();) {
    end = std::min(path.find('/', end + 1), path.size());
    const bool directory = is_directory || end < path.size();
    const std::string_view above = path.substr(0, end);
    if (speaks_of(patterns_->excluded, above, directory)) return false;
    included = included || speaks_of(patterns_->included, above, directory);
  }
  return included;
}

}  // namespace tape
