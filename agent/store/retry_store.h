// RetryStore: what failed in passing is tried again, with full jitter.
//
// Again goes what failed with Error{transient}, and nothing else; a read of a source that was
// opened here, too. A call whose answer was lost may have been done: what it finds on a later
// attempt is compared with what it was to do.
//
//   put(if_absent)   a key that is taken, by the same bytes: it was this call
//   complete_upload  no such upload, and an object of the parts' size: it was this call
//   abort, remove    not_found: it was this call
//   begin_upload     an upload of no use may be left; abort_uploads() of the snapshot's prefix, in
//                    front of the commit, takes it away
//   list             visits no object twice; a page that fails costs those in front of it again
//
// Fails:   transient when it has been tried for long or often enough: the text says how; all else
//          as it comes. Clock::sleep's own failure, canceled, ends a wait.
// Limits:  RetryOptions. What was opened must not outlive the store.
// Threads: any number of callers, each waits by itself.
// Spec:    docs/adr/0015.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <random>

#include "net/clock.h"
#include "net/transfer_counts.h"
#include "store/part_gate.h"
#include "store/wrapped_store.h"
#include "tape/error.h"

namespace agent {

struct RetryOptions {
  // The wait behind failure n, from 0: uniform in [0, min(wait_max, wait_base * 2^n)].
  Clock::Duration wait_base{500};
  Clock::Duration wait_max{30'000};
  // A server that names a time gets that, and the wait above on top; longer ones are cut to this.
  Clock::Duration retry_after_max{120'000};
  // For each call, since its first failure; of a list, since it last came further.
  Clock::Duration deadline{15 * 60'000};
  std::uint32_t attempts_max = 100;  // of each call
  // As long as the store has answered nothing but failures: a host that was mistyped is told soon.
  std::uint32_t first_attempts_max = 4;
  std::uint64_t seed = 0;
  TransferCounts* counts = nullptr;  // may be null: `retries`, `in_flight`
};

class RetryStore final : public WrappedStore {
 public:
  // What is referred to must outlive this.
  RetryStore(ObjectStore& store, Clock& clock, const RetryOptions& options);

  std::optional<ObjectInfo> put(const std::string& key, tape::ByteView bytes, Put how) override;
  PartInfo put_part(const std::string& key,
                    const std::string& upload,
                    const UploadedPart& part) override;
  void abort_upload(const std::string& key, const std::string& upload) override;
  void list(const std::string& prefix,
            const std::function<void(const ObjectInfo&)>& visit) override;
  void remove(const std::string& key) override;
  void remove_all(const std::vector<std::string>& keys) override;

 private:
  // Of one call.
  struct Attempts {
    std::uint32_t failed = 0;
    Clock::Duration first_failure{0};
  };
  using Step = std::function<void(Attempts& attempts)>;

  void around(const StoreCall& call, const std::function<void()>& step) override;
  void retry(const Step& step);
  void remove_again(const std::function<void()>& step);
  std::optional<ObjectInfo> same_object(const std::string& key, tape::ByteView bytes);
  // Throws `error` when that was the last attempt.
  Clock::Duration wait_behind(const tape::Error& error,
                              Attempts& attempts,
                              Clock::Duration at_least);
  Clock::Duration jitter(std::uint32_t failed);

  Clock& clock_;
  const RetryOptions options_;
  PartGate gate_;
  std::atomic<bool> reached_ = false;  // the store has answered
  std::mutex random_mutex_;
  std::mt19937_64 random_;
};

}  // namespace agent
