#include "catalog/exclusion.h"

#include <algorithm>
#include <charconv>

#include "tape/error.h"
#include "tape/scan.h"

namespace tape {
namespace {

constexpr const char* kCacheTag = "CACHEDIR.TAG";
constexpr std::string_view kCacheSignature = "Signature: 8a477f597d28d172789f06886806bc55";

[[noreturn]] void refuse(const SourceOption& option, const std::string& why) {
  throw Error(ErrorKind::usage, "--" + option.name + " " + shown(option.value) + ": " + why);
}

IgnorePattern pattern_of(const SourceOption& option) {
  const auto pattern = IgnorePattern::parse(option.value, option.name == "iexclude");
  if (!pattern)
    refuse(option, "a pattern of 1 to " + std::to_string(kIgnorePatternMax) + " bytes expected");
  return *pattern;
}

std::string name_of(const SourceOption& option) {
  const std::string& name = option.value;
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos)
    refuse(option, "the name of a file expected, without `/`");
  return name;
}

ByteCount size_of(const SourceOption& option) {
  ByteCount size = 0;
  const char* end = option.value.data() + option.value.size();
  const auto [at, error] = std::from_chars(option.value.data(), end, size);
  if (error != std::errc() || at != end) refuse(option, "a number of bytes expected");
  return size;
}

std::string read_start(SourceTree& tree, const std::string& path, ByteCount most) {
  const auto file = tree.open(path);
  Bytes bytes(std::min<ByteCount>(file->stat().size, most));
  bytes.resize(file->read_at(FileOffset(0), bytes));
  return std::string(as_text(bytes));
}

std::string joined(const std::string& folder, std::string_view name) {
  return folder.empty() ? std::string(name) : folder + "/" + std::string(name);
}

bool is_cache(SourceTree& tree, const std::string& tag) {
  std::string start;
  const auto failure = failure_of([&] { start = read_start(tree, tag, kCacheSignature.size()); });
  return !failure && start == kCacheSignature;
}

}  // namespace

void check_source_options(const std::vector<SourceOption>& options) {
  static_cast<void>(Exclusion(options, Profile::ragtape, ""));
}

Exclusion::Exclusion(const std::vector<SourceOption>& options,
                     Profile profile,
                     const std::string& root)
    : profile_(profile), root_(root) {
  if (options.size() > kSourceOptionsMax)
    throw Error(ErrorKind::usage, std::to_string(options.size()) + " exclude options, " +
                                      std::to_string(kSourceOptionsMax) + " at the most");
  if (profile == Profile::tartape) {
    add_tartape_rules(options);
    return;
  }
  for (const SourceOption& option : options) {
    if (option.name == "exclude" || option.name == "iexclude") {
      rules_.push_back({pattern_of(option), "--" + option.name + " " + shown(option.value)});
    } else if (option.name == "ignore-file") {
      ignore_files_.push_back(name_of(option));
    } else if (option.name == "exclude-if-present") {
      markers_.push_back(name_of(option));
    } else if (option.name == "exclude-caches") {
      caches_ = true;
    } else if (option.name == "exclude-larger-than") {
      larger_than_ = size_of(option);
    } else if (option.name == "one-file-system") {
      one_file_system_ = true;
    } else {
      refuse(option, "no such source option");
    }
  }
}

void Exclusion::add_tartape_rules(const std::vector<SourceOption>& options) {
  constexpr const char* kDefaults[] = {".DS_Store", "Thumbs.db", "__pycache__",
                                       "*.db-wal",  "*.db-shm",  "*.sock"};
  for (const SourceOption& option : options) {
    if (option.name != "exclude") refuse(option, "the profile tartape has only --exclude");
    auto pattern = PathMatch::parse(option.value);
    if (!pattern) refuse(option, "a pattern expected");
    tartape_rules_.push_back({std::move(*pattern), "--exclude " + shown(option.value)});
  }
  if (!options.empty()) return;
  for (const char* text : kDefaults)
    tartape_rules_.push_back(
        {PathMatch::parse(text).value(), std::string("profile tartape: ") + text});
}

std::optional<std::string> Exclusion::tartape_reason(const std::string& path) const {
  // Any component, those above the root too: of a tree below a `.tartape` it has the root alone.
  const std::string whole = root_ + "/" + path;
  if ((whole + "/").find("/.tartape/") != std::string::npos) return "profile tartape: .tartape";
  for (const TartapeRule& rule : tartape_rules_) {
    if (rule.pattern.matches(whole)) return rule.why;
  }
  return {};
}

const Exclusion::Rule* Exclusion::last_match(const std::vector<Rule>& rules,
                                             std::string_view path,
                                             bool is_directory) {
  const auto found = std::find_if(rules.rbegin(), rules.rend(), [&](const Rule& rule) {
    return rule.pattern.matches(path, is_directory);
  });
  return found == rules.rend() ? nullptr : &*found;
}

std::optional<std::string> Exclusion::reason(const std::string& path,
                                             const SourceStat& source) const {
  if (profile_ == Profile::tartape) return tartape_reason(path);
  const bool is_directory = source.kind == SourceKind::directory;
  // What was typed has the last word, then the ignore file that is nearest.
  const Rule* rule = last_match(rules_, path, is_directory);
  for (auto folder = folders_.rbegin(); rule == nullptr && folder != folders_.rend(); ++folder) {
    const std::size_t begin = folder->path.empty() ? 0 : folder->path.size() + 1;
    rule = last_match(folder->rules, std::string_view(path).substr(begin), is_directory);
  }
  if (rule != nullptr && !rule->pattern.negates()) return rule->why;
  if (larger_than_ && source.kind == SourceKind::regular && source.size > *larger_than_)
    return "--exclude-larger-than " + std::to_string(*larger_than_) + ": it has " +
           std::to_string(source.size) + " bytes";
  return {};
}

bool Exclusion::notices(std::string_view name) const {
  const auto is_in = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return is_in(ignore_files_) || is_in(markers_) || (caches_ && name == kCacheTag);
}

// Of directories alone, as find -xdev does: an overlay gives files the devices of its layers.
std::optional<std::string> Exclusion::reason_not_to_enter(const SourceStat& directory) const {
  if (one_file_system_ && device_ && directory.identity.device != *device_)
    return "--one-file-system: its content is on another one";
  return {};
}

std::optional<Exclusion::Content> Exclusion::enter(SourceTree& tree,
                                                   const std::string& path,
                                                   const std::vector<std::string>& noticed,
                                                   const Problem& problem) {
  const auto is_there = [&](const std::string& name) {
    return std::find(noticed.begin(), noticed.end(), name) != noticed.end();
  };
  for (const std::string& marker : markers_) {
    if (is_there(marker)) return Content{"--exclude-if-present " + shown(marker), marker};
  }
  if (caches_ && is_there(kCacheTag) && is_cache(tree, joined(path, kCacheTag)))
    return Content{"--exclude-caches", kCacheTag};
  if (is_settled()) return {};
  Folder& folder = folders_.emplace_back();
  folder.path = path;
  for (const std::string& name : ignore_files_) {
    if (is_there(name)) read_rules(tree, folder, name, problem);
  }
  return {};
}

void Exclusion::leave() {
  if (!is_settled()) folders_.pop_back();
}

void Exclusion::read_rules(SourceTree& tree,
                           Folder& folder,
                           const std::string& name,
                           const Problem& problem) {
  const std::string path = joined(folder.path, name);
  std::string text;
  const auto failure = failure_of([&] {
    // Through no symlink, as git reads its own; a directory of that name is none of ours.
    const SourceStat source = tree.stat(path);
    if (source.kind != SourceKind::regular) return;
    if (source.size > kIgnoreFileMax)
      throw Error(ErrorKind::unsupported, "an ignore file of " + std::to_string(source.size) +
                                              " bytes, " + std::to_string(kIgnoreFileMax) +
                                              " at the most");
    text = read_start(tree, path, kIgnoreFileMax);
  });
  if (failure) problem(path, std::string(failure->what()) + "; nothing is left out by it");
  for (const std::string& line : ignore_lines(text)) {
    if (auto pattern = IgnorePattern::parse(line))
      folder.rules.push_back({std::move(*pattern), shown(path) + ": " + shown(line)});
  }
}

}  // namespace tape
