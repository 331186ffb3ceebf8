// Words of a command line: blanks part them; quotes and backslashes keep together. Nothing is
// expanded, no shell is asked.
//
// Threads: a pure function.
// Spec:    POSIX XCU §2.2 as Python's shlex.split() has it, which AWS's tools use.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agent {

// None: a quote is not closed, or the last character is a lone backslash.
std::optional<std::vector<std::string>> shell_words(std::string_view text);

}  // namespace agent
