// TapeEvents: a tape as events: a member starts, its bytes come, it ends; at last the tape is
// completed. Pull. The bytes of all events in order are the tape, from where it was sought.
//
// In:      as TapeStream.
// Out:     one event at a time.
// Units:   TapeOffset in bytes.
// Limits:  memory: as TapeStream, and one buffer of kEventBytesMax.
// Threads: one caller at a time.
// Spec:    docs/format.md §1, §2.
#pragma once
#include <algorithm>
#include <deque>
#include <memory>
#include <optional>

#include "tape/tape_stream.h"

namespace tape {

inline constexpr std::size_t kEventBytesMax = std::size_t{64} * 1024;

struct TapeEvent {
  enum class Kind {
    member_starts,
    data,  // of a header, a body, padding or the end blocks; never of two of them
    member_ends,
    completed,  // behind the last end block
  };
  Kind kind = Kind::data;
  TapeOffset offset;             // where it begins; of an end, where the member does
  const Entry* entry = nullptr;  // of a start and an end; valid until next()
  bool resumed = false;          // of a start and an end: earlier bytes were passed over
  ByteView bytes;                // of data; valid until next()
  MemberEnd end;                 // of an end
  // Of an end: MD5 of the body, when it was asked for and `end` has its hash; none of an empty
  // file, whose hash is there.
  std::optional<Bytes> md5;
};

class TapeEvents final : private MemberObserver {
 public:
  struct Options {
    OnChange on_change = OnChange::stop;
    bool md5 = false;
  };
  // Both must outlive the events.
  TapeEvents(Catalog& catalog, SourceTree& tree, const Options& options);
  ~TapeEvents() override;
  TapeEvents(const TapeEvents&) = delete;
  TapeEvents& operator=(const TapeEvents&) = delete;

  ByteCount size() const { return stream_.size(); }
  TapeOffset position() const { return stream_.position(); }
  // Fails: Error{usage} beyond the end.
  void seek(TapeOffset at);
  // No byte behind `end` comes; nothing is completed there unless it is the tape's end, which
  // anything behind it means, too.
  void stop_at(TapeOffset end) { stop_ = std::min(end, TapeOffset(size())); }

  // None at the end. Fails: as TapeStream::read.
  std::optional<TapeEvent> next();

 private:
  class Md5;
  void member_starts(const Entry& entry, const Start& start) override;
  void member_ends(const Entry& entry, const MemberEnd& end) override;
  void pull();
  void push_end();

  TapeStream stream_;
  TapeOffset stop_;
  bool completed_ = false;
  Bytes buffer_;
  std::deque<TapeEvent> waiting_;
  std::optional<Entry> entry_;  // under way
  bool resumed_ = false;
  bool filled_ = false;  // omitted: its range has no parts
  std::optional<MemberEnd> end_;
  std::unique_ptr<Md5> md5_;
};

}  // namespace tape
