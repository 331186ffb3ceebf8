#include "net/range_plan.h"

#include <algorithm>

namespace agent {
namespace {

// What is too short for a request takes more behind it, at the end of the object in front.
void lengthen(BlockRun& run,
              std::uint64_t not_before,
              std::uint64_t not_behind,
              std::uint64_t least) {
  if (run.count >= least) return;
  run.count = std::min(least, not_behind - run.first);
  if (run.count >= least) return;
  const std::uint64_t back = std::min(least - run.count, run.first - not_before);
  run.first -= back;
  run.count += back;
}

// Pieces of about one length.
void split(const BlockRun& run, std::uint64_t most, std::vector<BlockRun>& out) {
  const std::uint64_t pieces = (run.count + most - 1) / most;
  for (std::uint64_t i = 0; i < pieces; ++i) {
    const std::uint64_t begin = run.first + run.count * i / pieces;
    const std::uint64_t end = run.first + run.count * (i + 1) / pieces;
    out.push_back({begin, end - begin});
  }
}

}  // namespace

std::vector<BlockRun> plan_requests(const std::vector<std::uint64_t>& wanted,
                                    const RangePlanLimits& limits) {
  std::vector<BlockRun> runs;
  for (const std::uint64_t block : wanted) {
    if (!runs.empty() && block - runs.back().end() <= limits.bridged) {
      runs.back().count = block + 1 - runs.back().first;
    } else {
      runs.push_back({block, 1});
    }
  }
  std::vector<BlockRun> out;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::uint64_t before = i == 0 ? 0 : runs[i - 1].end();
    const std::uint64_t behind = i + 1 == runs.size() ? limits.blocks : runs[i + 1].first;
    lengthen(runs[i], before, behind, limits.least);
    split(runs[i], limits.most, out);
  }
  return out;
}

}  // namespace agent
