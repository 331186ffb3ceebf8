// What tests say of failures.
#pragma once
#include <ostream>
#include <string_view>

#include "support/catch.h"
#include "tape/error.h"

namespace tape {

inline std::ostream& operator<<(std::ostream& out, ErrorKind kind) {
  constexpr const char* kWords[] = {
      "corrupt",   "source_changed", "object_changed", "not_found", "denied", "transient",
      "exhausted", "unsupported",    "canceled",       "usage",     "io"};
  return out << kWords[static_cast<int>(kind)];
}

// The Error that leaves `step`. The test fails when none does.
template <class Step>
Error failed(Step&& step) {
  auto failure = failure_of([&] { static_cast<void>(step()); });
  if (!failure) FAIL("it did not fail");
  UNSCOPED_INFO("it failed: " << failure->what());
  return *failure;
}

inline bool says(const Error& error, std::string_view text) {
  return std::string_view(error.what()).find(text) != std::string_view::npos;
}

}  // namespace tape
