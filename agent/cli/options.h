// Words of the command line that several verbs share.
//
// Spec:    docs/cli.md.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "backup/source.h"
#include "cli/verb.h"
#include "tape/ragzip_writer.h"
#include "tape/tape_stream.h"

namespace agent {

// `K M G T`, `KiB …`: 1024; `KB …`: 1000; a bare number: bytes. Fails: Error{usage}.
tape::ByteCount parse_size(const std::string& option, const std::string& text);

// `90`, `90s`, `15m`, `6h`, `7d`. Fails: Error{usage}.
std::chrono::seconds parse_duration(const std::string& option, const std::string& text);

// The options that decide a tape's bytes, as typed.
struct SourceWords {
  std::string path;
  std::string metadata = "portable";
  std::string profile = "ragtape";
  std::string prefix;
  std::optional<Option> prefix_option;
  std::vector<tape::SourceOption> rules;  // as typed, in that order

  // `metadata`: the verb's default.
  void add(const Verb& verb, const std::string& default_metadata = "portable");
  // --profile, of `scan`.
  void add_profile(const Verb& verb);
  SourceOptions parsed(const GlobalOptions& global) const;

 private:
  void add_rules(const Verb& verb);
};

// The options that decide a volume's bytes, as typed.
struct EngineWords {
  std::string engine;
  int level = 0;

  void add(const Verb& verb);
  // --engine must be `name`, or not typed: then it is. Fails: Error{usage} that says `who` wants
  // it.
  void expect_engine(const std::string& name, const std::string& who);
  // Engine and level.
  tape::RagzipOptions parsed() const;

 private:
  std::optional<Option> engine_option_;
  std::optional<Option> level_option_;
};

struct RagzipWords : EngineWords {
  std::string page_size = "256KiB";
  int index_exponent = 10;
  std::string compat = "on";

  void add(const Verb& verb);
  bool shape_was_typed() const;
  tape::RagzipOptions parsed() const;

 private:
  std::vector<Option> shape_options_;
};

// What to do about sources that change while they are read.
struct ChangeWords {
  std::string on_change;
  bool strict = false;

  void add(const Verb& verb, const std::string& default_word);
  tape::OnChange parsed() const;
};

// --jobs, or as many as there are cores.
int jobs_of(const GlobalOptions& global);

// Threads that read directories: twice as many, since they mostly wait, 32 at the most; with one
// job none.
unsigned readers_of(const GlobalOptions& global);
// Threads that fetch and inflate pages ahead: from afar it is the waiting that they share.
unsigned page_workers_of(const GlobalOptions& global, bool is_remote);

// The end of a verb's --help: an example and its exit codes.
std::string help_end(const std::string& example, const std::string& exit_codes);

}  // namespace agent
