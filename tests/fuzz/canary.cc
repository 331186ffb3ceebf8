// A decoder that fails with a kind that is not a decoder's, for one byte of its input. The harness
// must notice: this test is expected to fail.
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::decodes_or_refuses([&] {
    if (size > 3 && data[3] == '!') throw tape::Error(tape::ErrorKind::io, "the canary");
  });
  return 0;
}
