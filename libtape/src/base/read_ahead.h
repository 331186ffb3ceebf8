// ReadAhead: jobs are done by several threads before they are asked for, nearest first.
//
// In:      jobs, each with the key that says where it will be wanted, by request().
// Out:     each by take() of its key.
// Limits:  `done` jobs that are begun or done, `queued` that wait.
// Threads: take(), pass() and the destructor by one caller; request() by any. The work runs in the
//          readers, and in take() when none of them has begun it.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace tape {

template <class Key, class Job>
class ReadAhead {
 public:
  // Whether to go on; a work that is long asks now and then, and may end undone when it is false.
  using GoOn = std::function<bool()>;
  using Work = std::function<void(Job&, const GoOn&)>;

  struct Limits {
    std::size_t done = 0;
    std::size_t queued = 0;
  };

  explicit ReadAhead(Limits limits) : limits_(limits) {}
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  // What was not begun is dropped; what is under way is told to end, and waited for.
  ~ReadAhead() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    work_.notify_all();
    readers_.clear();
  }

  // One reader more. Before the first request.
  void add_reader(Work work) {
    readers_.emplace_back([this, work = std::move(work)] { run(work); });
  }
  bool has_readers() const { return !readers_.empty(); }

  // False: there is no room, it is known already, or the caller is past it. `needed`: in any case.
  bool request(const Key& key, Job job, bool needed = false) {
    const std::lock_guard lock(mutex_);
    const bool full = queued_.size() >= limits_.queued;
    if (!needed && (full || key < position_ || begun_.contains(key) || done_.contains(key)))
      return false;
    return queued_.try_emplace(key, std::move(job)).second;
  }

  // The caller is at `position`: what lies before is dropped. A reader is woken only when there is
  // room for many jobs, since to wake a thread costs more than a small job.
  void pass(const Key& position) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      position_ = position;
      queued_.erase(queued_.begin(), queued_.lower_bound(position));
      done_.erase(done_.begin(), done_.lower_bound(position));
      wake = idle_ > 0 && may_begin() && begun_.size() + done_.size() <= limits_.done / 2;
    }
    if (wake) work_.notify_one();
  }

  // None: it was not requested, or refused. `here` does what no reader has begun; `waiting` is
  // called while one is at it. Rethrows what the work threw.
  std::optional<Job> take(const Key& key,
                          const std::function<void(Job&)>& here,
                          const std::function<void()>& waiting) {
    constexpr std::chrono::milliseconds kInterval{100};
    std::unique_lock lock(mutex_);
    if (auto node = queued_.extract(key)) {
      lock.unlock();
      here(node.mapped());
      return std::move(node.mapped());
    }
    while (begun_.contains(key)) {
      caller_waits_ = true;
      done_here_.wait_for(lock, kInterval);
      caller_waits_ = false;
      lock.unlock();
      if (waiting) waiting();
      lock.lock();
    }
    auto node = done_.extract(key);
    lock.unlock();
    if (!node) return std::nullopt;
    if (node.mapped().thrown) std::rethrow_exception(node.mapped().thrown);
    return std::move(node.mapped().job);
  }

 private:
  struct Done {
    Job job;
    std::exception_ptr thrown;
  };

  // Jobs in the queue for which one reader wakes another.
  static constexpr std::size_t kWorthWaking = 4;

  // With mutex_ held.
  bool may_begin() const { return !queued_.empty() && begun_.size() + done_.size() < limits_.done; }

  void do_job(Done& done, const Work& work) const {
    try {
      work(done.job, [this] { return !stop_; });
    } catch (...) {
      done.thrown = std::current_exception();
    }
  }

  void run(const Work& work) {
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      work_.wait(lock, [this] { return stop_ || may_begin(); });
      --idle_;
      if (stop_) return;
      auto node = queued_.extract(queued_.begin());
      begun_.insert(node.key());
      const bool more = idle_ > 0 && queued_.size() >= kWorthWaking;
      lock.unlock();
      if (more) work_.notify_one();
      Done done{std::move(node.mapped()), {}};
      do_job(done, work);
      lock.lock();
      begun_.erase(node.key());
      if (!(node.key() < position_)) done_.emplace(std::move(node.key()), std::move(done));
      if (caller_waits_) done_here_.notify_one();
    }
  }

  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_here_;
  std::atomic<bool> stop_ = false;
  bool caller_waits_ = false;
  std::size_t idle_ = 0;  // readers
  Key position_{};
  std::map<Key, Job> queued_;
  std::set<Key> begun_;
  std::map<Key, Done> done_;
  std::vector<std::jthread> readers_;  // last: they use everything above
};

}  // namespace tape
