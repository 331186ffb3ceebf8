#include "format/path_match.h"

#include "support/catch.h"

using namespace tape;

TEST_CASE("path_match: fits from the right, as Python's Path.match", "[path_match]") {
  const struct {
    const char* pattern;
    const char* path;
    bool fits;
  } cases[] = {
      {"*.db", "/r/sub/x.db", true},
      {"*.db", "/r/x.db/y", false},
      {"sub/*.db", "/r/sub/x.db", true},
      {"sub/*.db", "/r/other/x.db", false},
      {"/r/x", "/r/x", true},
      {"/x", "/r/x", false},
      {"r/x", "/r/x", true},
      {"q/r/x", "/r/x", false},
      {"./sub//x/", "/r/sub/x", true},
      {"?", "/r/\xc3\xa9", true},
      {"??", "/r/\xc3\xa9", false},
      {"[\xc3\xa0-\xc3\xbf]x", "/r/\xc3\xa9x", true},
      {"[!a]x", "/r/bx", true},
      {"[!a]x", "/r/ax", false},
      {"[]]x", "/r/]x", true},
      {"[x", "/r/[x", true},
      {"a\\b", "/r/a\\b", true},
      {"\\*", "/r/*", false},
      {"**", "/r/x", true},
      {"*a*b", "/r/xaxaxb", true},
      {"*a*b", "/r/xaxax", false},
      {"X", "/r/x", false},
  };
  for (const auto& c : cases) {
    INFO(c.pattern << " against " << c.path);
    const auto pattern = PathMatch::parse(c.pattern);
    REQUIRE(pattern);
    CHECK(pattern->matches(c.path) == c.fits);
  }
  CHECK_FALSE(PathMatch::parse(""));
  CHECK_FALSE(PathMatch::parse("/"));
}
