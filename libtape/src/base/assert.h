// TAPE_ASSERT: a broken invariant of our own code. On in every build; prints and aborts.
#pragma once

namespace tape {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
}  // namespace tape

#define TAPE_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::tape::assertion_failed(#condition, __FILE__, __LINE__))
