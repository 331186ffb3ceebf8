// OrderedWorkers: jobs go in, are done by several threads, and come out in the order they went in.
//
// In:      jobs, by submit(), up to `capacity` at a time.
// Out:     results, by take(), oldest first.
// Limits:  `capacity` jobs and results in memory.
// Threads: submit() and take() by one caller; `work` runs in the workers, or, when there are none,
//          in take().
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace tape {

template <class Job>
class OrderedWorkers {
 public:
  // Does a job in place; one `Work` for each thread, made by `make_work` in the caller's thread.
  using Work = std::function<void(Job&)>;

  OrderedWorkers(std::size_t workers, std::size_t capacity, const std::function<Work()>& make_work)
      : capacity_(capacity) {
    if (workers == 0) inline_work_ = make_work();
    threads_.reserve(workers);
    for (std::size_t i = 0; i < workers; ++i)
      threads_.emplace_back(
          [this, work = make_work()](const std::stop_token& stop) { run(stop, work); });
    // A std::function frees what it holds.
  }  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks)
  OrderedWorkers(const OrderedWorkers&) = delete;
  OrderedWorkers& operator=(const OrderedWorkers&) = delete;
  // What was not begun is dropped; what is under way is waited for.
  ~OrderedWorkers() {
    for (std::jthread& thread : threads_)
      thread.request_stop();
    threads_.clear();
  }

  bool empty() const { return slots_.empty(); }
  bool full() const { return slots_.size() == capacity_; }
  std::size_t size() const { return slots_.size(); }

  // Not when full().
  void submit(Job job) {
    {
      const std::lock_guard lock(mutex_);
      slots_.emplace_back(std::move(job));
    }
    work_.notify_one();
  }

  // Whether take() would return at once.
  bool ready() const {
    if (slots_.empty() || threads_.empty()) return !slots_.empty();
    const std::lock_guard lock(mutex_);
    return slots_.front().state == State::done;
  }

  // The oldest job, done; waits for it. Not when empty(). Rethrows what its work threw.
  Job take() {
    if (threads_.empty()) {
      do_job(slots_.front(), inline_work_);
      slots_.front().state = State::done;
    }
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return slots_.front().state == State::done; });
    Slot slot = std::move(slots_.front());
    slots_.pop_front();
    if (begun_ > 0) --begun_;
    lock.unlock();
    if (slot.failure) std::rethrow_exception(slot.failure);
    return std::move(slot.job);
  }

 private:
  enum class State { waiting, begun, done };
  struct Slot {
    explicit Slot(Job made) : job(std::move(made)) {}
    Job job;
    State state = State::waiting;
    std::exception_ptr failure;
  };

  static void do_job(Slot& slot, const Work& work) {
    try {
      work(slot.job);
    } catch (...) {
      slot.failure = std::current_exception();
    }
  }

  void run(const std::stop_token& stop, const Work& work) {
    std::unique_lock lock(mutex_);
    while (work_.wait(lock, stop, [this] { return begun_ < slots_.size(); }) &&
           !stop.stop_requested()) {
      // Slots are begun in order; references into a deque survive push_back and pop_front.
      Slot& slot = slots_[begun_++];
      lock.unlock();
      do_job(slot, work);
      lock.lock();
      slot.state = State::done;
      // take() waits for the oldest alone.
      if (&slot == &slots_.front()) done_.notify_one();
    }
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable_any work_;
  std::condition_variable_any done_;
  std::deque<Slot> slots_;  // oldest first; the first `begun_` were taken up
  std::size_t begun_ = 0;
  Work inline_work_;
  std::vector<std::jthread> threads_;  // last: they use everything above
};

}  // namespace tape
