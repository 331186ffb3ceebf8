#include "net/range_plan.h"

#include <algorithm>

#include "support/catch.h"
#include "support/samples.h"

using namespace agent;

namespace {

std::vector<BlockRun> planned(const std::vector<std::uint64_t>& wanted,
                              const RangePlanLimits& limits) {
  return plan_requests(wanted, limits);
}

}  // namespace

TEST_CASE("range_plan: blocks in a row are one request, gaps as short as allowed are bridged") {
  const RangePlanLimits limits{1, 2, 100, 100};
  CHECK(planned({3, 4, 5}, limits) == std::vector<BlockRun>{{3, 3}});
  CHECK(planned({3, 6}, limits) == std::vector<BlockRun>{{3, 4}});
  CHECK(planned({3, 7}, limits) == std::vector<BlockRun>{{3, 1}, {7, 1}});
  CHECK(planned({}, limits).empty());
}

TEST_CASE("range_plan: a request has its least length, taken behind it, or in front at the end") {
  const RangePlanLimits limits{4, 0, 100, 10};
  CHECK(planned({3}, limits) == std::vector<BlockRun>{{3, 4}});
  CHECK(planned({8}, limits) == std::vector<BlockRun>{{6, 4}});
  CHECK(planned({9}, limits) == std::vector<BlockRun>{{6, 4}});
  // Not into the next one.
  CHECK(planned({2, 4}, limits) == std::vector<BlockRun>{{0, 4}, {4, 4}});
  CHECK(planned({0}, {4, 0, 100, 2}) == std::vector<BlockRun>{{0, 2}});
}

TEST_CASE("range_plan: a long run is split into pieces of about one length") {
  CHECK(planned({0, 1, 2, 3, 4, 5, 6}, {1, 0, 3, 7}) ==
        std::vector<BlockRun>{{0, 2}, {2, 2}, {4, 3}});
}

TEST_CASE("range_plan: every block that is wanted is in one request, whatever the limits") {
  tape::Random random(11);
  for (int round = 0; round < 20'000; ++round) {
    RangePlanLimits limits;
    limits.blocks = 1 + tape::below(random, 60);
    limits.least = 1 + tape::below(random, 6);
    limits.most = limits.least + tape::below(random, 12);
    limits.bridged = tape::below(random, 5);
    std::vector<std::uint64_t> wanted;
    for (std::uint64_t block = 0; block < limits.blocks; ++block)
      if (tape::below(random, 4) == 0) wanted.push_back(block);
    std::uint64_t end = 0;
    std::size_t covered = 0;
    for (const BlockRun& run : planned(wanted, limits)) {
      REQUIRE(run.first >= end);
      REQUIRE(run.count >= 1);
      REQUIRE(run.count <= limits.most);
      end = run.end();
      REQUIRE(end <= limits.blocks);
      const auto in_it = std::count_if(wanted.begin(), wanted.end(), [&](std::uint64_t block) {
        return block >= run.first && block < run.end();
      });
      covered += static_cast<std::size_t>(in_it);
    }
    REQUIRE(covered == wanted.size());
  }
}
