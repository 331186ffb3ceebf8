// HttpRangeSource: a remote object behind few requests: a cache of blocks that any number of
// readers share, gaps bridged, long runs split and fetched at a time, no block asked for twice at
// once.
//
// In:      a RangeSource whose reads cost: HttpObject, a store's object; or http://, https:// by
// itself. Units:   bytes. Limits:  memory: RangeOptions::cache_bytes, and what running reads hold
// of it. Fails:   as the object does; what failed is not kept. After object_changed everything
// does: what is
//          cached is of the old object, and never mixed with the new.
// Threads: any number of callers.
// Spec:    docs/parity.md "hctef", whose names and defaults the options have; RFC 9110 §14.
#pragma once
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "net/disk_cache.h"
#include "tape/io.h"

namespace agent {

struct RangeOptions {
  enum class Prefetch { end, start };

  tape::ByteCount minimum_range_request_bytes = 8192;
  tape::ByteCount prefetch_bytes = tape::ByteCount{1} << 20;  // at the opening; 0: none
  Prefetch prefetch_direction = Prefetch::end;
  tape::ByteCount block_bytes = 8192;
  tape::ByteCount gap_bytes = tape::ByteCount{64} << 10;  // fetched again rather than left out
  tape::ByteCount maximum_range_request_bytes = tape::ByteCount{8} << 20;
  tape::ByteCount cache_bytes = tape::ByteCount{64} << 20;
  tape::ByteCount read_ahead_bytes = tape::ByteCount{4}
                                     << 20;     // most, of cursors that read in a row
  tape::ByteCount uncached_above = UINT64_MAX;  // longer reads are not kept, and not looked for
  unsigned max_concurrency = 8;                 // requests at a time
  // Must outlive the source; `disk_name` names object and version, empty: no disk cache.
  DiskCache* disk = nullptr;
  std::string disk_name;
};

struct RangeStatistics {
  std::uint64_t requests = 0;
  tape::ByteCount bytes_fetched = 0;
  tape::ByteCount bytes_served = 0;
  std::uint64_t hits = 0;       // blocks that were there
  std::uint64_t disk_hits = 0;  // of these, on disk
  std::uint64_t misses = 0;
};

class RangeCursor;

class HttpRangeSource final : public tape::RangeSource {
 public:
  // `object` must outlive the source and its cursors. Prefetches.
  HttpRangeSource(const tape::RangeSource& object, const RangeOptions& options);
  ~HttpRangeSource() override;
  HttpRangeSource(const HttpRangeSource&) = delete;
  HttpRangeSource& operator=(const HttpRangeSource&) = delete;

  tape::ByteCount size() const override;
  std::string name() const override;
  // All of what is cached, on disk, too.
  void distrust() const override;
  void read_at(tape::GzOffset at, tape::MutableBytes out) const override;
  // The same; what is missing behind it, up to `ahead` bytes, comes with it.
  void read_ahead_at(tape::GzOffset at, tape::MutableBytes out, tape::ByteCount ahead) const;

  // Fetches what of them is not there, in as few requests as the options allow. Ranges may overlap
  // and reach behind the end.
  void prefetch(const std::vector<tape::GzRange>& ranges) const;

  // In a thread of its own. When `stop` is asked for it ends with Error{canceled} before its next
  // request. The future waits when it goes.
  std::future<tape::Bytes> read_async(tape::GzOffset at,
                                      std::size_t size,
                                      std::stop_token stop = {}) const;

  // At the beginning; the source must outlive it.
  RangeCursor cursor() const;
  RangeStatistics statistics() const;

 private:
  friend class RangeCursor;
  class State;
  std::unique_ptr<State> state_;
};

// A position in an HttpRangeSource. Reading in a row reads ahead, twice as much each time.
//
// Threads: one caller at a time; several cursors of one source at once.
class RangeCursor {
 public:
  enum class Whence { begin, current, end };
  enum class Cache {
    shared,    // of the source
    separate,  // its own, gone with it
    none,      // for long runs
  };

  // Fills `out` from the position on; fewer bytes only at the end. The position moves.
  std::size_t read(tape::MutableBytes out);
  // All that is left.
  tape::Bytes read_rest();
  // Returns the position, which may lie behind the end. Fails: Error{usage} in front of the begin.
  std::uint64_t seek(std::int64_t offset, Whence whence = Whence::begin);
  std::uint64_t tell() const { return position_; }
  // Another at the same position.
  RangeCursor clone(Cache cache = Cache::shared) const;

 private:
  friend class HttpRangeSource;
  explicit RangeCursor(const HttpRangeSource& source) : source_(&source) {}

  const HttpRangeSource* source_;
  std::unique_ptr<HttpRangeSource> own_;  // that source_ is, of a cursor with a cache of its own
  bool cached_ = true;
  std::uint64_t position_ = 0;
  std::uint64_t in_a_row_ = UINT64_MAX;  // where a read would go on
  tape::ByteCount ahead_ = 0;
};

}  // namespace agent
