// Exclusion: which entries a scan leaves out by its source options, and why.
//
// In:      the options; each directory when the walk enters it; each entry below it.
// Limits:  kIgnoreFileMax bytes an ignore file; memory: the ignore files on the way from the root
// to
//          the current entry.
// Threads: one caller at a time.
// Spec:    docs/cli.md "Source options"; gitignore(5); bford.info/cachedir.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/ignore_pattern.h"
#include "format/path_match.h"
#include "tape/catalog.h"
#include "tape/source_tree.h"

namespace tape {

inline constexpr ByteCount kIgnoreFileMax = ByteCount{1} << 20;

class Exclusion {
 public:
  // Fails: Error{usage} for an unknown option or a value that is none.
  // The profile tartape takes only --exclude, in tartape's own pattern language, and has patterns
  // of its own when there is none; `root`: the absolute path of the tree.
  Exclusion(const std::vector<SourceOption>& options, Profile profile, const std::string& root);

  // The device of --one-file-system.
  void begin(const SourceStat& root) { device_ = root.identity.device; }

  // Why the entry is left out, or none. `path` is below the directory that was entered last, unless
  // is_settled(). Of an entry that nothing is known of, SourceStat{} asks the patterns that are not
  // for directories only.
  std::optional<std::string> reason(const std::string& path, const SourceStat& source) const;

  // Whether enter() wants to hear of this name.
  bool notices(std::string_view name) const;

  // Why the content of a directory is left out, or none; the directory itself is on the tape.
  std::optional<std::string> reason_not_to_enter(const SourceStat& directory) const;

  // A directory's content that is left out.
  struct Content {
    std::string why;
    std::string kept;  // the one name that is not left out; if it is a directory, it stays empty
  };
  // None: it is walked, until leave(). `noticed`: the names in it that notices() was true for. What
  // is wrong with an ignore file goes to `problem`: path and reason.
  using Problem = std::function<void(const std::string&, const std::string&)>;
  std::optional<Content> enter(SourceTree& tree,
                               const std::string& path,
                               const std::vector<std::string>& noticed,
                               const Problem& problem);
  void leave();

  // Whether reason() knows all it will ever know: then it may be asked by any thread, for any path.
  bool is_settled() const { return ignore_files_.empty(); }

 private:
  struct Rule {
    IgnorePattern pattern;
    std::string why;
  };
  struct Folder {
    std::string path;
    std::vector<Rule> rules;  // of its ignore files
  };

  void add_tartape_rules(const std::vector<SourceOption>& options);
  std::optional<std::string> tartape_reason(const std::string& path) const;
  static const Rule* last_match(const std::vector<Rule>& rules,
                                std::string_view path,
                                bool is_directory);
  static void read_rules(SourceTree& tree,
                         Folder& folder,
                         const std::string& name,
                         const Problem& problem);

  std::vector<Rule> rules_;  // typed
  struct TartapeRule {
    PathMatch pattern;
    std::string why;
  };
  Profile profile_;
  std::string root_;
  std::vector<TartapeRule> tartape_rules_;
  std::vector<std::string> ignore_files_;
  std::vector<std::string> markers_;
  bool caches_ = false;
  std::optional<ByteCount> larger_than_;
  bool one_file_system_ = false;
  std::optional<std::uint64_t> device_;  // of the root
  std::vector<Folder> folders_;
};

}  // namespace tape
