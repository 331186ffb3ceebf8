// ragtape restore STORE|ARCHIVE [PATH...] --to DIR

#include <map>
#include <memory>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/opened.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "restore/restore.h"

namespace agent {
namespace {

const std::map<std::string, Overwrite> kOverwrite = {{"never", Overwrite::never},
                                                     {"if-newer", Overwrite::if_newer},
                                                     {"if-changed", Overwrite::if_changed},
                                                     {"always", Overwrite::always}};

int exit_code_of(const RestoreReport& report) {
  if (report.wrong_hash > 0) return kDamaged;
  if (report.damaged > 0) return kFailed;
  return report.left_alone + report.failed > 0 ? kIncomplete : kDone;
}

struct RestoreCommand {
  WhatWords words;
  std::vector<std::string> paths;
  std::string overwrite = "never";
  RestoreOptions options;

  int run(const GlobalOptions& global) const {
    ignore_broken_pipes();
    const Output out(global, false);
    if (options.target.empty())
      throw tape::Error(tape::ErrorKind::usage, "--to: an empty name of a folder");
    Opened opened(words, out.global());
    RestoreReport report;
    const auto failed = reading(opened, out, [&] { report = restore_selected(opened, out); });
    if (failed) return *failed;
    const int code = exit_code_of(report);
    if (report.damaged > 0) {
      out.error({tape::ErrorKind::corrupt,
                 fmt::format("{}: {} members or volumes are damaged; the rest was restored",
                             opened.name(), shown_count(report.damaged))},
                code);
    }
    show(report, opened.figures(), out);
    return code;
  }

  RestoreReport restore_selected(Opened& opened, const Output& out) const {
    tape::Members& members = opened.members();
    const Selection selection = select(members, paths);
    // One file: its own pages, in one request. More: ahead over everything.
    if (opened.own_archive() != nullptr && !is_one_file(members, selection))
      opened.archive().expect_walk(
          {tape::kWalkAhead, page_workers_of(out.global(), opened.is_remote())});
    RestoreOptions settled = options;
    settled.overwrite = kOverwrite.at(overwrite);
    Progress progress(out);
    RestoreEvents events;
    events.warning = [&](const std::string& what_happened) { out.warning(what_happened); };
    events.progress = [&](tape::ByteCount bytes, const std::string& current) {
      check_stop();
      progress.working(bytes, 0, tape::shown(current));
    };
    return restore(members, selection, settled, events);
  }

  static bool is_one_file(tape::Members& members, const Selection& selection) {
    return selection.size() == 1 &&
           members.find(selection.front())->type != tape::MemberType::directory;
  }

  void show(const RestoreReport& report, const ReadFigures& figures, const Output& out) const {
    if (out.json()) {
      Json fields = {
          {"restored", report.restored},   {"left_alone", report.left_alone},
          {"unchanged", report.unchanged}, {"failed", report.failed},
          {"damaged", report.damaged},     {"needs_root", report.needs_root},
          {"bytes", report.bytes},
      };
      fields.update(reading_fields(figures));
      out.line("summary", fields);
      return;
    }
    std::string text = fmt::format(
        "{} {} members, {} of content, to {}\n", options.dry_run ? "would restore" : "restored",
        shown_count(report.restored), shown_size(report.bytes), tape::shown(options.target));
    if (report.left_alone > 0)
      text += fmt::format(
          "{} left alone: something has the name already (--overwrite says what may be replaced)\n",
          shown_count(report.left_alone));
    if (report.needs_root > 0)
      text += fmt::format(
          "{} without what only root may set, of an archive with owners (devices, set-id bits, "
          "security attributes)\n",
          shown_count(report.needs_root));
    if (report.failed > 0)
      text += fmt::format("{} failures; see the warnings\n", shown_count(report.failed));
    out.text(text);
  }
};

}  // namespace

void add_restore(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "restore", "Make files of members: DIR/<member name>");
  const auto command = std::make_shared<RestoreCommand>();
  command->words.add(verb, "A store or an archive");
  verb.option("PATH", command->paths, "Only these members and what is below them");
  verb.option("-C,--to,--target", command->options.target, "Where to; made when it is missing")
      .required();
  verb.option("--overwrite", command->overwrite, "What may be replaced; a directory never")
      .one_of({"never", "if-newer", "if-changed", "always"})
      .show_default();
  verb.flag("--numeric-owner", command->options.numeric_owner, "Owners by number, names ignored");
  verb.flag("-n,--dry-run", command->options.dry_run, "Only say what would be done");
  verb.footer(
      help_end("ragtape restore documents.tar.gz documents/letters --to /tmp/back",
               "0 done; 1 failed, or some members are damaged; 2 usage; 3 done, but some files "
               "were left alone; 4 a member's hash was wrong; 10 no such archive or member"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
