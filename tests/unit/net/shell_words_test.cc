#include "net/shell_words.h"

#include "support/catch.h"

using namespace agent;

TEST_CASE("shell_words: as Python's shlex.split") {
  using Words = std::vector<std::string>;
  struct Case {
    const char* text;
    Words words;
  };
  for (const Case& one : {
           Case{"", {}},
           Case{" \t\n", {}},
           Case{"a  b\tc\nd ", {"a", "b", "c", "d"}},
           Case{"'a b' \"c d\"", {"a b", "c d"}},
           Case{"a'b c'\"d e\"f", {"ab cd ef"}},
           Case{"'' \"\" a''", {"", "", "a"}},
           Case{R"(a\ b \'c\" \\)", {"a b", "'c\"", "\\"}},
           Case{R"("a\"b\\c\d\ e")", {R"(a"b\c\d\ e)"}},
           Case{R"('a\b\')", {R"(a\b\)"}},
           Case{"a#b # $HOME ~ * | ;", {"a#b", "#", "$HOME", "~", "*", "|", ";"}},
       }) {
    INFO(one.text);
    const auto words = shell_words(one.text);
    REQUIRE(words);
    CHECK(*words == one.words);
  }
  for (const char* const text : {"'", "\"", "a 'b", "a \"b\\\"", "a\\", "\\", "'a' 'b\""}) {
    INFO(text);
    CHECK_FALSE(shell_words(text));
  }
}
