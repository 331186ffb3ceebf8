#include "tape/tape_events.h"

#include <algorithm>

#include "codec/evp_stream.h"

namespace tape {

class TapeEvents::Md5 {
 public:
  EvpStream stream{EvpStream::Kind::md5};
  ByteCount taken = 0;
};

TapeEvents::TapeEvents(Catalog& catalog, SourceTree& tree, const Options& options)
    : stream_(catalog, tree, this, options.on_change),
      stop_(catalog.summary().tape_size),
      buffer_(kEventBytesMax),
      md5_(options.md5 ? std::make_unique<Md5>() : nullptr) {}

TapeEvents::~TapeEvents() = default;

void TapeEvents::seek(TapeOffset at) {
  stream_.seek(at);
  waiting_.clear();
  entry_.reset();
  end_.reset();
  completed_ = false;
}

std::optional<TapeEvent> TapeEvents::next() {
  if (waiting_.empty()) pull();
  if (waiting_.empty()) return std::nullopt;
  TapeEvent event = std::move(waiting_.front());
  waiting_.pop_front();
  return event;
}

// One piece of the tape and what it brings with it.
void TapeEvents::pull() {
  if (entry_ && stream_.position() == entry_->end()) entry_.reset();
  const TapeOffset at = stream_.position();
  const TapeOffset tape_end(stream_.size());
  const TapeOffset entries_end(stream_.size() - kEndBlocks * kBlockSize);
  if (at >= stop_) {
    if (at == tape_end && !completed_) {
      completed_ = true;
      TapeEvent& event = waiting_.emplace_back();
      event.kind = TapeEvent::Kind::completed;
      event.offset = at;
    }
    return;
  }
  // A member is known when its first byte was read; no member is less than a block.
  if (at < entries_end && !entry_) stream_.begin_member();
  TapeOffset limit = tape_end;
  bool in_body = false;
  if (entry_) {
    const TapeOffset body_end = entry_->body() + entry_->member.size;
    in_body = !filled_ && at >= entry_->body() && at < body_end;
    limit = filled_               ? entry_->end()
            : at < entry_->body() ? entry_->body()
            : in_body             ? body_end
                                  : entry_->end();
  }
  const std::size_t n = std::min<ByteCount>(buffer_.size(), std::min(limit, stop_) - at);
  stream_.read(MutableBytes(buffer_).first(n));
  const ByteView bytes = ByteView(buffer_).first(n);
  if (in_body && md5_) {
    if (at == entry_->body()) {
      md5_->stream.reset();
      md5_->taken = 0;
    }
    md5_->stream.update(bytes);
    md5_->taken += n;
  }
  TapeEvent& event = waiting_.emplace_back();
  event.offset = at;
  event.bytes = bytes;
  if (entry_ && stream_.position() == entry_->end()) push_end();
}

void TapeEvents::member_starts(const Entry& entry, const Start& start) {
  entry_ = entry;
  resumed_ = start.resumed;
  filled_ = start.omitted;
  end_.reset();
  if (md5_) md5_->taken = 0;
  TapeEvent& event = waiting_.emplace_back();
  event.kind = TapeEvent::Kind::member_starts;
  event.offset = entry.offset;
  event.entry = &*entry_;
  event.resumed = resumed_;
}

// It comes before the padding; the event behind.
void TapeEvents::member_ends(const Entry&, const MemberEnd& end) {
  end_ = end;
}

void TapeEvents::push_end() {
  TapeEvent& event = waiting_.emplace_back();
  event.kind = TapeEvent::Kind::member_ends;
  event.offset = entry_->offset;
  event.entry = &*entry_;
  event.resumed = resumed_;
  if (end_) event.end = *end_;
  // A torn body has no hash either: what went out is not what any file held.
  if (md5_ && event.end.hash && md5_->taken > 0 && md5_->taken == entry_->member.size)
    event.md5 = md5_->stream.digest();
}

}  // namespace tape
