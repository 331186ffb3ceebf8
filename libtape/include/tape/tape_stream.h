// TapeStream: plays a catalog as its tar stream, from any byte. Pull.
//
// In:      a sealed catalog (checked by the caller: Catalog::check) and the tree it was made from.
// Out:     the bytes of the tape; members announced to an observer.
// Units:   TapeOffset in bytes.
// Limits:  memory: one header, the caller's buffer, some 50 bytes for each
//          omitted file.
// Threads: one caller at a time.
// Spec:    docs/format.md §1, §2.
#pragma once
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "tape/catalog.h"
#include "tape/io.h"
#include "tape/source_tree.h"

namespace tape {

// What came of a member whose source was not what the scan recorded (docs/format.md §2).
enum class Outcome : std::uint8_t {
  as_recorded,
  changed,  // content as found, header as recorded
  grew,     // the recorded length of a longer file
  torn,     // cut or zero-padded to the recorded size; no hash
  omitted,  // its range is filled
};

enum class OnChange {
  stop,  // Error{source_changed} at the first of them
  mark,  // go on; the layout never moves
};

struct MemberEnd {
  std::optional<Hash128> hash;  // of a regular file whose body went out from its first byte
  Outcome outcome = Outcome::as_recorded;
  std::string why;  // for people, when the outcome is another
};

// Hears of members in tape order. May be called in the middle of read().
class MemberObserver {
 public:
  MemberObserver() = default;
  MemberObserver(const MemberObserver&) = delete;
  MemberObserver& operator=(const MemberObserver&) = delete;
  virtual ~MemberObserver() = default;

  struct Start {
    bool resumed = false;  // earlier bytes went elsewhere: a seek, or another observer
    bool omitted = false;
  };
  // Before the member's first byte is given out.
  virtual void member_starts(const Entry& entry, const Start& start) = 0;
  // After its last body byte was read and its source checked, before its padding is given out; of
  // an omitted member after its last byte.
  virtual void member_ends(const Entry& entry, const MemberEnd& end) = 0;
};

// The member under way.
struct OpenMember {
  Outcome outcome = Outcome::as_recorded;  // so far
  std::string why;
  std::optional<SourceStat> opened;  // of a file: as it was at its first open
  ByteCount taken = 0;               // body bytes that went out
  Bytes hash;                        // state of XXH3-128 over them; opaque
};

// Where a stream stands, for another process to go on from.
struct TapePosition {
  TapeOffset at;
  std::optional<OpenMember> member;
};

Bytes encode_position(const TapePosition& position);
// Fails: Error{corrupt}.
TapePosition decode_position(ByteView bytes);

class TapeStream {
 public:
  // All must outlive the stream; `observer` may be null.
  TapeStream(Catalog& catalog,
             SourceTree& tree,
             MemberObserver* observer,
             OnChange on_change = OnChange::stop);
  ~TapeStream();
  TapeStream(const TapeStream&) = delete;
  TapeStream& operator=(const TapeStream&) = delete;

  ByteCount size() const;
  TapeOffset position() const;

  // The next read begins at `at`, which may be size(). Fails: Error{usage} beyond that.
  void seek(TapeOffset at);

  // From now on `observer` hears; a member under way is announced to it as resumed.
  void announce_to(MemberObserver* observer);
  // The same for one that knows the member under way.
  void hand_to(MemberObserver* observer) { observer_ = observer; }

  // Between two reads: what resume() goes on from.
  TapePosition state() const;

  // Goes on where a stream of the same catalog stood. `omitted`: the entries that were omitted
  // before. The member under way is not announced again: its observer goes on too. Its
  // file must still be the one that was open, else it is torn, or Error{source_changed}.
  void resume(const TapePosition& position, std::set<TapeOffset> omitted);

  // Tape bytes in front of where resume() went on that were read once more.
  ByteCount read_again() const { return read_again_; }

  // Announces the member at the position, if that was not done. Fails: as read(); Error{usage} at
  // the end blocks, which are no member's.
  void begin_member();

  // Fills `out`; fewer bytes only at the end of the tape.
  // Fails: Error{source_changed} at the first source that is not what was scanned, unless changes
  // are marked; the stream is then dead.
  std::size_t read(MutableBytes out);

  // Push: the rest of the tape goes to `sink`, which is not finished.
  void write_to(ByteSink& sink);

  // Path below the root of the member under way, escaped; empty at the ends.
  std::string current() const;

 private:
  class Body;
  class Filled;
  void take_entry(Entry entry);
  void enter(Entry entry);
  void open_source();
  bool was_omitted(TapeOffset first);
  void omit(const std::string& why);
  void settle(Outcome outcome, const std::string& why);
  std::string difference_without_body();
  void read_member(MutableBytes& out);
  void read_body(MutableBytes out);
  void read_source(FileOffset at, MutableBytes out);
  void leave();

  Catalog& catalog_;
  SourceTree& tree_;
  MemberObserver* observer_;
  const OnChange on_change_;
  TapeOffset position_;
  TapeOffset started_;  // of the last seek
  std::unique_ptr<EntryCursor> cursor_;
  std::optional<Entry> entry_;
  Bytes header_;
  std::unique_ptr<Body> body_;
  std::unique_ptr<Filled> filled_;
  Outcome outcome_ = Outcome::as_recorded;  // of entry_, so far
  std::string why_;
  bool ended_ = false;  // of entry_: member_ends was called
  std::set<TapeOffset> omitted_;
  ByteCount read_again_ = 0;
};

}  // namespace tape
