// What the verbs below `ragtape ragzip` share: where bytes come from and go to.
//
// Spec:    docs/cli.md "ragzip".
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "cli/output.h"
#include "cli/progress.h"
#include "cli/verb.h"
#include "ragzip/encode.h"
#include "tape/io.h"

namespace agent {

// One of the verbs of cmd_ragzip_<verb>.cc.
using AddRagzipVerb = void(const Verb& ragzip,
                           const GlobalOptions& global,
                           std::optional<Command>& chosen);
AddRagzipVerb add_ragzip_encode, add_ragzip_decode, add_ragzip_cat, add_ragzip_info,
    add_ragzip_check, add_ragzip_append, add_ragzip_salvage;

// A file, or standard input.
struct ByteInput {
  std::string name;                           // for messages
  std::unique_ptr<tape::RangeSource> source;  // null: a pipe, read by `read` alone
  tape::ByteReader read;                      // from the begin on
  tape::ByteCount size = 0;                   // 0: unknown
};
// `-`: standard input. Fails: not_found, denied, usage for a directory.
ByteInput open_input(const std::string& path);

// A file that appears when it is finished, or standard output.
struct OutputWords {
  std::string path;  // empty: where the verb says
  bool force = false;

  void add(const Verb& verb, const std::string& default_path);
  // /dev/stdout and its like become `-`: the summary must not follow the content.
  void settle();
};
bool is_standard_stream(const std::string& path);
// Fails: usage, where a regular file is read from its end or twice.
void expect_no_directory(const std::string& path);
// `input` is never written over. `threads`: that write. Fails: usage when it is there and not
// --force.
std::unique_ptr<tape::ByteSink> open_output(const std::string& path,
                                            bool force,
                                            const std::string& input,
                                            int threads);

// Shows it, and stops for a signal.
BytesProgress shown_progress(Progress& progress, tape::ByteCount total, const std::string& name);

// 0x544d4958, 1414351192: the id of an extension. Fails: usage.
std::uint32_t parse_extension_id(const std::string& text);

}  // namespace agent
