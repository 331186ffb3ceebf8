#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace tape {

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "ragtape: bug: %s:%d: %s does not hold\n", file, line, condition);
  std::abort();
}

}  // namespace tape
