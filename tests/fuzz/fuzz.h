// What every fuzz target shares: which outcomes are right, and values out of raw bytes.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tape/bytes.h"
#include "tape/error.h"

// The entry point of libFuzzer; fuzz_main.cc calls it over a corpus where there is no libFuzzer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

[[noreturn]] inline void broken(const std::string& what) {
  std::fprintf(stderr, "fuzz: broken: %s\n", what.c_str());
  std::abort();
}

inline void must(bool holds, const char* what) {
  if (!holds) broken(what);
}

// Runs a decoder. Any other exception than Error ends the program by itself.
template <class Step>
void decodes_or_refuses(Step&& step) {
  const auto failure = tape::failure_of([&] { static_cast<void>(step()); });
  if (!failure) return;
  const tape::ErrorKind kind = failure->kind();
  if (kind != tape::ErrorKind::corrupt && kind != tape::ErrorKind::unsupported)
    broken(std::string("a decoder failed with another kind than corrupt or unsupported: ") +
           failure->what());
  must(!std::string(failure->what()).empty(), "an error without a text");
}

// Values from the input, as long as it lasts; zeros and empty texts behind its end.
class Values {
 public:
  explicit Values(tape::ByteView bytes) : bytes_(bytes) {}

  bool at_end() const { return bytes_.empty(); }

  std::uint64_t number(int width) {
    std::uint64_t value = 0;
    for (int i = 0; i < width; ++i)
      value = value << 8 | byte();
    return value;
  }

  // Below `limit`. Of every width, so that limits of formats are near.
  std::uint64_t number_below(std::uint64_t limit) { return number(1 + byte() % 8) % limit; }

  std::string text(std::size_t most) {
    const std::size_t wanted = number(2) % (most + 1);
    const std::size_t size = std::min(wanted, bytes_.size());
    const std::string out = tape::as_text(bytes_.first(size));
    bytes_ = bytes_.subspan(size);
    return out;
  }

  // Without NUL, not empty.
  std::string name(std::size_t most) {
    std::string out = text(most - 1);
    for (char& c : out) {
      if (c == '\0') c = '0';
    }
    return out.empty() ? "n" : out;
  }

 private:
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }

  tape::ByteView bytes_;
};

}  // namespace fuzz
