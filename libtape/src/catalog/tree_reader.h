// TreeReader: what lies in the directories of a walk, read ahead by several threads.
//
// In:      directories by enter() and leave(), depth first.
// Out:     entries by next(), siblings by unsigned bytes of the name; the same for any number of
//          readers.
// Limits:  memory: kHeldBytes of what lies in the directories on the way to the current entry, and
//          the last of them: kReadingBytes of entries and what sorted_names.h says; the rest waits
//          in a temporary file, and is read again. With readers kReadingsAhead readings of
//          kReadingEntries entries, each kReadingBytes of names and of entries; kReadingsQueued
//          paths.
// Threads: one caller; up to `readers` of its own, each with its own view of the tree.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/read_ahead.h"
#include "catalog/sorted_names.h"
#include "tape/error.h"
#include "tape/source_tree.h"

namespace tape {

inline constexpr std::size_t kReadingEntries = 256;
inline constexpr std::size_t kReadingBytes = std::size_t{256} * 1024;  // of entries, or of names
inline constexpr std::size_t kReadingsAhead = 128;                     // done or begun
inline constexpr std::size_t kReadingsQueued = 512;                    // known to come
inline constexpr std::size_t kHeldBytes = std::size_t{32} << 20;
inline constexpr std::size_t kFoldersAhead = 16;  // below each directory on the way
inline constexpr std::size_t kBatchesAhead = 4;   // of each directory on the way

// What the source does not say of an entry.
enum class Lacks {
  nothing,
  everything,  // stat() failed: the path is all that is known
  content,     // its content or target may not be read, or it went meanwhile
  xattrs,      // they cannot be read
};

// What the source says of one entry.
struct ReadEntry {
  std::string path;
  SourceStat source;
  std::string target;         // of a symlink
  std::vector<Xattr> xattrs;  // when they are asked for; by name, each once
  Lacks lacks = Lacks::nothing;
  std::optional<Error> failure;  // why
};

class TreeReader {
 public:
  struct Options {
    unsigned readers = 0;  // 0, or a tree with one view only: the caller reads
    bool xattrs = false;
    // Whether the walk will enter this directory: it is read ahead. Asked in the caller's thread
    // while the walk is in the folder that holds it; `anywhere`: in any thread, at any time.
    std::function<bool(const ReadEntry&)> is_entered;
    bool anywhere = false;
    std::function<void()> waiting;  // called while the caller waits or reads; may throw
    std::size_t held_bytes = kHeldBytes;
  };
  // `spill_path`: see SortedNames. `tree` must outlive this.
  TreeReader(SourceTree& tree, std::string spill_path, Options options);
  TreeReader(const TreeReader&) = delete;
  TreeReader& operator=(const TreeReader&) = delete;
  ~TreeReader() = default;

  // One entry, at once.
  ReadEntry read(const std::string& path);

  // The entries that come next are those of this directory; `visit` hears all their names, in no
  // order. Returns what the directory withholds: then it is not entered. Fails: what keeps us from
  // remembering its names.
  std::optional<Error> enter(const std::string& path, const SourceTree::NameVisitor& visit);
  // None: that was the last one.
  std::optional<ReadEntry> next();
  // The same without reading it: only the name. Not behind next() in the same directory.
  std::optional<std::string> next_name();
  // Back to the directory around it.
  void leave();

  // Bytes of what lies in the directories that were entered, about.
  std::size_t held() const { return held_; }

 private:
  // Some entries of a directory: the first of `names`. `names` is all that lie in it when it is to
  // be listed; then, before that, empty.
  struct Reading {
    std::string folder;
    bool lists = false;
    std::vector<std::string> names;
    std::vector<ReadEntry> entries;
    std::optional<Error> withheld;  // by list()
    bool too_large = false;         // more names than a reading holds: to be listed by the caller
  };

  // Where the walk needs a reading: at this path, its directory's next entries before what lies in
  // the first of them.
  struct Key {
    std::string path;
    bool lists = false;
    bool operator<(const Key& other) const;
  };

  struct Batch {
    Key key;
    std::size_t bytes = 0;  // of its names
  };

  // A directory on the way to the current entry.
  struct Folder {
    std::string path;
    SortedNames names;               // in no batch yet
    std::deque<Batch> batches;       // requested
    std::vector<std::string> rest;   // of the batch that `entries` are from, not read yet
    std::vector<ReadEntry> entries;  // of the current reading
    std::size_t index = 0;
    std::deque<std::string> folders;  // to be entered, among `entries` from `index` on
    std::size_t requested = 0;        // the first of them, as far as there was room
    std::size_t held = 0;             // bytes, when they were counted last
  };

  using Ahead = ReadAhead<Key, Reading>;
  ReadEntry read_with(SourceTree& tree, std::string path) const;
  void read_xattrs(SourceTree& tree, ReadEntry& entry) const;
  void do_reading(SourceTree& tree, Reading& reading, const Ahead::GoOn& go_on) const;
  static void list(SourceTree& tree, Reading& reading);
  void do_here(Reading& reading);
  std::optional<Reading> take(const Key& key);
  void request_listing(const std::string& path);
  void request_below(const Reading& reading);
  bool is_entered(const ReadEntry& entry) const;

  std::optional<Error> list_here(Folder& folder, const SourceTree::NameVisitor& visit);
  static std::vector<std::string> next_names(Folder& folder);
  bool refill(Folder& folder);
  void request_what_follows(Folder& folder);
  void count_held(Folder& folder);
  void put_away(Folder& folder, const std::string& entered);
  void put_away_outer_folders();
  void request_batches(Folder& folder);
  void request_folders(Folder& folder);

  SourceTree& tree_;
  const std::string spill_path_;
  const Options options_;
  std::optional<NameSpill> spill_;  // before folders_, which use it
  std::vector<Folder> folders_;
  std::size_t held_ = 0;  // by all of them
  std::vector<std::unique_ptr<SourceTree>> views_;
  Ahead ahead_;  // last: its readers use everything above
};

}  // namespace tape
