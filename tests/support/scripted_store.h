// A store whose next calls go as a test says.
//
// Threads: one caller at a time.
#pragma once
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "store/wrapped_store.h"
#include "tape/error.h"

namespace test {

class ScriptedStore final : public agent::WrappedStore {
 public:
  // Gets the call, and may make it. An empty one makes it.
  using Turn = std::function<void(const std::function<void()>& step)>;

  using WrappedStore::WrappedStore;

  // Turns of the next calls, in order; the calls behind them go through.
  void next(std::deque<Turn> turns) { turns_ = std::move(turns); }
  void next(std::size_t count, const Turn& turn) { turns_.assign(count, turn); }
  // All calls so far, by name.
  std::vector<std::string> calls() { return std::exchange(calls_, {}); }

 private:
  void around(const agent::StoreCall& call, const std::function<void()>& step) override {
    calls_.emplace_back(call.name);
    Turn turn;
    if (!turns_.empty()) {
      turn = std::move(turns_.front());
      turns_.pop_front();
    }
    turn ? turn(step) : step();
  }
  std::deque<Turn> turns_;
  std::vector<std::string> calls_;
};

template <class Failure>
ScriptedStore::Turn fails_with(const Failure& failure) {
  return [failure](const std::function<void()>&) { throw Failure(failure); };
}

// The call is made, its answer is lost.
template <class Failure>
ScriptedStore::Turn loses_answer(const Failure& failure) {
  return [failure](const std::function<void()>& step) {
    step();
    throw Failure(failure);
  };
}

}  // namespace test
