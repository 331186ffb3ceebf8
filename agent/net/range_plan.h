// From blocks of an object that are wanted to the requests that fetch them. Pure.
//
// Units:   blocks of one size, numbered from 0; the last may be shorter.
#pragma once
#include <cstdint>
#include <vector>

namespace agent {

struct BlockRun {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t end() const { return first + count; }
  friend bool operator==(const BlockRun&, const BlockRun&) = default;
};

struct RangePlanLimits {
  std::uint64_t least = 1;  // blocks a request has at least, where the object has so many
  std::uint64_t bridged =
      0;  // so many blocks between two wanted ones are fetched again, in one request
  std::uint64_t most = 1;    // blocks a request has at most; at least `least`
  std::uint64_t blocks = 0;  // of the object
};

// `wanted`: increasing. Each wanted block is in exactly one run; runs are in order and do not
// overlap.
std::vector<BlockRun> plan_requests(const std::vector<std::uint64_t>& wanted,
                                    const RangePlanLimits& limits);

}  // namespace agent
