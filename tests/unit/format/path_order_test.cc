#include "format/path_order.h"

#include <vector>

#include "support/catch.h"
#include "support/samples.h"
#include "tape/member_index.h"

using namespace tape;

namespace {

std::vector<std::string> components(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    out.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return out;
}

// Depth first, siblings by unsigned bytes: components compared one after another.
int by_components(std::string_view a, std::string_view b) {
  const auto left = components(a);
  const auto right = components(b);
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    const int order = left[i].compare(right[i]);  // char_traits<char> compares as unsigned
    if (order != 0) return order;
  }
  return static_cast<int>(left.size()) - static_cast<int>(right.size());
}

int sign(int value) {
  return (value > 0) - (value < 0);
}

std::string random_path(Random& random) {
  constexpr std::string_view kLetters = "ab\x01-.0\x7f\xff";
  std::string path;
  for (std::uint64_t parts = below(random, 4); parts > 0; --parts) {
    if (!path.empty()) path += '/';
    for (std::uint64_t length = 1 + below(random, 3); length > 0; --length)
      path += kLetters[below(random, kLetters.size())];
  }
  return path;
}

}  // namespace

TEST_CASE("path_order: whole paths compare as their components do", "[path_order]") {
  Random random(5);
  for (int round = 0; round < 50000; ++round) {
    const std::string a = random_path(random);
    const std::string b = random_path(random);
    if (sign(compare_paths(a, b)) != sign(by_components(a, b))) FAIL(a << " and " << b);
    if (path_before(a, b) != (by_components(a, b) < 0)) FAIL(a << " before " << b);
  }
}

TEST_CASE("path_order: what is below a directory comes before its next sibling", "[path_order]") {
  const std::vector<std::string_view> kOrder = {"",      "a",     "a/b",   "a/b/c", "a/b\x01",
                                                "a/b-",  "a\x01", "a-b/c", "a.c",   "b",
                                                "b\x7f", "b\x80", "b\xff"};
  for (std::size_t i = 0; i < kOrder.size(); ++i) {
    for (std::size_t j = 0; j < kOrder.size(); ++j) {
      INFO(kOrder[i] << " and " << kOrder[j]);
      CHECK(sign(compare_paths(kOrder[i], kOrder[j])) ==
            sign(static_cast<int>(i) - static_cast<int>(j)));
    }
  }
}

TEST_CASE("path_order: a path is within a directory only by whole components", "[path_order]") {
  CHECK(path_within("a", ""));
  CHECK(path_within("", ""));
  CHECK(path_within("a", "a"));
  CHECK(path_within("a/b", "a"));
  CHECK_FALSE(path_within("ab", "a"));
  CHECK_FALSE(path_within("a", "a/b"));
  CHECK_FALSE(path_within("", "a"));
  CHECK_FALSE(path_within("a.", "a"));
}
