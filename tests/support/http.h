// What tests of HTTP and of what speaks it share.
#pragma once
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/http_client.h"
#include "net/http_error.h"
#include "support/catch.h"

namespace test {

// Past whatever proxies the machine has.
inline agent::HttpOptions direct() {
  agent::HttpOptions out;
  out.proxy_from_environment = false;
  return out;
}

// Not of one byte, so that a piece in the wrong place shows.
inline std::string text_of_size(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    out[i] = static_cast<char>('a' + i * 7 / 3 % 23);
  return out;
}

// The HttpError that leaves `step`. The test fails when none does.
template <class Step>
agent::HttpError http_failed(Step&& step) {
  try {
    static_cast<void>(step());
  } catch (const agent::HttpError& error) {
    UNSCOPED_INFO("it failed: " << error.what());
    return error;
  }
  FAIL("it did not fail");
  std::abort();
}

}  // namespace test
