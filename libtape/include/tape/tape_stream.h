// TapeStream: plays a catalog as its tar stream, from any byte. Pull.
//
// In:      a sealed catalog (checked by the caller: Catalog::check) and the tree it was made from.
// Out:     the bytes of the tape; members announced to an observer.
// Units:   TapeOffset in bytes.
// Limits:  memory: one header and the caller's buffer.
// Threads: one caller at a time.
// Spec:    docs/format.md §1, §2.
#pragma once
#include <memory>
#include <optional>

#include "tape/catalog.h"
#include "tape/source_tree.h"

namespace tape {

// Hears of members in tape order. May be called in the middle of read().
class MemberObserver {
 public:
  MemberObserver() = default;
  MemberObserver(const MemberObserver&) = delete;
  MemberObserver& operator=(const MemberObserver&) = delete;
  virtual ~MemberObserver() = default;

  // Before the member's first byte is given out; `resumed` when a seek left out earlier ones.
  virtual void member_starts(const Entry& entry, bool resumed) = 0;
  // After its last body byte was read and its source checked, before its padding is given out.
  // `hash`: XXH3-128 of the body of a regular file that was read from its first byte.
  virtual void member_ends(const Entry& entry, const std::optional<Hash128>& hash) = 0;
};

class TapeStream {
 public:
  // All three must outlive the stream; `observer` may be null.
  TapeStream(Catalog& catalog, SourceTree& tree, MemberObserver* observer);
  ~TapeStream();
  TapeStream(const TapeStream&) = delete;
  TapeStream& operator=(const TapeStream&) = delete;

  ByteCount size() const;
  TapeOffset position() const;

  // The next read begins at `at`, which may be size(). Fails: Error{usage} beyond that.
  void seek(TapeOffset at);

  // Fills `out`; fewer bytes only at the end of the tape.
  // Fails: Error{source_changed} at the first source that is not what was scanned; the stream is
  // then dead.
  std::size_t read(MutableBytes out);

  // Path below the root of the member under way, escaped; empty at the ends.
  std::string current() const;

 private:
  class Body;
  void enter(Entry entry);
  void check_without_body();
  void read_member(MutableBytes& out);
  void leave();

  Catalog& catalog_;
  SourceTree& tree_;
  MemberObserver* observer_;
  TapeOffset position_;
  std::unique_ptr<EntryCursor> cursor_;
  std::optional<Entry> entry_;
  Bytes header_;
  std::unique_ptr<Body> body_;
  bool ended_ = false;  // of entry_: member_ends was called
};

}  // namespace tape
