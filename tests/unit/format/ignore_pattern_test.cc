#include "format/ignore_pattern.h"

#include "support/catch.h"
#include "tape/scan.h"

using namespace tape;

namespace {

bool fits(const char* pattern, const char* path, bool is_directory = false, bool fold = false) {
  const auto parsed = IgnorePattern::parse(pattern, fold);
  REQUIRE(parsed);
  return parsed->matches(path, is_directory);
}

}  // namespace

TEST_CASE("ignore_pattern: a path fits as gitignore(5) says", "[ignore]") {
  const struct {
    const char* pattern;
    const char* path;
    bool fits;
  } cases[] = {
      {"*.o", "a.o", true},
      {"*.o", "deep/down/a.o", true},
      {"*.o", "a.o/b", false},
      {"/*.o", "a.o", true},
      {"/*.o", "d/a.o", false},
      {"d/*.o", "d/a.o", true},
      {"d/*.o", "x/d/a.o", false},
      {"d/*.o", "d/e/a.o", false},
      {"**/d/*.o", "x/y/d/a.o", true},
      {"**/d/*.o", "d/a.o", true},
      {"d/**", "d", false},
      {"d/**", "d/a", true},
      {"d/**", "d/a/b", true},
      {"d/**/b", "d/b", true},
      {"d/**/b", "d/x/y/b", true},
      {"d/**/b", "d/x/y/c", false},
      {"/**", "anything", true},
      {"d/***/b", "d/x/b", true},
      {"d/***/b", "d/x/y/b", true},
      {"a**b", "axxb", true},
      {"a**b", "a/b", false},
      {"?", "x", true},
      {"?", "", false},
      {"a?c", "a/c", false},
      {"[a-c]x", "bx", true},
      {"[!a-c]x", "bx", false},
      {"[^a-c]x", "dx", true},
      {"[]-]x", "]x", true},
      {"[]-]x", "-x", true},
      {"[a-]x", "-x", true},
      {"[\\]]x", "]x", true},
      {"[[:digit:][:upper:]]x", "7x", true},
      {"[[:digit:][:upper:]]x", "ax", false},
      {"[[:nothing:]]x", "nx", false},
      // A class ends at the first `]`, with a `:` in front of it.
      {"[[:a]b:]x", "ab:]x", true},
      {"[[:a]b:]x", "[b:]x", true},
      {"[[:a]b:]x", "bx", false},
      {"[[:]x", ":x", true},
      {"[[:]x", "[x", true},
      {"[[::]x", ":x", false},
      {"[[:alpha:-z]x", "mx", true},
      {"[[:alpha:-z]x", "0x", false},
      // The low end of a range the wrong way round.
      {"[z-a]x", "zx", true},
      {"[z-a]x", "ax", false},
      {"[z-a]x", "mx", false},
      {"[!z-a]x", "zx", false},
      {"/[/[[:upper:]]*", "A.o", true},
      {"/[/a]", "/", false},
      {"d/[/a]x", "d/ax", true},
      {"[/b", "[/b", false},
      {"[ab", "a", false},
      {"[ab", "[ab", false},
      {"\\*", "*", true},
      {"\\*", "x", false},
      {"\\!x", "!x", true},
      {"#x#", "#x#", true},
      {"x ", "x", false},
      {"ends\\", "ends", false},
      {"ends\\", "ends\\", false},
      {".*", ".hidden", true},
      {"*", ".hidden", true},
      {"\xc3*", "\xc3\xa9", true},
      {"*a*b*c*d*", "xxaxxbxxcxx", false},
      {"*a*b*c*d*", "xxaxxbxxcxxd", true},
      {"a//b", "a/b", false},
  };
  for (const auto& c : cases) {
    INFO(c.pattern << " against " << c.path);
    CHECK(fits(c.pattern, c.path) == c.fits);
  }
}

TEST_CASE("ignore_pattern: a final slash is for directories only", "[ignore]") {
  CHECK(fits("d/", "x/d", true));
  CHECK_FALSE(fits("d/", "x/d", false));
  CHECK(fits("/d/", "d", true));
  CHECK_FALSE(fits("/d/", "x/d", true));
}

TEST_CASE("ignore_pattern: without regard to case, in letters, ranges and classes", "[ignore]") {
  CHECK(fits("*.Jpg", "A.jPG", false, true));
  CHECK(fits("[A-C]x", "bX", false, true));
  CHECK(fits("[[:upper:]]x", "bx", false, true));
  CHECK(fits("\\A", "a", false, true));
  CHECK_FALSE(fits("*.Jpg", "A.jPG"));
  CHECK_FALSE(fits("[A-C]x", "bx"));
}

TEST_CASE("ignore_pattern: a range the wrong way round, without regard to case", "[ignore]") {
  CHECK(fits("[z-a]", "Z", false, true));
  CHECK_FALSE(fits("[z-a]", "A", false, true));
}

TEST_CASE("ignore_pattern: a line that fits nothing is no line, one too long is kept", "[ignore]") {
  const std::string longer(kIgnorePatternMax + 1, 'x');
  CHECK(ignore_lines("!\n/\n!/\n//\na\n" + longer) == std::vector<std::string>{"a", longer});
}

TEST_CASE("ignore_pattern: nothing, and what is too long, is no pattern", "[ignore]") {
  for (const std::string& text :
       {std::string(), std::string("/"), std::string("!"), std::string(kIgnorePatternMax + 1, 'x')})
    CHECK_FALSE(IgnorePattern::parse(text));
  CHECK(IgnorePattern::parse(std::string(kIgnorePatternMax, 'x')));
  CHECK(IgnorePattern::parse("!x")->negates());
}

TEST_CASE("ignore_pattern: stars that could be spread in many ways are tried in one pass",
          "[ignore]") {
  std::string pattern;
  for (int i = 0; i < 1000; ++i)
    pattern += "*a";
  pattern += "b";
  CHECK_FALSE(fits(pattern.c_str(), std::string(4000, 'a').c_str()));
}

TEST_CASE("ignore_pattern: a file's lines without comments, empty ones and blanks at the end",
          "[ignore]") {
  CHECK(ignore_lines("\xEF\xBB\xBF"
                     "a\r\n\n   \n#c\n\\#d\nb  \nc\\ \nd\\\\  \n e\nlast") ==
        std::vector<std::string>{"a", "\\#d", "b", "c\\ ", "d\\\\", " e", "last"});
  CHECK(ignore_lines("").empty());
}
