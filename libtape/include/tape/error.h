// The one exception of libtape: a failure, classed by what the caller can do about it.
//
// An outcome is a return value, a failure is an Error, a bug is a TAPE_ASSERT. The text says what
// failed, where, what was found and what was expected; names in it are escaped for people.
// Threads: values; no state.
#pragma once
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace tape {

enum class ErrorKind {
  corrupt,         // bytes that are not what the format says: another copy is needed
  source_changed,  // the tree is no longer the one that was scanned: scan again
  object_changed,  // the archive was replaced or cut while it was read: open it again
  not_found,       // no such tree, archive or member
  denied,          // permissions or credentials
  transient,       // the same call may succeed later
  exhausted,       // no space, no memory, no descriptors
  unsupported,     // sound, but not for this version
  canceled,        // somebody asked to stop
  usage,           // the call itself is wrong
  io,              // any other failure of the system
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& what, std::string hint = {})
      : std::runtime_error(what), kind_(kind), hint_(std::move(hint)) {}

  ErrorKind kind() const { return kind_; }
  // What the user can do, or empty.
  const std::string& hint() const { return hint_; }

 private:
  ErrorKind kind_;
  std::string hint_;
};

// The kind of a failed system call; `error` is an errno value.
ErrorKind kind_of_errno(int error);

// Error{kind_of_errno(error), "what: text of error"}.
[[nodiscard]] Error errno_error(const std::string& what, int error);

// Runs `step`; an Error that leaves it says where it happened.
template <class Step>
decltype(auto) within(std::string_view where, Step&& step) {
  try {
    return std::forward<Step>(step)();
  } catch (const Error& error) {
    if (std::string_view(error.what()).starts_with(where)) throw;  // it says so itself
    throw Error(error.kind(), std::string(where) + ": " + error.what(), error.hint());
  }
}

// Runs `step`; its failure comes back as a value. For the few callers to whom a failure of one
// entry is an outcome: it is recorded, reported or tried another way, and the rest goes on.
template <class Step>
[[nodiscard]] std::optional<Error> failure_of(Step&& step) {
  try {
    std::forward<Step>(step)();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  }
}

// Whether a name can stand in JSON as it is (RFC 3629).
bool is_utf8(std::string_view text);

// RFC 4648 §4; how a name that is not UTF-8 stands in JSON.
inline constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
std::string base64(std::string_view text);

// A name for people: each byte of C0, C1, DEL, invalid UTF-8, U+200E/F, U+2028/9, U+202A–E and
// U+2066–9 as \xNN, a backslash doubled.
std::string shown(std::string_view name);

// The bytes that shown() stands for: \xNN and \\ undone, everything else as it is.
std::string unshown(std::string_view text);

}  // namespace tape
