#include <cerrno>

#include "support/expect.h"
#include "support/samples.h"

using namespace tape;

namespace {

struct ShownCase {
  const char* what;
  std::string_view name;
  std::string_view shown;
};

// Built with `sv`, so that NUL and invalid bytes survive.
using std::string_view_literals::operator""sv;

constexpr ShownCase kShown[] = {
    {"empty", ""sv, ""sv},
    {"plain", "usr/share/doc"sv, "usr/share/doc"sv},
    {"space and punctuation", " !~'\"$"sv, " !~'\"$"sv},
    {"NUL", "a\0b"sv, "a\\x00b"sv},
    {"newline", "a\nb"sv, "a\\x0ab"sv},
    {"escape", "\x1b[31m"sv, "\\x1b[31m"sv},
    {"last of C0", "\x1f"sv, "\\x1f"sv},
    {"space is not C0", "\x20"sv, " "sv},
    {"tilde is not DEL", "\x7e"sv, "~"sv},
    {"DEL", "\x7f"sv, "\\x7f"sv},
    {"first of C1", "\xc2\x80"sv, "\\xc2\\x80"sv},
    {"last of C1", "\xc2\x9f"sv, "\\xc2\\x9f"sv},
    {"behind C1", "\xc2\xa0"sv, "\xc2\xa0"sv},
    {"umlaut", "\xc3\xa4"sv, "\xc3\xa4"sv},
    {"U+200D", "\xe2\x80\x8d"sv, "\xe2\x80\x8d"sv},
    {"U+200E", "\xe2\x80\x8e"sv, "\\xe2\\x80\\x8e"sv},
    {"U+200F", "\xe2\x80\x8f"sv, "\\xe2\\x80\\x8f"sv},
    {"U+2010", "\xe2\x80\x90"sv, "\xe2\x80\x90"sv},
    {"U+2027", "\xe2\x80\xa7"sv, "\xe2\x80\xa7"sv},
    {"U+2028", "\xe2\x80\xa8"sv, "\\xe2\\x80\\xa8"sv},
    {"U+2029", "\xe2\x80\xa9"sv, "\\xe2\\x80\\xa9"sv},
    {"U+202A", "\xe2\x80\xaa"sv, "\\xe2\\x80\\xaa"sv},
    {"U+202E", "\xe2\x80\xae"sv, "\\xe2\\x80\\xae"sv},
    {"U+202F", "\xe2\x80\xaf"sv, "\xe2\x80\xaf"sv},
    {"U+2065", "\xe2\x81\xa5"sv, "\xe2\x81\xa5"sv},
    {"U+2066", "\xe2\x81\xa6"sv, "\\xe2\\x81\\xa6"sv},
    {"U+2069", "\xe2\x81\xa9"sv, "\\xe2\\x81\\xa9"sv},
    {"U+206A", "\xe2\x81\xaa"sv, "\xe2\x81\xaa"sv},
    {"four bytes", "\xf0\x9f\x93\xbc"sv, "\xf0\x9f\x93\xbc"sv},
    {"largest code point", "\xf4\x8f\xbf\xbf"sv, "\xf4\x8f\xbf\xbf"sv},
    {"beyond it", "\xf4\x90\x80\x80"sv, "\\xf4\\x90\\x80\\x80"sv},
    {"stray continuation", "a\x80z"sv, "a\\x80z"sv},
    {"Latin-1", "caf\xe9"sv, "caf\\xe9"sv},
    {"cut in two", "\xe2\x82"sv, "\\xe2\\x82"sv},
    {"cut and going on", "\xe2\x82z"sv, "\\xe2\\x82z"sv},
    {"overlong slash", "\xc0\xaf"sv, "\\xc0\\xaf"sv},
    {"overlong in three", "\xe0\x80\xaf"sv, "\\xe0\\x80\\xaf"sv},
    {"overlong in four", "\xf0\x8f\xbf\xbf"sv, "\\xf0\\x8f\\xbf\\xbf"sv},
    {"first surrogate", "\xed\xa0\x80"sv, "\\xed\\xa0\\x80"sv},
    {"last surrogate", "\xed\xbf\xbf"sv, "\\xed\\xbf\\xbf"sv},
    {"in front of surrogates", "\xed\x9f\xbf"sv, "\xed\x9f\xbf"sv},
    {"0xFF", "\xff"sv, "\\xff"sv},
    {"backslash", "a\\b"sv, "a\\\\b"sv},
    {"what looks escaped", "\\x41"sv, "\\\\x41"sv},
};

struct UnshownCase {
  std::string_view typed;
  std::string_view name;
};
constexpr UnshownCase kUnshown[] = {
    {"plain", "plain"},   {"\\x00"sv, "\0"sv}, {"\\xff\\x0a", "\xff\n"},
    {"\\\\x41", "\\x41"}, {"\\x4", "\\x4"},    {"\\x", "\\x"},
    {"\\", "\\"},         {"\\xg1", "\\xg1"},  {"\\x1g", "\\x1g"},
    {"\\n", "\\n"},       {"\\\\", "\\"},      {"\\\\\\", "\\\\"},
    {"a\\x2fb", "a/b"},
};

}  // namespace

TEST_CASE("error: shown escapes control, direction and invalid bytes and nothing else", "[error]") {
  for (const ShownCase& c : kShown) {
    DYNAMIC_SECTION(c.what) {
      CHECK(shown(c.name) == c.shown);
      CHECK(unshown(c.shown) == c.name);
    }
  }
}

TEST_CASE("error: unshown leaves alone what shown does not write", "[error]") {
  for (const UnshownCase& c : kUnshown) {
    INFO(c.typed);
    CHECK(unshown(c.typed) == c.name);
  }
}

TEST_CASE("error: unshown undoes shown for any bytes, and shown is one line of UTF-8", "[error]") {
  Random random(1);
  for (int round = 0; round < 20000; ++round) {
    const ByteView bytes = as_bytes("\\x0aA\n\x80\xbf\xc2\xe2\x80\x8e\xed\xa0\xf0\x9f\xff/");
    std::string name;
    for (std::uint64_t length = below(random, 9); length > 0; --length) {
      const auto common = static_cast<char>(bytes[below(random, bytes.size())]);
      name += below(random, 3) == 0 ? static_cast<char>(below(random, 256)) : common;
    }
    const std::string line = shown(name);
    if (unshown(line) != name || !is_utf8(line) || line.find('\n') != std::string::npos)
      FAIL("round " << round << ": " << line);
  }
}

TEST_CASE("error: each errno has the kind that says what to do about it", "[error]") {
  struct Case {
    int error;
    ErrorKind kind;
  };
  constexpr Case kCases[] = {
      {ENOENT, ErrorKind::not_found}, {ENOTDIR, ErrorKind::not_found},
      {EACCES, ErrorKind::denied},    {EPERM, ErrorKind::denied},
      {EROFS, ErrorKind::denied},     {ENOSPC, ErrorKind::exhausted},
      {EDQUOT, ErrorKind::exhausted}, {ENOMEM, ErrorKind::exhausted},
      {EMFILE, ErrorKind::exhausted}, {ENFILE, ErrorKind::exhausted},
      {EFBIG, ErrorKind::exhausted},  {EIO, ErrorKind::io},
      {EPIPE, ErrorKind::io},         {EISDIR, ErrorKind::io},
  };
  for (const Case& c : kCases) {
    INFO(c.error);
    CHECK(kind_of_errno(c.error) == c.kind);
    CHECK(errno_error("x", c.error).kind() == c.kind);
  }
}

TEST_CASE("error: errno_error says what failed and why", "[error]") {
  CHECK(errno_error("/etc/x", ENOENT).what() == std::string("/etc/x: No such file or directory"));
}

TEST_CASE("error: within adds the place and keeps kind and hint", "[error]") {
  const Error error =
      failed([] { within("page 7", []() { throw Error(ErrorKind::denied, "no", "ask"); }); });
  CHECK(error.what() == std::string("page 7: no"));
  CHECK(error.kind() == ErrorKind::denied);
  CHECK(error.hint() == "ask");
  CHECK(within("page 8", [] { return 3; }) == 3);
}

TEST_CASE("error: failure_of is empty for success and lets other exceptions pass", "[error]") {
  CHECK_FALSE(failure_of([] {}));
  CHECK(failure_of([] { throw Error(ErrorKind::io, "x"); })->kind() == ErrorKind::io);
  CHECK_THROWS_AS(static_cast<void>(failure_of([] { throw std::runtime_error("x"); })),
                  std::runtime_error);
}
