// What comes over a network may change on its way: before bytes are called damaged, they are read a
// second time.
//
// Threads: as the steps.
#pragma once
#include <optional>
#include <utility>

#include "tape/error.h"

namespace tape {

// Runs `step`; when it finds its bytes corrupt, `forget`, which drops all that was kept of them,
// and then `step` again, whose failure counts.
template <class Step, class Forget>
auto second_look(Step step, Forget forget) -> decltype(step()) {
  std::optional<decltype(step())> out;
  const auto failure = failure_of([&] { out.emplace(step()); });
  if (out) return std::move(*out);
  if (failure->kind() != ErrorKind::corrupt) throw Error(*failure);
  forget();
  return step();
}

}  // namespace tape
