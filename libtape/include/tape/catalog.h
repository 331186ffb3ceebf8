// A sealed catalog: the state of a tree at the scan and the layout of its tar stream.
//
// In:      a file that scan() sealed.
// Out:     entries in tape order, by tape offset, by member path.
// Units:   TapeOffset in bytes.
// Limits:  memory is one SQLite page cache (kCatalogCacheBytes), whatever the number of entries.
// Threads: one caller at a time; open the file once per thread.
// Spec:    docs/format.md, "Catalog".
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tape/bytes.h"
#include "tape/member.h"
#include "tape/offset.h"
#include "tape/source_tree.h"

namespace tape {

inline constexpr ByteCount kCatalogCacheBytes = ByteCount{8} << 20;

enum class Metadata { portable, full };

inline constexpr std::size_t kSourceOptionsMax = 10'000;  // each is tried on each entry

// One of the source options of docs/cli.md: its long name without the hyphens, and its value. The
// lines of an --exclude-file are options `exclude`; --exclude-larger-than is in bytes.
struct SourceOption {
  std::string name;
  std::string value;
  friend bool operator==(const SourceOption&, const SourceOption&) = default;
};

// One row: a member, where it lies, and what the scan saw of its source.
struct Entry {
  std::string path;  // below the root; empty for the root; the name of a single file
  Member member;
  SourceStat source;
  TapeOffset offset;  // of the first header block
  std::uint32_t header_blocks = 0;
  std::optional<TapeOffset> first;  // of a hard link: the member with its first name
  std::optional<Hash128> hash;      // of a regular file's content, when the scan read it

  TapeOffset body() const { return offset + header_blocks * kBlockSize; }
  // The body with its padding ends here, and the next member begins.
  TapeOffset end() const {
    return body() + (member.size + kBlockSize - 1) / kBlockSize * kBlockSize;
  }
};

struct CatalogSummary {
  std::string root;          // absolute, resolved, as scanned
  bool single_file = false;  // the source is one file: no root member
  std::string prefix;        // without final `/`
  Metadata metadata = Metadata::portable;
  Profile profile = Profile::ragtape;
  std::optional<std::int64_t> source_date_epoch;
  std::vector<SourceOption> source_options;  // in the order typed
  ByteCount tape_size = 0;                   // end blocks included
  std::uint64_t entries = 0;
  Hash128 fingerprint{};  // identity of the layout
  Hash128 state{};        // what "nothing changed" is judged by
  bool hashed = false;    // contents were read; a file that changed meanwhile has none all the same
  Hash128 contents{};     // of the hashes, in tape order
  Timestamp started;      // begin of the scan
  std::uint64_t problems = 0;
  std::uint64_t skipped_sockets = 0;
  std::uint64_t skipped_devices = 0;
  std::uint64_t skipped_own_files = 0;
  std::uint64_t excluded = 0;  // entries that were met and left out; what is below them is not met
};

// The file name under which a folder keeps the tape of the tree at `root` (absolute, resolved), to
// be found again by that. `ragtape scan` keeps them in the folder `tapes` of its state.
std::string tape_name(const std::string& root);

// Entries one after another. Must not outlive its Catalog.
class EntryCursor {
 public:
  EntryCursor() = default;
  EntryCursor(const EntryCursor&) = delete;
  EntryCursor& operator=(const EntryCursor&) = delete;
  virtual ~EntryCursor() = default;
  virtual std::optional<Entry> next() = 0;
};

class Catalog {
 public:
  // Opens and checks the summary. Fails: not_found; corrupt; unsupported (another version).
  static std::unique_ptr<Catalog> open(const std::string& path);
  // The tape that `folder` keeps of the tree at `root` (absolute, resolved), under tape_name(root);
  // null: it keeps none, or one of another tree. Fails: as open().
  static std::unique_ptr<Catalog> open_of(const std::string& folder, const std::string& root);

  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;
  virtual ~Catalog() = default;

  virtual const CatalogSummary& summary() const = 0;

  // The member whose header, body or padding holds `at`; none in the end blocks.
  virtual std::optional<Entry> entry_at(TapeOffset at) = 0;
  // By member path (with prefix, without final `/`).
  virtual std::optional<Entry> find(const std::string& member_path) = 0;
  // Up to `count` member paths around where `member_path` is or would be, in the order of their
  // bytes.
  virtual std::vector<std::string> neighbours(const std::string& member_path,
                                              std::size_t count) = 0;
  // From the member that holds `at` on.
  virtual std::unique_ptr<EntryCursor> entries_from(TapeOffset at) = 0;
  // Paths below the root of every name that was scanned for the entry's inode, itself included.
  virtual std::vector<std::string> names_of(const Entry& entry) = 0;
  // Each recorded problem, in tape order: path below the root, reason.
  virtual void each_problem(
      const std::function<void(const std::string&, const std::string&)>& visit) = 0;

  // Reads every row, encodes every header again and compares offsets, size, fingerprint and state
  // with the summary. Done before a tape is played. Fails: corrupt.
  virtual void check() = 0;

 protected:
  Catalog() = default;
};

}  // namespace tape
