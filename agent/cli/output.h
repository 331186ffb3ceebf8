// What people and scripts read: JSON lines, warnings, sizes.
//
// Spec:    docs/cli.md "Progress and machine output".
#pragma once
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "tape/bytes.h"
#include "tape/member.h"
#include "tape/offset.h"

namespace agent {

using Json = nlohmann::ordered_json;

// `ragtape: error: WHAT: WHY`, `hint: DO` on stderr; with --json a line with `code`, and the text
// only where it does not stand between JSON lines.
void report_error(const tape::Error& error,
                  ExitCode code,
                  const GlobalOptions& global,
                  bool json_on_stderr);

// One run's output. JSON lines go to stdout, or to stderr where stdout carries content.
class Output {
 public:
  Output(const GlobalOptions& global, bool json_on_stderr)
      : global_(global), json_stream_(json_on_stderr ? stderr : stdout) {}

  bool json() const { return global_.json; }
  const GlobalOptions& global() const { return global_; }

  // A JSON line; `message_type` comes first.
  void line(const char* message_type, const Json& fields) const;
  // Text for people on stdout; nothing with --json.
  void text(const std::string& text) const;
  void error(const tape::Error& error, ExitCode code) const {
    report_error(error, code, global_, json_stream_ == stderr);
  }
  // With -v, for people, on stderr.
  void detail(const std::string& what) const;
  // On stderr, and as a JSON line with --json. Not with -q.
  void warning(const std::string& what) const;

 private:
  const GlobalOptions& global_;
  std::FILE* json_stream_;
};

// A string, or {"base64": ...} when it is not UTF-8 (docs/format.md §5).
Json json_text(std::string_view text);

// For a line that people copy into a shell: a word of theirs, byte for byte.
std::string quoted(const std::string& text);
// 1536 -> "1.5 KiB".
std::string shown_size(tape::ByteCount size);
// 83700 -> "83,700".
std::string shown_count(std::uint64_t count);
// Local time, to the second.
std::string shown_time(const tape::Timestamp& time);

// Writes all or throws: a full disk behind `>` must not pass unseen.
void print(std::string_view text);
// Flushes stdout. Fails: the system's kinds.
void finish_stdout();

}  // namespace agent
