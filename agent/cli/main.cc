// ragtape: the command line. Each verb is in its own cmd_<verb>.cc; this file chooses one, runs it,
// and turns what comes back into an exit code.

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "tape/error.h"

namespace agent {
namespace {

const char* const kExitCodes =
    "Exit codes: 0 done; 1 failed; 2 usage; 3 done, but some sources were unreadable or some files "
    "left alone; 4 damage found;\n"
    "6 the source changed; 10 not found; 12 denied; 130, 143 interrupted. `ragtape VERB --help` "
    "says more.\n"
    "Peak memory: about 40 MiB plus twice the page size, and 16 bytes with its name for each entry "
    "of the largest directory.";

void add_globals(CLI::App& app, GlobalOptions& global) {
  app.add_flag("--json", global.json, "JSON lines for programs");
  app.add_flag("-q,--quiet", global.quiet, "No warnings, no progress");
  app.add_flag("-v,--verbose", global.verbose, "Say more");
  app.add_flag("--no-progress", global.no_progress, "No progress line");
  app.add_option("--state", global.state, "Folder for state (tapes of `scan`)");
}

std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t corner = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
      corner = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// The first word that is no flag and no flag's value.
std::string first_word(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "--state") ++i;
    if (!word.starts_with('-')) return word;
  }
  return "";
}

// What to hint at when no verb was understood.
std::string verb_hint(const CLI::App& app, const std::string& word) {
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!word.empty() && distance(word, verb->get_name()) <= 2)
      return "did you mean `ragtape " + verb->get_name() + "`?";
  }
  return "`ragtape --help` lists the verbs";
}

int usage_failure(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const auto parsed = app.get_subcommands();
  const std::string word = first_word(argc, argv);
  if (!parsed.empty()) {
    report_error(
        {tape::ErrorKind::usage, parsed.front()->get_name() + ": " + tape::shown(error.what()),
         "`ragtape " + parsed.front()->get_name() + " --help` shows its options"},
        {}, false);
  } else if (word.empty()) {
    report_error({tape::ErrorKind::usage, tape::shown(error.what()), verb_hint(app, word)}, {},
                 false);
  } else {
    report_error(
        {tape::ErrorKind::usage, tape::shown(word) + ": no such verb", verb_hint(app, word)}, {},
        false);
  }
  return kUsage;
}

// Without this a closed standard output's number would go to the next file opened, and the summary
// would be written into the archive. What is opened here can be read but not written.
void reserve_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) == -1) static_cast<void>(::open("/dev/null", O_RDONLY));
  }
}

int exit_code_for(const tape::Error& error, const GlobalOptions& global, bool json_on_stderr) {
  report_error(error, global, json_on_stderr);
  if (error.kind() == tape::ErrorKind::canceled)
    return 128 + (stop_signal() == 0 ? SIGINT : stop_signal());
  return exit_code_of(error.kind());
}

int run(int argc, char** argv) {
  GlobalOptions global;
  std::optional<Command> chosen;
  CLI::App app(
      "Ragtape: streaming archiver. A .tar.gz that can be indexed, read from the middle and "
      "checked.",
      "ragtape");
  app.set_version_flag("--version", "ragtape " RAGTAPE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(kExitCodes);
  add_globals(app, global);
  for (const auto add :
       {add_scan, add_info, add_play, add_pack, add_ls, add_cat, add_restore, add_verify})
    add(app, global, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);  // --help, --version
  } catch (const CLI::ParseError& error) {
    return usage_failure(app, error, argc, argv);
  }
  install_signal_handlers();
  try {
    const int code = chosen->run();
    finish_stdout();
    return code;
  } catch (const tape::Error& error) {
    return exit_code_for(error, global, chosen->json_on_stderr);
  } catch (const std::bad_alloc&) {
    return exit_code_for({tape::ErrorKind::exhausted, "out of memory"}, global,
                         chosen->json_on_stderr);
  } catch (const std::exception& error) {
    return exit_code_for({tape::ErrorKind::io, std::string("unexpected: ") + error.what()}, global,
                         chosen->json_on_stderr);
  }
}

}  // namespace
}  // namespace agent

int main(int argc, char** argv) {
  try {
    agent::reserve_standard_descriptors();
    return agent::run(argc, argv);
  } catch (...) {
    // Before a verb runs: no memory for the command line.
    std::fputs("ragtape: error: cannot start\n", stderr);
    return agent::kFailed;
  }
}
