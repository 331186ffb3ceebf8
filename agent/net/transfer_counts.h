// What a run asked of a store: the figures `requests`, `bytes_read`, `bytes_sent` of every summary,
// and of the progress line.
//
// Threads: any number of callers.
#pragma once
#include <atomic>
#include <cstdint>

namespace agent {

struct TransferCounts {
  std::atomic<std::uint64_t> requests = 0;  // each attempt counts
  std::atomic<std::uint64_t> retries = 0;
  std::atomic<std::uint64_t> bytes_sent = 0;  // bodies, as far as they went
  std::atomic<std::uint64_t> bytes_read = 0;
  std::atomic<std::uint64_t> in_flight = 0;  // parts
};

}  // namespace agent
