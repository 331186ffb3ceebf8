// ragtape scan DIR [-o FILE.tape]

#include <memory>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/state.h"
#include "tape/files.h"
#include "tape/tartape.h"

namespace agent {
namespace {

struct ScanCommand {
  SourceWords source;
  std::string output;
  bool hash = false;

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    SourceOptions options = source.parsed(global);
    options.excluded = excluded_report(out, false);
    options.hash = hash;
    Source opened(options);
    std::string place = output;
    if (place.empty()) {
      const std::string state = state_folder(global);
      place = tapes_folder(state) + "/" + tape::tape_name(opened.tree.root);
      // A home directory holds its own state: not on the tape, by device and inode.
      if (const auto own = tape::identity_of(state)) opened.scan_options.own_files.push_back(*own);
    } else {
      opened.must_not_hold(place, "the tape");
    }
    opened.scan_options.refused = [&](const std::string& path, const std::string& why) {
      out.warning(tape::shown(path) + ": " + why);
    };
    const auto earlier = hash ? earlier_tape(place) : nullptr;
    opened.scan_options.earlier = earlier.get();
    Progress progress(out);
    opened.scan_options.progress = [&](std::uint64_t entries) {
      check_stop();
      progress.counting(entries);
    };
    const auto catalog =
        tape::scan(*opened.tree.tree, {tape::temporary_name(tape::folder_of(place)), place},
                   opened.scan_options);
    report_problems(*catalog, out);
    report(*catalog, place, out);
    return catalog->summary().problems == 0 ? kDone : kIncomplete;
  }

  // The tape that this one replaces, if it can be read.
  static std::unique_ptr<tape::Catalog> earlier_tape(const std::string& place) {
    std::unique_ptr<tape::Catalog> out;
    const auto failure = tape::failure_of([&] {
      out = tape::Catalog::open(place);
      out->check();
    });
    if (failure) out.reset();
    return out;
  }

  static void report(tape::Catalog& catalog, const std::string& place, const Output& out) {
    const tape::CatalogSummary& summary = catalog.summary();
    const std::string theirs =
        summary.profile == tape::Profile::tartape ? tape::tartape_fingerprint(catalog) : "";
    if (out.json()) {
      Json fields = summary_fields(summary);
      if (!theirs.empty()) fields["tartape_fingerprint"] = theirs;
      fields["path"] = json_text(place);
      out.line("summary", fields);
      return;
    }
    out.text(summary_text(summary) +
             (theirs.empty() ? "" : fmt::format("tartape       {}\n", theirs)) +
             fmt::format("tape          {}\n", tape::shown(place)));
  }
};

}  // namespace

void add_scan(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "scan", "Record a tree: its state and the layout of its tar stream");
  const auto command = std::make_shared<ScanCommand>();
  command->source.add(verb);
  command->source.add_profile(verb);
  verb.option("-o,--output", command->output,
              "The tape (default: in the state folder, found again by DIR)");
  verb.flag("--hash", command->hash,
            "Read all contents and record their XXH3-128, for verify --deep; of files that are as "
            "in the tape that is replaced, its own is taken");
  verb.footer(help_end("ragtape scan ~/Documents -o documents.tape",
                       "0 recorded; 2 usage; 3 recorded, but some entries could not be; 10 no "
                       "such tree; 12 denied"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
