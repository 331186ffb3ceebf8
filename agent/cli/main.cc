// ragtape: the command line. Each verb is in its own cmd_<verb>.cc; this file chooses one, runs it,
// and turns what comes back into an exit code.

#include <CLI/CLI.hpp>
#include <algorithm>
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
    "5 the archive or store changed or failed, try again; 6 the source changed; 10 not found; 11 "
    "another run holds the set; 12 denied;\n"
    "129, 130, 143 interrupted. `ragtape VERB --help` says more.\n"
    "Peak memory: about 40 MiB plus, for each job, four times the page size (the pages at most "
    "64 MiB in all), and for `backup` four parts.";

void add_globals(CLI::App& app, GlobalOptions& global) {
  app.add_flag("--json", global.json, "JSON lines for programs");
  app.add_flag("-q,--quiet", global.quiet, "No warnings, no progress");
  app.add_flag("-v,--verbose", global.verbose, "Say more");
  app.add_flag("--no-progress", global.no_progress, "No progress line");
  app.add_option("--state", global.state, "Folder for state (tapes of `scan`, runs of `backup`)");
  app.add_option("--cache", global.cache, "Folder for what is read from afar, for the next time");
  app.add_option("--config", global.config, "Configuration of the agent");
  app.add_flag("--no-cache", global.no_cache, "Keep nothing of it on disk");
  app.add_option("-j,--jobs", global.jobs,
                 "Threads that compress and inflate (default: one for each core)")
      ->check(CLI::Range(1, 256));
}

// Steps from one word to another: a letter more, less or other, or two neighbours exchanged.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> steps(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    steps[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j)
    steps[0][j] = j;
  const auto cheapest = [&](std::size_t i, std::size_t j) {
    const std::size_t change = steps[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
    const std::size_t least = std::min({change, steps[i - 1][j] + 1, steps[i][j - 1] + 1});
    const bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
    return exchanged ? std::min(least, steps[i - 2][j - 2] + 1) : least;
  };
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j)
      steps[i][j] = cheapest(i, j);
  }
  return steps[a.size()][b.size()];
}

// The first word behind `passed` others that is no flag and no flag's value.
std::string first_word(int argc, char** argv, int passed = 0) {
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "--state" || word == "--config" || word == "--cache" || word == "-j" ||
        word == "--jobs")
      ++i;
    if (!word.starts_with('-') && passed-- == 0) return word;
  }
  return "";
}

// What to hint at when no verb was understood: the nearest one. `before`: the verbs in front of it,
// each with a space behind.
std::string verb_hint(const CLI::App& app, const std::string& word, const std::string& before) {
  std::string nearest;
  std::size_t least = 3;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    const std::size_t steps = distance(word, verb->get_name());
    if (word.empty() || steps >= least) continue;
    least = steps;
    nearest = verb->get_name();
  }
  return nearest.empty() ? "`ragtape " + before + "--help` lists the verbs"
                         : "did you mean `ragtape " + before + nearest + "`?";
}

// What was understood of the verbs: `pack`, `ragzip encode`.
std::string verbs_typed(const CLI::App& app, const CLI::App*& last) {
  std::string out;
  last = &app;
  while (!last->get_subcommands().empty()) {
    last = last->get_subcommands().front();
    out += (out.empty() ? "" : " ") + last->get_name();
  }
  return out;
}

int usage_failure(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  GlobalOptions global;
  global.json = std::find(argv, argv + argc, std::string("--json")) != argv + argc;
  const auto report = [&](const std::string& what, const std::string& hint) {
    report_error({tape::ErrorKind::usage, what, hint}, kUsage, global, false);
    return kUsage;
  };
  const CLI::App* last = nullptr;
  const std::string verbs = verbs_typed(app, last);
  const std::string word = first_word(argc, argv);
  // Of a verb that has verbs, one level deep.
  const std::string nested = first_word(argc, argv, 1);
  if (!verbs.empty() && last->get_require_subcommand_min() > 0 && !nested.empty())
    return report(verbs + " " + tape::shown(nested) + ": no such verb",
                  verb_hint(*last, nested, verbs + " "));
  if (!verbs.empty())
    return report(verbs + ": " + tape::shown(error.what()),
                  "`ragtape " + verbs + " --help` shows its " +
                      (last->get_require_subcommand_min() > 0 ? "verbs" : "options"));
  if (word.empty()) return report(tape::shown(error.what()), verb_hint(app, word, ""));
  return report(tape::shown(word) + ": no such verb", verb_hint(app, word, ""));
}

// Without this a closed standard output's number would go to the next file opened, and the summary
// would be written into the archive. What is opened here can be read but not written.
void reserve_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) == -1) static_cast<void>(::open("/dev/null", O_RDONLY));
  }
}

int failed(const tape::Error& error, const GlobalOptions& global, bool json_on_stderr) {
  const ExitCode code = exit_code_of(error);
  report_error(error, code, global, json_on_stderr);
  return code;
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
       {add_scan,   add_index,   add_convert, add_agent,  add_config,    add_init,
        add_info,   add_play,    add_pack,    add_backup, add_snapshots, add_find,
        add_diff,   add_forget,  add_doctor,  add_ls,     add_cat,       add_restore,
        add_verify, add_volumes, add_locate,  add_ragzip})
    add(app, global, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    const int code = app.exit(success);  // --help, --version
    return std::fflush(stdout) == 0 && std::ferror(stdout) == 0 ? code : kFailed;
  } catch (const CLI::ParseError& error) {
    return usage_failure(app, error, argc, argv);
  }
  install_signal_handlers();
  try {
    const int code = chosen->run();
    finish_stdout();
    return code;
  } catch (const tape::Error& error) {
    return failed(error, global, chosen->json_on_stderr);
  } catch (const std::bad_alloc&) {
    return failed({tape::ErrorKind::exhausted, "out of memory"}, global, chosen->json_on_stderr);
  } catch (const std::exception& error) {
    return failed({tape::ErrorKind::io, std::string("unexpected: ") + error.what()}, global,
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
