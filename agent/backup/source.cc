#include "backup/source.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "tape/error.h"

namespace agent {

using tape::Error;
using tape::ErrorKind;

Source::Source(const SourceOptions& options) : tree(tape::open_tree(options.path)) {
  if (options.prefix) tape::check_prefix(*options.prefix);
  if (options.profile == tape::Profile::tartape && (options.prefix || tree.single_file))
    throw Error(ErrorKind::usage,
                options.prefix
                    ? "--prefix: the profile tartape has its own, the name of DIR"
                    : tape::shown(options.path) + ": the profile tartape is for folders");
  scan_options.root = tree.root;
  if (tree.single_file) scan_options.single_file = tree.root.substr(tree.root.rfind('/') + 1);
  scan_options.metadata = options.metadata;
  scan_options.prefix = options.prefix.value_or(tape::default_prefix(tree.root, tree.single_file));
  scan_options.source_date_epoch = options.source_date_epoch;
  scan_options.source_options = options.source_options;
  scan_options.excluded = options.excluded;
  scan_options.profile = options.profile;
  scan_options.hash = options.hash;
  scan_options.readers = options.readers;
}

void Source::must_not_hold(const std::string& path, const std::string& what) const {
  agent::must_not_hold(tree, path, what);
}

void must_not_hold(const tape::OpenedTree& tree, const std::string& path, const std::string& what) {
  if (tree.single_file) return;
  const std::string folder = tape::resolved(tape::folder_of(path));
  const bool inside =
      tree.root == "/" || folder == tree.root || folder.starts_with(tree.root + "/");
  if (inside)
    throw Error(
        ErrorKind::usage,
        tape::shown(path) + ": " + what + " would lie in the source " + tape::shown(tree.root),
        "choose a place outside of it");
}

std::string temporary_folder() {
  const char* folder = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): before any thread
  return folder != nullptr && *folder != '\0' ? folder : "/var/tmp";
}

std::optional<std::int64_t> source_date_epoch() {
  const char* text =
      std::getenv("SOURCE_DATE_EPOCH");  // NOLINT(concurrency-mt-unsafe): before any thread
  if (text == nullptr || *text == '\0') return {};
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), value);
  if (error != std::errc() || *end != '\0' || value < tape::kTimeMin || value > tape::kTimeMax)
    throw Error(ErrorKind::usage,
                "SOURCE_DATE_EPOCH=" + tape::shown(text) + ": whole seconds expected");
  return value;
}

}  // namespace agent
