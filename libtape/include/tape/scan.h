// scan: the first stage. A tree becomes a sealed catalog.
//
// In:      a SourceTree and the name of the file to make.
// Out:     the catalog, written new beside its place, synced, then renamed over it.
// Limits:  memory: 32 MiB of what lies in the directories on the way from the root to the current
//          entry and 1 MiB of the last of them; 65 536 files that have more names to come, 200
//          bytes each; what does not fit waits in files without a name beside the temporary one.
//          SQLite caches: 2 MiB, as they are needed 1 and 4 (those files), profile tartape 8. With
//          readers, 128 times 256 KiB of names and of entries.
// Threads: one caller, and `readers` of its own.
// Spec:    docs/format.md §1 and "Catalog".
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tape/catalog.h"
#include "tape/source_tree.h"

namespace tape {

struct ScanOptions {
  std::string root;         // absolute and resolved; recorded
  std::string single_file;  // the source is this one file: its last component; else empty
  Metadata metadata = Metadata::portable;
  Profile profile = Profile::ragtape;
  std::string prefix;  // without final `/`; see default_prefix and check_prefix
  std::optional<std::int64_t> source_date_epoch;  // later mtimes become this second and 0 ns
  std::vector<SourceOption> source_options;       // what is left out
  bool hash = false;                              // reads every file and records its XXH3-128
  Catalog* earlier = nullptr;           // takes over hashes of files that are as they were then
  std::vector<FileIdentity> own_files;  // ragtape's own open state: passed over with all below
  // Threads that read directories ahead, beside the caller; they change nothing but the time.
  unsigned readers = 0;
  // Called for each entry (with the profile tartape twice), and now and then while the source is
  // slow, with the number of those found so far; in the caller's thread. May throw Error{canceled}.
  std::function<void(std::uint64_t entries)> progress;
  // Profile tartape: hears of each entry that the profile cannot hold: its path, and why.
  std::function<void(const std::string&, const std::string&)> refused;
  // Hears of each entry that is left out: its path below the root, and why.
  std::function<void(const std::string&, const std::string&)> excluded;
};

// Fails: Error{usage} that names the option.
void check_source_options(const std::vector<SourceOption>& options);

// The patterns in the text of a file in gitignore syntax: without comments, empty lines and those
// that fit nothing, such as `!`.
std::vector<std::string> ignore_lines(std::string_view text);

// The prefix for a root: the last component of its resolved path; empty for `/` and single files.
std::string default_prefix(const std::string& root, bool single_file);

// Fails: Error{usage} for a leading `/`, an empty, `.` or `..` component, NUL, more than
// kPrefixMax.
void check_prefix(const std::string& prefix);

// Where the catalog is made: written as `temporary` (a new name), then renamed over `path`. With an
// empty `path` it has no name once scan() returns and goes with the Catalog (for `pack`).
struct CatalogPlace {
  std::string temporary;
  std::string path;
  bool ours = false;  // `path` is in a folder of our own: replaced whatever it is
};

// Fails: usage (a source option); not_found, denied (the root itself); exhausted, io (the catalog);
// unsupported (a tape past 2^62 - 1 bytes; entries that the profile tartape cannot hold). What is
// wrong with single entries is recorded.
std::unique_ptr<Catalog> scan(SourceTree& tree,
                              const CatalogPlace& place,
                              const ScanOptions& options);

}  // namespace tape
