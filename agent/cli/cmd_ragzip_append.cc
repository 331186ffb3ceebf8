// ragtape ragzip append FILE [INPUT]

#include <memory>

#include <fmt/format.h>

#include "cli/options.h"
#include "cli/ragzip_verbs.h"
#include "ragzip/append.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

struct AppendCommand {
  std::string path;
  std::string input = "-";
  OutputWords output;
  EngineWords engine;

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    if (is_standard_stream(path) || is_standard_stream(output.path))
      throw tape::Error(tape::ErrorKind::usage, "append works on files",
                        "`cat FILE.gz` and new bytes go through decode and encode otherwise");
    AppendOptions options;
    options.path = path;
    options.ragzip = engine.parsed();
    options.ragzip.workers = jobs_of(global);
    tape::check_options(options.ragzip);
    options.output = output.path;
    options.replace = output.force;
    // In place: what `path` leads to.
    if (!output.path.empty() && tape::identity_of(output.path) == tape::identity_of(path))
      options.output.clear();
    expect_no_directory(path);
    ByteInput in = open_input(input);
    if (in.source && tape::identity_of(input) == tape::identity_of(path))
      throw tape::Error(tape::ErrorKind::usage, in.name + ": cannot be appended to itself");
    if (in.source && !options.output.empty() &&
        tape::identity_of(input) == tape::identity_of(options.output))
      throw tape::Error(tape::ErrorKind::usage,
                        tape::shown(options.output) + ": is the input, which is kept",
                        "choose another name with -o");
    AppendSummary summary;
    {
      Progress progress(out);
      summary = append(in.read, options, shown_progress(progress, in.size, in.name));
    }
    if (summary.member_index_dropped)
      out.warning(tape::shown(path) +
                  ": it was a volume of a tape; its member index is gone, its content is not");
    report(summary, out);
    return kDone;
  }

  void report(const AppendSummary& summary, const Output& out) const {
    const std::string& to = output.path.empty() ? path : output.path;
    if (out.json())
      out.line("summary", {{"output", json_text(to)},
                           {"logical_size", summary.bytes_before + summary.bytes_read},
                           {"bytes_read", summary.bytes_read},
                           {"bytes_written", summary.bytes_written},
                           {"bytes_kept", summary.bytes_kept},
                           {"member_index_dropped", summary.member_index_dropped}});
    out.text(fmt::format("{}: {} bytes behind {}; the file has {}\n", tape::shown(to),
                         shown_count(summary.bytes_read), shown_count(summary.bytes_before),
                         shown_count(summary.bytes_written)));
  }
};

}  // namespace

void add_ragzip_append(const Verb& ragzip,
                       const GlobalOptions& global,
                       std::optional<Command>& chosen) {
  const Verb verb(ragzip, "append",
                  "Add bytes behind the content of a ragzip file, which stays whole until it is "
                  "replaced");
  const auto command = std::make_shared<AppendCommand>();
  verb.option("FILE", command->path, "A ragzip file").required();
  verb.option("INPUT", command->input, "What to add (default: standard input)");
  command->output.add(verb, "in place of FILE");
  command->engine.add(verb);
  verb.footer(
      help_end("journalctl -b | ragtape ragzip append boot.log.gz",
               "0 done; 1 failed or damaged, FILE is as it was; 2 usage, or another append "
               "is under way; 5 FILE was written to meanwhile; 10 no such file; 12 denied"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
