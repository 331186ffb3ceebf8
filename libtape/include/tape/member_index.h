// The member index of a volume: from a path to the bytes of its pages.
//
// In:      the TM nodes and the TMIX extension of a ragzip object.
// Out:     records, by path or in tape order.
// Units:   offsets and lengths in bytes, as the fields say.
// Limits:  a node inflates to at most 16300 bytes; memory is one node a level.
// Threads: one caller at a time.
// Spec:    docs/format.md §4.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tape/bytes.h"
#include "tape/member.h"
#include "tape/offset.h"
#include "tape/ragzip_reader.h"

namespace tape {

class Inflater;
struct ChildRecord;

// Flags of a record.
inline constexpr std::uint8_t kRecordOwner = 1;     // uid and gid are there
inline constexpr std::uint8_t kRecordTarget = 2;    // target is there
inline constexpr std::uint8_t kRecordHash = 4;      // hash is there
inline constexpr std::uint8_t kRecordLater = 8;     // the member ends in a later volume
inline constexpr std::uint8_t kRecordChanged = 16;  // other mtime, target or kind than recorded
inline constexpr std::uint8_t kRecordTorn = 32;     // cut or zero-padded to the recorded size
inline constexpr std::uint8_t kRecordOmitted = 64;  // its range is filled
inline constexpr std::uint8_t kRecordGrew = 128;    // the recorded length of a longer file

struct MemberRecord {
  std::string path;  // member name without a directory's `/`; empty for the root of no prefix
  MemberType type = MemberType::regular;
  std::uint8_t flags = 0;
  // Of the first header block from the volume's first byte; negative when an earlier volume has it.
  std::int64_t offset = 0;
  std::uint64_t header_blocks = 0;
  ByteCount size = 0;
  std::uint32_t mode = 0;
  Timestamp mtime;
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::string target;
  Hash128 hash{};
  std::uint32_t volume = 0;  // of the archive, where the record stands
  // The pages with the member's bytes in this volume, from the first one's begin to the last one's
  // end.
  GzRange pages;

  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  // The member's name as `tar -t` shows it, unescaped.
  std::string name() const;
  // What the record knows of the member: everything but owner names, device and xattrs.
  Member member() const;
};

// The id of the extension.
inline constexpr std::uint32_t kTmixId = 0x544D4958;  // "TMIX"

// Extension TMIX: where the member index lies, bound to its volume.
struct MemberIndexRoot {
  int height = 0;  // 1: the root is a leaf; 0: no records
  std::uint64_t records = 0;
  GzRange root;
  GzRange leaves;
  Hash128 slice_hash{};  // XXH3-128 of the volume's logical bytes
  GzOffset extension;    // of the TMIX member itself; all nodes end here at the latest
};

class RecordCursor {
 public:
  RecordCursor() = default;
  RecordCursor(const RecordCursor&) = delete;
  RecordCursor& operator=(const RecordCursor&) = delete;
  virtual ~RecordCursor() = default;
  virtual std::optional<MemberRecord> next() = 0;
};

class MemberIndex {
 public:
  // Finds TMIX among the extensions. `ragzip` must outlive the index.
  // Fails: corrupt; unsupported when there is no member index (none, stale, another version).
  explicit MemberIndex(RagzipReader& ragzip);
  ~MemberIndex();
  MemberIndex(const MemberIndex&) = delete;
  MemberIndex& operator=(const MemberIndex&) = delete;

  const MemberIndexRoot& root() const { return root_; }

  // One node a level. Fails: corrupt.
  std::optional<MemberRecord> find(std::string_view path);

  // Path of the first record; none without records. Reads the root node.
  std::optional<std::string> first_path();
  // Path of the last record; none without records. Reads one node a level.
  std::optional<std::string> last_path();

  // Up to `count` paths around where `path` is or would be, from the leaf that find() reads for it.
  std::vector<std::string> neighbours(std::string_view path, std::size_t count);

  // From the first record whose path is not before `from` on, in tape order; `from` empty: all.
  std::unique_ptr<RecordCursor> records_from(std::string_view from);

  // Reads every node and checks order, levels, place and number. Fails: corrupt.
  void check();

 private:
  friend class LeafWalk;
  template <class Record, class Read>
  std::vector<Record> read_node(GzRange place, int kind, Read read);
  std::vector<MemberRecord> leaf(GzRange place);
  std::vector<ChildRecord> inner(GzRange place);
  // The records of the leaf where `path` belongs; empty when it is before the first.
  const std::vector<MemberRecord>& leaf_for(std::string_view path);
  const std::vector<MemberRecord>& leaf_at(GzRange place);

  RagzipReader& ragzip_;
  std::unique_ptr<Inflater> inflater_;
  MemberIndexRoot root_;
  GzRange last_leaf_;  // that leaf_for read: a second look-up nearby asks for nothing
  std::vector<MemberRecord> last_records_;
};

// Tape order: whole paths compared with `/` as 0x00 (docs/format.md §1).
bool path_before(std::string_view a, std::string_view b);
// Whether `path` is `top` or below it; everything is below the empty path.
bool path_within(std::string_view path, std::string_view top);

}  // namespace tape
