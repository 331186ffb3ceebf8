#include "net/http_range_source.h"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <semaphore>
#include <unordered_map>

#include "net/range_plan.h"
#include "tape/error.h"
#include "tape/ordered_workers.h"

namespace agent {
namespace {

using tape::ByteCount;
using tape::Error;
using tape::GzOffset;

// Shared: who reads a block keeps it when the cache lets it go.
using Block = std::shared_ptr<const tape::Bytes>;

constexpr ByteCount kFirstAhead = ByteCount{64} << 10;
constexpr std::ptrdiff_t kConcurrencyMax = 1024;

// Least recently used go first. With the caller's lock.
class BlockCache {
 public:
  explicit BlockCache(ByteCount most) : most_(most) {}

  Block find(std::uint64_t number) {
    const auto found = places_.find(number);
    if (found == places_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->second;
  }
  void clear() {
    order_.clear();
    places_.clear();
    held_ = 0;
  }
  bool holds(std::uint64_t number) const { return places_.contains(number); }

  void add(std::uint64_t number, Block block) {
    if (places_.contains(number)) return;
    held_ += block->size();
    order_.emplace_front(number, std::move(block));
    places_[number] = order_.begin();
    while (held_ > most_ && !order_.empty()) {
      held_ -= order_.back().second->size();
      places_.erase(order_.back().first);
      order_.pop_back();
    }
  }

 private:
  using Order = std::list<std::pair<std::uint64_t, Block>>;
  const ByteCount most_;
  ByteCount held_ = 0;
  Order order_;  // used last in front
  std::unordered_map<std::uint64_t, Order::iterator> places_;
};

// A block on its way, for all who wait for it.
struct Flight {
  Block block;
  std::optional<Error> failure;
};

}  // namespace

class HttpRangeSource::State {
 public:
  State(const tape::RangeSource& object, const RangeOptions& options)
      : object_(object),
        options_(options),
        size_(object.size()),
        cache_(options.cache_bytes),
        slots_(std::clamp<std::ptrdiff_t>(options.max_concurrency, 1, kConcurrencyMax)) {
    limits_.least = blocks_in(options.minimum_range_request_bytes);
    limits_.most = std::max(limits_.least, blocks_in(options.maximum_range_request_bytes));
    limits_.bridged = options.gap_bytes / options.block_bytes;
    limits_.blocks = (size_ + options.block_bytes - 1) / options.block_bytes;
  }

  const tape::RangeSource& object() const { return object_; }
  const RangeOptions& options() const { return options_; }
  ByteCount size() const { return size_; }

  void read(GzOffset at, tape::MutableBytes out, ByteCount ahead, bool cached) {
    if (out.empty()) return;
    must_be_alive();
    statistics_.bytes_served += out.size();
    if (!cached || out.size() > options_.uncached_above) return read_through(at, out);
    const std::uint64_t first = at.value() / options_.block_bytes;
    const ByteCount end = at.value() + out.size();
    const std::uint64_t last = (end - 1) / options_.block_bytes;
    const ByteCount far = std::min(size_, end + std::min(ahead, size_ - end));
    const std::vector<Block> blocks =
        collect({{first, last - first + 1}}, (far - 1) / options_.block_bytes);
    std::size_t done = 0;
    for (const Block& block : blocks) {
      const std::size_t from = (at.value() + done) % options_.block_bytes;
      const std::size_t n = std::min(out.size() - done, block->size() - from);
      std::copy_n(block->begin() + static_cast<std::ptrdiff_t>(from), n,
                  out.begin() + static_cast<std::ptrdiff_t>(done));
      done += n;
    }
  }

  void distrust() {
    {
      const std::lock_guard lock(mutex_);
      cache_.clear();
    }
    if (options_.disk != nullptr && !options_.disk_name.empty())
      options_.disk->forget(options_.disk_name);
  }

  void prefetch(const std::vector<tape::GzRange>& ranges) {
    must_be_alive();
    std::vector<BlockRun> runs;
    for (const tape::GzRange& range : ranges) {
      const ByteCount begin = range.begin.value();
      if (begin >= size_ || range.size == 0) continue;
      const ByteCount end = begin + std::min(range.size, size_ - begin);
      const std::uint64_t first = begin / options_.block_bytes;
      runs.push_back({first, (end - 1) / options_.block_bytes + 1 - first});
    }
    if (!runs.empty()) collect(runs, 0);
  }

  RangeStatistics statistics() const {
    return {statistics_.requests, statistics_.bytes_fetched, statistics_.bytes_served,
            statistics_.hits,     statistics_.disk_hits,     statistics_.misses};
  }

 private:
  struct Counts {
    std::atomic<std::uint64_t> requests = 0;
    std::atomic<ByteCount> bytes_fetched = 0;
    std::atomic<ByteCount> bytes_served = 0;
    std::atomic<std::uint64_t> hits = 0;
    std::atomic<std::uint64_t> disk_hits = 0;
    std::atomic<std::uint64_t> misses = 0;
  };
  // One request, and where its bytes go.
  struct Job {
    GzOffset at;
    tape::MutableBytes out;
    std::optional<Error> failure;
  };
  using Flights = std::map<std::uint64_t, std::shared_ptr<Flight>>;
  using Slots = std::counting_semaphore<kConcurrencyMax>;
  class Slot {
   public:
    explicit Slot(Slots& slots) : slots_(slots) { slots_.acquire(); }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot() { slots_.release(); }

   private:
    Slots& slots_;
  };
  // Whatever ends a read, memory too: nobody waits for its flights for ever.
  class Landing {
   public:
    Landing(State& state, const Flights& flights) : state_(state), flights_(flights) {}
    Landing(const Landing&) = delete;
    Landing& operator=(const Landing&) = delete;
    ~Landing() { state_.land_lost(flights_); }

   private:
    State& state_;
    const Flights& flights_;
  };
  // Of one read: what it has, what it fetches, and what others fetch for it.
  struct Collected {
    std::map<std::uint64_t, Block> found;
    Flights mine;
    Flights others;
  };

  std::uint64_t blocks_in(ByteCount bytes) const {
    return std::max<std::uint64_t>(1, (bytes + options_.block_bytes - 1) / options_.block_bytes);
  }
  std::size_t block_size(std::uint64_t number) const {
    const ByteCount begin = number * options_.block_bytes;
    return static_cast<std::size_t>(std::min(options_.block_bytes, size_ - begin));
  }

  void must_be_alive() {
    const std::lock_guard lock(mutex_);
    if (dead_) throw Error(*dead_);
  }

  void request(Job& job) {
    const Slot slot(slots_);
    ++statistics_.requests;
    statistics_.bytes_fetched += job.out.size();
    job.failure = tape::failure_of([&] { object_.read_at(job.at, job.out); });
  }

  // All of them, the first in this thread when it is alone.
  void request_all(std::vector<Job>& jobs) {
    if (jobs.size() == 1) return request(jobs.front());
    const std::size_t count = std::min<std::size_t>(jobs.size(), options_.max_concurrency);
    tape::OrderedWorkers<Job*> workers(count, jobs.size(),
                                       [this] { return [this](Job*& job) { request(*job); }; });
    for (Job& job : jobs)
      workers.submit(&job);
    while (!workers.empty())
      workers.take();
  }

  // Into `out` alone.
  void read_through(GzOffset at, tape::MutableBytes out) {
    const std::size_t most = static_cast<std::size_t>(options_.maximum_range_request_bytes);
    const std::size_t pieces = (out.size() + most - 1) / most;
    std::vector<Job> jobs;
    for (std::size_t i = 0; i < pieces; ++i) {
      const std::size_t begin = out.size() / pieces * i;
      const std::size_t end = i + 1 == pieces ? out.size() : out.size() / pieces * (i + 1);
      jobs.push_back({at + begin, out.subspan(begin, end - begin), {}});
    }
    request_all(jobs);
    for (const Job& job : jobs)
      if (job.failure) fail(*job.failure);
  }

  [[noreturn]] void fail(const Error& failure) {
    if (failure.kind() == tape::ErrorKind::object_changed) {
      const std::lock_guard lock(mutex_);
      dead_ = failure;
    }
    throw Error(failure);
  }

  // The blocks of the runs, in order; what is fetched for them goes on up to block `far`, where
  // that is not there.
  std::vector<Block> collect(const std::vector<BlockRun>& runs, std::uint64_t far) {
    Collected read;
    {
      const std::lock_guard lock(mutex_);
      for (const BlockRun& run : runs)
        for (std::uint64_t number = run.first; number < run.end(); ++number)
          look(number, read);
      // Ahead only together with what has to be fetched.
      if (!read.mine.empty()) look_ahead(runs.back().end(), far, read);
    }
    {
      const Landing landing(*this, read.mine);
      from_disk(read);
      if (!read.mine.empty()) fetch(read);
    }
    wait(read);
    std::vector<Block> out;
    for (const BlockRun& run : runs)
      for (std::uint64_t number = run.first; number < run.end(); ++number)
        out.push_back(read.found.at(number));
    return out;
  }

  // With the lock.
  void look(std::uint64_t number, Collected& read) {
    if (read.found.contains(number) || read.mine.contains(number) || read.others.contains(number))
      return;
    if (Block block = cache_.find(number)) {
      ++statistics_.hits;
      read.found[number] = std::move(block);
    } else if (const auto flight = flights_.find(number); flight != flights_.end()) {
      ++statistics_.hits;
      read.others[number] = flight->second;
    } else {
      read.mine[number] = flights_[number] = std::make_shared<Flight>();
    }
  }

  // The same, of what nobody has or fetches.
  void look_ahead(std::uint64_t number, std::uint64_t far, Collected& read) {
    for (; number <= far; ++number)
      if (!cache_.holds(number) && !flights_.contains(number)) look(number, read);
  }

  void land(std::uint64_t number,
            Flight& flight,
            Block block,
            const std::optional<Error>& failure) {
    {
      const std::lock_guard lock(mutex_);
      flight.block = block;
      flight.failure = failure;
      flights_.erase(number);
      if (block) cache_.add(number, std::move(block));
    }
    landed_.notify_all();
  }

  void land_lost(const Flights& flights) {
    bool lost = false;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [number, flight] : flights) {
        if (flight->block || flight->failure) continue;
        flight->failure.emplace(tape::ErrorKind::exhausted, "a read that others waited for failed");
        flights_.erase(number);
        lost = true;
      }
    }
    if (lost) landed_.notify_all();
  }

  void from_disk(Collected& read) {
    if (options_.disk == nullptr || options_.disk_name.empty()) return;
    for (auto at = read.mine.begin(); at != read.mine.end();) {
      auto bytes = options_.disk->get(options_.disk_name, at->first, block_size(at->first));
      if (!bytes) {
        ++at;
        continue;
      }
      ++statistics_.hits;
      ++statistics_.disk_hits;
      const auto block = std::make_shared<const tape::Bytes>(std::move(*bytes));
      read.found[at->first] = block;
      land(at->first, *at->second, block, {});
      at = read.mine.erase(at);
    }
  }

  void fetch(Collected& read) {
    std::vector<std::uint64_t> wanted;
    for (const auto& [number, flight] : read.mine)
      wanted.push_back(number);
    statistics_.misses += wanted.size();
    const std::vector<BlockRun> runs = plan_requests(wanted, limits_);
    std::vector<tape::Bytes> buffers;
    std::vector<Job> jobs;
    for (const BlockRun& run : runs) {
      const ByteCount begin = run.first * options_.block_bytes;
      const ByteCount end = std::min(size_, run.end() * options_.block_bytes);
      jobs.push_back(
          {GzOffset(begin), buffers.emplace_back(static_cast<std::size_t>(end - begin)), {}});
    }
    request_all(jobs);
    std::optional<Error> failure;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (jobs[i].failure && !failure) failure = jobs[i].failure;
      for (std::uint64_t number = runs[i].first; number < runs[i].end(); ++number)
        arrive(number, jobs[i], (number - runs[i].first) * options_.block_bytes, read);
    }
    if (failure) fail(*failure);
  }

  // What came beside what was asked for is kept, too.
  void arrive(std::uint64_t number, const Job& job, ByteCount from, Collected& read) {
    const auto own = read.mine.find(number);
    Block block;
    if (!job.failure) {
      const auto part = job.out.subspan(static_cast<std::size_t>(from), block_size(number));
      block = std::make_shared<const tape::Bytes>(part.begin(), part.end());
      if (options_.disk != nullptr && !options_.disk_name.empty())
        options_.disk->put(options_.disk_name, number, part);
    }
    if (own != read.mine.end()) {
      if (block) read.found[number] = block;
      land(number, *own->second, block, job.failure);
    } else if (block) {
      const std::lock_guard lock(mutex_);
      cache_.add(number, std::move(block));
    }
  }

  void wait(Collected& read) {
    std::unique_lock lock(mutex_);
    for (const auto& [number, flight] : read.others) {
      landed_.wait(lock, [&, flight = flight] { return flight->block || flight->failure; });
      if (flight->failure) {
        const Error failure = *flight->failure;
        lock.unlock();
        fail(failure);
      }
      read.found[number] = flight->block;
    }
  }

  const tape::RangeSource& object_;
  const RangeOptions options_;
  const ByteCount size_;
  RangePlanLimits limits_;
  std::mutex mutex_;  // of these four
  BlockCache cache_;
  Flights flights_;
  std::optional<Error> dead_;
  std::condition_variable landed_;
  Slots slots_;
  mutable Counts statistics_;
};

HttpRangeSource::HttpRangeSource(const tape::RangeSource& object, const RangeOptions& options)
    : state_(std::make_unique<State>(object, options)) {
  const ByteCount bytes = std::min(options.prefetch_bytes, object.size());
  const bool at_end = options.prefetch_direction == RangeOptions::Prefetch::end;
  if (bytes != 0) prefetch({{GzOffset(at_end ? object.size() - bytes : 0), bytes}});
}

HttpRangeSource::~HttpRangeSource() = default;

ByteCount HttpRangeSource::size() const {
  return state_->size();
}

std::string HttpRangeSource::name() const {
  return state_->object().name();
}

void HttpRangeSource::distrust() const {
  state_->distrust();
}

void HttpRangeSource::read_at(GzOffset at, tape::MutableBytes out) const {
  state_->read(at, out, 0, true);
}

void HttpRangeSource::read_ahead_at(GzOffset at, tape::MutableBytes out, ByteCount ahead) const {
  state_->read(at, out, ahead, true);
}

void HttpRangeSource::prefetch(const std::vector<tape::GzRange>& ranges) const {
  state_->prefetch(ranges);
}

std::future<tape::Bytes> HttpRangeSource::read_async(GzOffset at,
                                                     std::size_t size,
                                                     std::stop_token stop) const {
  return std::async(std::launch::async, [this, at, size, stop = std::move(stop)] {
    constexpr std::size_t kPiece = std::size_t{1} << 20;
    tape::Bytes out(size);
    for (std::size_t done = 0; done < size; done += std::min(kPiece, size - done)) {
      if (stop.stop_requested())
        throw Error(tape::ErrorKind::canceled, name() + ": the read was canceled");
      read_at(at + done, tape::MutableBytes(out).subspan(done, std::min(kPiece, size - done)));
    }
    return out;
  });
}

RangeCursor HttpRangeSource::cursor() const {
  return RangeCursor(*this);
}

RangeStatistics HttpRangeSource::statistics() const {
  return state_->statistics();
}

std::size_t RangeCursor::read(tape::MutableBytes out) {
  const ByteCount left = position_ < source_->size() ? source_->size() - position_ : 0;
  out = out.first(static_cast<std::size_t>(std::min<ByteCount>(out.size(), left)));
  if (out.empty()) return 0;
  const ByteCount most = source_->state_->options().read_ahead_bytes;
  ahead_ = position_ != in_a_row_ ? 0 : std::min(most, std::max(kFirstAhead, 2 * ahead_));
  source_->state_->read(GzOffset(position_), out, ahead_, cached_);
  position_ += out.size();
  in_a_row_ = position_;
  return out.size();
}

tape::Bytes RangeCursor::read_rest() {
  const ByteCount left = position_ < source_->size() ? source_->size() - position_ : 0;
  tape::Bytes out(static_cast<std::size_t>(left));
  read(out);
  return out;
}

std::uint64_t RangeCursor::seek(std::int64_t offset, Whence whence) {
  const ByteCount from = whence == Whence::begin     ? 0
                         : whence == Whence::current ? position_
                                                     : source_->size();
  if (offset < 0 && from < static_cast<std::uint64_t>(-(offset + 1)) + 1)
    throw Error(tape::ErrorKind::usage, "a seek to " + std::to_string(offset) + " from " +
                                            std::to_string(from) + ": in front of the begin");
  position_ = from + static_cast<std::uint64_t>(offset);
  return position_;
}

RangeCursor RangeCursor::clone(Cache cache) const {
  RangeCursor out(*source_);
  if (cache == Cache::separate) {
    RangeOptions options = source_->state_->options();
    options.prefetch_bytes = 0;
    out.own_ = std::make_unique<HttpRangeSource>(source_->state_->object(), options);
    out.source_ = out.own_.get();
  }
  out.cached_ = cache != Cache::none;
  out.position_ = position_;
  return out;
}

}  // namespace agent
