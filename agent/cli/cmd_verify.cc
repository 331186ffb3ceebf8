// ragtape verify ARCHIVE [--sample P%] [--full]

#include <charconv>
#include <memory>
#include <random>

#include <fmt/format.h>

#include "cli/archive_file.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/signals.h"

namespace agent {
namespace {

double parse_share(std::string text) {
  const std::string typed = text;
  if (text.ends_with('%')) text.pop_back();
  double percent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
  if (error != std::errc() || end != text.data() + text.size() ||
      !(percent >= 0 && percent <= 100)) {
    throw tape::Error(tape::ErrorKind::usage,
                      "--sample " + tape::shown(typed) + ": 0% to 100% expected");
  }
  return percent / 100;
}

struct VerifyCommand {
  std::string what;
  std::string sample;
  bool full = false;

  // Here damage is an outcome: exit 4, wherever it is found.
  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    const double share = sample.empty() ? 0 : parse_share(sample);
    const auto file = tape::open_file_source(what);
    const tape::CountingSource source(*file);
    const auto failure =
        tape::failure_of([&] { tape::within(file->name(), [&] { check(source, share, out); }); });
    if (!failure) return kDone;
    if (failure->kind() != tape::ErrorKind::corrupt) throw tape::Error(*failure);
    out.error(*failure, kDamaged);
    if (out.json()) {
      Json fields = {{"damage", 1}, {"full", full}};
      fields.update(reading_fields(source));
      out.line("summary", fields);
    }
    return kDamaged;
  }

  void check(const tape::CountingSource& source, double share, const Output& out) const {
    tape::Archive archive(source);
    const tape::RagzipGeometry& geometry = archive.ragzip().geometry();
    std::uint64_t pages = geometry.page_count;
    {
      Progress progress(out);
      const auto heard = [&](tape::ByteCount done) {
        check_stop();
        progress.working(done, geometry.logical_size, "");
      };
      if (full) {
        archive.check_all(heard);
      } else {
        pages = archive.check_sample(share, std::random_device{}(), heard);
      }
    }
    show(archive, pages, source, out);
  }

  void show(tape::Archive& archive,
            std::uint64_t pages,
            const tape::CountingSource& source,
            const Output& out) const {
    const std::uint64_t records = archive.index().root().records;
    const std::uint64_t all_pages = archive.ragzip().geometry().page_count;
    if (out.json()) {
      Json fields = {{"damage", 0},
                     {"members", records},
                     {"pages", all_pages},
                     {"pages_decoded", pages},
                     {"full", full}};
      fields.update(reading_fields(source));
      out.line("summary", fields);
    }
    out.text(fmt::format(
        "no damage: page index, member index and {} records, {} of {} pages decoded{}\n",
        shown_count(records), shown_count(pages), shown_count(all_pages),
        full ? ", every header, hash and padding" : " (--full decodes all and checks every hash)"));
  }
};

}  // namespace

void add_verify(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  CLI::App* verb = app.add_subcommand("verify", "Check an archive for damage");
  verb->alias("check");
  const auto command = std::make_shared<VerifyCommand>();
  verb->add_option("WHAT", command->what, "An archive")->required();
  auto* sample = verb->add_option("--sample", command->sample,
                                  "Decode that share of the pages, chosen at random, such as 5%");
  verb->add_flag("--full", command->full, "Every page, node, header and hash")->excludes(sample);
  verb->footer(
      help_end("ragtape verify --full documents.tar.gz",
               "0 no damage found; 1 failed; 2 usage; 4 damage found; 10 no such archive"));
  verb->callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
