#include "net/shell_words.h"

#include <cstddef>

namespace agent {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// What a quote at `at` holds goes behind `word`. Returns where the text goes on; npos: not closed.
std::size_t take_quoted(std::string_view text, std::size_t at, std::string& word) {
  const char quote = text[at];
  for (++at; at < text.size() && text[at] != quote; ++at) {
    // Within double quotes a backslash means itself but in front of these two.
    const bool escape = quote == '"' && text[at] == '\\' && at + 1 < text.size() &&
                        (text[at + 1] == '"' || text[at + 1] == '\\');
    if (escape) ++at;
    word += text[at];
  }
  return at < text.size() ? at + 1 : std::string_view::npos;
}

// The word that begins at `at`, which it leaves behind its end; npos: it is not whole.
std::string take_word(std::string_view text, std::size_t& at) {
  std::string word;
  while (at < text.size() && !is_blank(text[at])) {
    if (text[at] == '\'' || text[at] == '"') {
      at = take_quoted(text, at, word);
      continue;
    }
    if (text[at] == '\\' && ++at == text.size()) at = std::string_view::npos;
    if (at < text.size()) word += text[at++];
  }
  return word;
}

}  // namespace

std::optional<std::vector<std::string>> shell_words(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    words.push_back(take_word(text, at));
    if (at == std::string_view::npos) return std::nullopt;
  }
  return words;
}

}  // namespace agent
