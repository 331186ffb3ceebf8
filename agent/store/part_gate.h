// PartGate: how many parts go at once to a store that asks for fewer.
//
// Open until the store asks. Then half of those that go may go; one more after every
// kPartsToGrow that arrived.
//
// Limits:  never less than one part.
// Threads: any number of callers.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "net/transfer_counts.h"

namespace agent {

inline constexpr std::uint32_t kPartsAtOnceMax = 1024;  // an open gate
inline constexpr std::uint32_t kPartsToGrow = 10;

class PartGate {
 public:
  // `counts` may be null, else it must outlive this; its `in_flight` is kept.
  explicit PartGate(TransferCounts* counts) : counts_(counts) {}

  // A part on its way. Not longer than that: none while its sender waits to try again.
  class Pass {
   public:
    // Waits until it may go.
    explicit Pass(PartGate& gate);
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass();

    void arrived();
    // Of many that were under way together and are all told so, the first one counts.
    void slow_down();

   private:
    PartGate& gate_;
    std::uint64_t slowdowns_ = 0;  // when it went
  };

  std::uint32_t limit() const;

 private:
  TransferCounts* counts_;
  mutable std::mutex mutex_;
  std::condition_variable left_;
  std::uint32_t limit_ = kPartsAtOnceMax;
  std::uint32_t in_flight_ = 0;
  std::uint32_t arrived_ = 0;  // since the limit was changed
  std::uint64_t slowdowns_ = 0;
};

}  // namespace agent
