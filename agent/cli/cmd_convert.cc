// ragtape convert X.tar.gz -o OUT.tar.gz

#include <memory>

#include <fmt/format.h>

#include "backup/convert.h"
#include "cli/command.h"
#include "cli/opened.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "tape/digest.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

struct ConvertCommand {
  std::string what;
  StoreWords store;
  RagzipWords ragzip;
  std::string output;

  int run(const GlobalOptions& global, bool json_on_stderr) const {
    const Output out(global, json_on_stderr);
    const OpenArchive archive(what, store);
    ConvertOptions options{ragzip.parsed(), output, archive.piece()};
    options.ragzip.workers = jobs_of(global);
    ConvertSummary summary;
    {
      Progress progress(out);
      tape::ForeignTapeEvents events;
      events.progress = [&](tape::ByteCount done, tape::ByteCount total) {
        check_stop();
        progress.working(done, total, "");
      };
      events.left_out = [&](const std::string& name, const std::string& why) {
        out.warning(name + ": left out: " + why);
      };
      tape::within(archive.source().name(),
                   [&] { summary = convert(archive.source(), options, events); });
    }
    report(summary, archive.figures(), out);
    return summary.left_out > 0 ? kIncomplete : kDone;
  }

  void report(const ConvertSummary& made, const ReadFigures& figures, const Output& out) const {
    if (out.json()) {
      Json fields = {{"archive", json_text(output)},
                     {"archive_size", made.volume.size},
                     {"members", made.members},
                     {"left_out", made.left_out},
                     {"tape_size", made.tape_size},
                     {"pages", made.volume.pages},
                     {"size", made.stream.compressed_size},
                     {"content_size", made.stream.content_size},
                     {"tape_xxh3", tape::hex(made.volume.slice_hash)}};
      fields.update(reading_fields(figures));
      out.line("summary", fields);
    }
    if (output == "-") return;  // stdout is the archive
    std::string text =
        fmt::format("{}: {} members, {}, in {}\n", tape::shown(output), shown_count(made.members),
                    shown_size(made.tape_size), shown_size(made.volume.size));
    if (made.left_out > 0)
      text += fmt::format("{} members left out; see the warnings\n", shown_count(made.left_out));
    out.text(text);
  }
};

}  // namespace

void add_convert(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "convert", "Make an archive with a member index of anybody's tar.gz");
  const auto command = std::make_shared<ConvertCommand>();
  verb.option("ARCHIVE", command->what, "A tar.gz, a path or a URL; it is read twice").required();
  verb.option("-o,--output", command->output,
              "The new archive, which must not exist; -: standard output")
      .required();
  command->ragzip.add(verb);
  command->store.add_reading(verb);
  verb.footer(help_end("ragtape convert linux-6.1.tar.gz -o linux-6.1.rgz",
                       "0 made; 1 failed or damaged, nothing made; 2 usage; 3 made, but some "
                       "members are left out; 5 the network, or the archive changed meanwhile: try "
                       "again; 10 no such archive; 12 denied"));
  verb.callback([&global, &chosen, command] {
    // /dev/stdout and its like: the summary must not follow the archive.
    if (tape::is_standard_output(command->output)) command->output = "-";
    const bool content = command->output == "-";
    chosen =
        Command{[&global, command, content] { return command->run(global, content); }, content};
  });
}

}  // namespace agent
