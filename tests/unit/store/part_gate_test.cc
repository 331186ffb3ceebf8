#include "store/part_gate.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "support/catch.h"

using agent::kPartsAtOnceMax;
using agent::kPartsToGrow;
using agent::PartGate;

namespace {

std::vector<std::unique_ptr<PartGate::Pass>> under_way(PartGate& gate, int count) {
  std::vector<std::unique_ptr<PartGate::Pass>> out;
  for (int i = 0; i < count; ++i)
    out.push_back(std::make_unique<PartGate::Pass>(gate));
  return out;
}

}  // namespace

TEST_CASE("part_gate: slowed down, half of those under way may go, and never less than one") {
  PartGate gate(nullptr);
  CHECK(gate.limit() == kPartsAtOnceMax);
  under_way(gate, 9).front()->slow_down();
  CHECK(gate.limit() == 4);
  for (const std::uint32_t limit : {2U, 1U, 1U}) {
    under_way(gate, static_cast<int>(gate.limit())).front()->slow_down();
    CHECK(gate.limit() == limit);
  }
}

TEST_CASE("part_gate: of those that were under way together the first slow-down counts") {
  PartGate gate(nullptr);
  const auto parts = under_way(gate, 8);
  for (const auto& part : parts)
    part->slow_down();
  CHECK(gate.limit() == 4);
}

TEST_CASE("part_gate: it counts what is under way, not what may be") {
  PartGate gate(nullptr);
  under_way(gate, 16).front()->slow_down();
  under_way(gate, 2).front()->slow_down();
  CHECK(gate.limit() == 1);
}

TEST_CASE("part_gate: it grows by one after so many that arrived, counted anew from each change") {
  PartGate gate(nullptr);
  under_way(gate, 4).front()->slow_down();
  const auto arrive = [&](std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i)
      PartGate::Pass(gate).arrived();
  };
  arrive(kPartsToGrow - 1);
  CHECK(gate.limit() == 2);
  arrive(1);
  CHECK(gate.limit() == 3);
  arrive(kPartsToGrow - 1);
  PartGate::Pass(gate).slow_down();
  arrive(kPartsToGrow - 1);
  CHECK(gate.limit() == 1);
  arrive(1);
  CHECK(gate.limit() == 2);
}

TEST_CASE("part_gate: an open one stays as it is") {
  PartGate gate(nullptr);
  for (std::uint32_t i = 0; i < kPartsToGrow; ++i)
    PartGate::Pass(gate).arrived();
  CHECK(gate.limit() == kPartsAtOnceMax);
}

TEST_CASE("part_gate: who comes to a full one goes when another has left") {
  agent::TransferCounts counts;
  PartGate gate(&counts);
  PartGate::Pass(gate).slow_down();
  auto first = std::make_unique<PartGate::Pass>(gate);
  std::atomic<bool> went = false;
  {
    const std::jthread other([&] {
      const PartGate::Pass pass(gate);
      went = true;
    });
    for (int i = 0; i < 1000; ++i)
      std::this_thread::yield();
    CHECK_FALSE(went);
    CHECK(counts.in_flight == 1);
    first.reset();
  }
  CHECK(went);
  CHECK(counts.in_flight == 0);
}
