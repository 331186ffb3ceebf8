// A fuzz target as an ordinary test: each file of a corpus, all its beginnings, and each of its
// bytes changed in a few ways.
//
//   fuzz_NAME FOLDER...     exit 0, or 1 at the first input that breaks the target
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include <unistd.h>

#include "fuzz/fuzz.h"

namespace {

// Of a long file only this many positions are cut and changed, evenly spread.
constexpr std::size_t kPositionsMax = 2000;

std::uint64_t inputs = 0;

void run(const tape::Bytes& input) {
  // Exactly as large as the input: a sanitizer sees a read behind its end.
  const tape::Bytes exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  ++inputs;
}

void run_with_changes(tape::Bytes input) {
  run(input);
  const std::size_t step = input.size() / kPositionsMax + 1;
  for (std::size_t size = 0; size < input.size(); size += step)
    run(tape::Bytes(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size)));
  for (std::size_t at = 0; at < input.size(); at += step) {
    const std::uint8_t right = input[at];
    for (const int wrong : {right ^ 1, right ^ 0x80, right + 1, 0, 0xFF}) {
      input[at] = static_cast<std::uint8_t>(wrong);
      run(input);
    }
    input[at] = right;
  }
}

}  // namespace

int main(int argc, char** argv) {
  // abort() is how a target and an assertion end; here that is a failed test, not a crash.
  std::signal(SIGABRT, [](int) { ::_exit(1); });
  std::uint64_t files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& file : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream in(file.path(), std::ios::binary);
      run_with_changes(tape::Bytes(std::istreambuf_iterator<char>(in), {}));
      ++files;
    }
  }
  std::printf("%llu inputs from %llu files\n", static_cast<unsigned long long>(inputs),
              static_cast<unsigned long long>(files));
  return files == 0 ? 1 : 0;
}
