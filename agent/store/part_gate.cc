#include "store/part_gate.h"

#include <algorithm>

namespace agent {

PartGate::Pass::Pass(PartGate& gate) : gate_(gate) {
  std::unique_lock lock(gate_.mutex_);
  gate_.left_.wait(lock, [this] { return gate_.in_flight_ < gate_.limit_; });
  ++gate_.in_flight_;
  slowdowns_ = gate_.slowdowns_;
  if (gate_.counts_ != nullptr) ++gate_.counts_->in_flight;
}

PartGate::Pass::~Pass() {
  {
    const std::lock_guard lock(gate_.mutex_);
    --gate_.in_flight_;
    if (gate_.counts_ != nullptr) --gate_.counts_->in_flight;
  }
  gate_.left_.notify_all();
}

void PartGate::Pass::arrived() {
  const std::lock_guard lock(gate_.mutex_);
  if (gate_.limit_ == kPartsAtOnceMax || ++gate_.arrived_ < kPartsToGrow) return;
  ++gate_.limit_;
  gate_.arrived_ = 0;
}

void PartGate::Pass::slow_down() {
  const std::lock_guard lock(gate_.mutex_);
  if (slowdowns_ != gate_.slowdowns_) return;
  // No more than the limit: this one went under it.
  gate_.limit_ = std::max(1U, gate_.in_flight_ / 2);
  gate_.arrived_ = 0;
  ++gate_.slowdowns_;
}

std::uint32_t PartGate::limit() const {
  const std::lock_guard lock(mutex_);
  return limit_;
}

}  // namespace agent
