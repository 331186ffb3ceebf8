// What changed between two archives: members that came, went or became others.
//
// Threads: one caller.
#pragma once
#include <functional>
#include <string>

#include "tape/archive.h"

namespace agent {

enum class Difference { added, removed, changed };

struct DiffLine {
  Difference kind = Difference::changed;
  std::string path;
  std::string what;  // of `changed`: the fields, divided by commas
};

struct DiffReport {
  std::uint64_t added = 0;
  std::uint64_t removed = 0;
  std::uint64_t changed = 0;
  std::uint64_t same = 0;
};

// Walks both in tape order. Content is compared by the recorded hashes. Fails: corrupt.
DiffReport diff(tape::Archive& before,
                tape::Archive& after,
                const std::function<void(const DiffLine&)>& visit,
                const std::function<void()>& check_stop);

}  // namespace agent
