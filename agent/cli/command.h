// What every verb shares: the global flags, where output goes, exit codes.
//
// Spec:    docs/cli.md.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "tape/error.h"

namespace CLI {
class App;
}

namespace agent {

// docs/cli.md "Exit codes".
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kIncomplete = 3,
  kDamaged = 4,
  kTryAgain = 5,
  kSourceChanged = 6,
  kNotFound = 10,
  kLocked = 11,
  kDenied = 12,
};

// Outside of verify, where `corrupt` is kDamaged.
ExitCode exit_code_of(tape::ErrorKind kind);

struct GlobalOptions {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  bool no_progress = false;
  std::string state;  // --state, else empty
};

// A verb: what to run once the command line is parsed, and how it may end.
struct Command {
  std::function<int()> run;
  bool json_on_stderr = false;  // stdout carries content
};

// Each adds one verb to `app`; when the verb is parsed, its Command is put into `chosen`.
void add_scan(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_info(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_play(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_pack(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_ls(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_cat(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_restore(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_verify(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);

}  // namespace agent
