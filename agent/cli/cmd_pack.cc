// ragtape pack DIR -o OUT.tar.gz

#include <memory>

#include <fmt/format.h>

#include "backup/pack.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "tape/digest.h"
#include "tape/files.h"

namespace agent {
namespace {

struct PackCommand {
  SourceWords source;
  RagzipWords ragzip;
  std::string output;
  ChangeWords change;

  int run(const GlobalOptions& global, bool json_on_stderr) const {
    const Output out(global, json_on_stderr);
    PackSummary summary;
    std::uint64_t warnings = 0;
    {
      Progress progress(out);
      PackProgress events;
      events.scanned = [&](std::uint64_t entries) {
        check_stop();
        progress.counting(entries);
      };
      events.sealed = [&](tape::Catalog& catalog) { report_problems(catalog, out); };
      events.played = [&](tape::ByteCount done, tape::ByteCount total, const std::string& current) {
        check_stop();
        progress.working(done, total, current);
      };
      events.warning = [&](const std::string& what) {
        ++warnings;
        out.warning(what);
      };
      PackOptions options{source.parsed(global), ragzip.parsed(), output, change.parsed()};
      options.ragzip.workers = jobs_of(global);
      options.source.excluded = excluded_report(out, false);
      summary = pack(options, events);
    }
    report(summary, out);
    const bool incomplete = summary.catalog.problems + summary.incomplete > 0;
    return incomplete || (change.strict && warnings > 0) ? kIncomplete : kDone;
  }

  void report(const PackSummary& summary, const Output& out) const {
    const tape::VolumeSummary& volume = summary.volume;
    if (out.json()) {
      Json fields = summary_fields(summary.catalog);
      fields["archive"] = json_text(output);
      fields["archive_size"] = volume.size;
      fields["pages"] = volume.pages;
      fields["records"] = volume.records;
      fields["height"] = volume.height;
      fields["levels"] = volume.levels;
      fields["tape_xxh3"] = tape::hex(volume.slice_hash);
      out.line("summary", fields);
    }
    if (output == "-") return;  // stdout is the archive
    std::string text = summary_text(summary.catalog);
    text += fmt::format("archive       {}, {} bytes ({})\n", tape::shown(output),
                        shown_count(volume.size), shown_size(volume.size));
    text += fmt::format("to restore    ragtape restore {} --to DIR     or: tar -xzf {}\n",
                        quoted(output), quoted(output));
    out.text(text);
  }
};

}  // namespace

void add_pack(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "pack", "Make one archive of a tree: a .tar.gz with a member index");
  const auto command = std::make_shared<PackCommand>();
  command->source.add(verb);
  verb.option("-o,--output", command->output,
              "The archive, which must not exist; -: standard output")
      .required();
  command->ragzip.add(verb);
  command->change.add(verb, "stop");
  verb.footer(
      help_end("ragtape pack ~/Documents -o documents.tar.gz",
               "0 made; 1 failed, nothing made; 2 usage; 3 made, but some entries could not be "
               "read; 6 the source changed meanwhile, nothing made; 10 no such tree"));
  verb.callback([&global, &chosen, command] {
    // /dev/stdout and its like: the summary must not follow the archive.
    if (tape::is_standard_output(command->output)) command->output = "-";
    const bool content = command->output == "-";
    chosen =
        Command{[&global, command, content] { return command->run(global, content); }, content};
  });
}

}  // namespace agent
