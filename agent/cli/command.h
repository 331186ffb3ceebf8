// What every verb shares: the global flags, where output goes, exit codes.
//
// Spec:    docs/cli.md.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "tape/error.h"

namespace CLI {  // NOLINT(readability-identifier-naming): theirs
class App;
}

namespace agent {

// docs/cli.md "Exit codes".
using ExitCode = int;
inline constexpr ExitCode kDone = 0;
inline constexpr ExitCode kFailed = 1;
inline constexpr ExitCode kUsage = 2;
inline constexpr ExitCode kIncomplete = 3;
inline constexpr ExitCode kDamaged = 4;
inline constexpr ExitCode kTryAgain = 5;
inline constexpr ExitCode kSourceChanged = 6;
inline constexpr ExitCode kNotFound = 10;
inline constexpr ExitCode kBusy = 11;
inline constexpr ExitCode kDenied = 12;

// Outside of verify, where `corrupt` is kDamaged; of `canceled`, by the signal that asked.
ExitCode exit_code_of(const tape::Error& error);

struct GlobalOptions {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  bool no_progress = false;
  std::string state;   // --state, else empty
  std::string cache;   // --cache, else empty
  std::string config;  // --config, else empty
  bool no_cache = false;
  int jobs = 0;  // --jobs; 0: as many as there are cores
};

// A verb: what to run once the command line is parsed, and how it may end.
struct Command {
  std::function<int()> run;
  bool json_on_stderr = false;  // stdout carries content
};

// Each adds one verb to `app`; when the verb is parsed, its Command is put into `chosen`.
void add_scan(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_index(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_agent(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_config(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_convert(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_init(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_info(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_play(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_pack(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_backup(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_snapshots(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_find(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_diff(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_doctor(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_forget(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_locate(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_ls(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_cat(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_restore(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_verify(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_volumes(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);
void add_ragzip(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen);

}  // namespace agent
