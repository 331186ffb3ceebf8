// Words of the command line that several verbs share.
//
// Spec:    docs/cli.md.
#pragma once
#include <CLI/CLI.hpp>
#include <string>

#include "backup/source.h"
#include "tape/ragzip_writer.h"

namespace agent {

// `K M G T`, `KiB …`: 1024; `KB …`: 1000; a bare number: bytes. Fails: Error{usage}.
tape::ByteCount parse_size(const std::string& option, const std::string& text);

// The options that decide a tape's bytes, as typed.
struct SourceWords {
  std::string path;
  std::string metadata = "portable";
  std::string prefix;
  CLI::Option* prefix_option = nullptr;

  void add(CLI::App& verb);
  SourceOptions parsed() const;
};

// The options that decide a volume's bytes, as typed.
struct RagzipWords {
  std::string engine = "libdeflate";
  int level = 6;
  std::string page_size = "256KiB";
  int index_exponent = 10;
  std::string compat = "on";

  void add(CLI::App& verb);
  tape::RagzipOptions parsed() const;
};

// `--on-change`: this version knows `stop`.
void add_on_change(CLI::App& verb, std::string& word);

// The end of a verb's --help: an example and its exit codes.
std::string help_end(const std::string& example, const std::string& exit_codes);

}  // namespace agent
