// ragtape restore STORE|ARCHIVE [PATH...] --to DIR

#include <filesystem>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/opened.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/state.h"
#include "cli/where.h"
#include "restore/restore.h"
#include "restore/restore_log.h"
#include "restore/tar_stream.h"
#include "tape/digest.h"
#include "tape/fields.h"
#include "tape/files.h"

namespace agent {
namespace {

const std::map<std::string, Overwrite> kOverwrite = {{"never", Overwrite::never},
                                                     {"if-newer", Overwrite::if_newer},
                                                     {"if-changed", Overwrite::if_changed},
                                                     {"always", Overwrite::always}};

int exit_code_of(const RestoreReport& report) {
  if (report.wrong_hash > 0) return kDamaged;
  if (report.damaged > 0) return kFailed;
  return report.left_alone + report.failed + report.torn > 0 ? kIncomplete : kDone;
}

struct RestoreCommand {
  WhatWords words;
  std::vector<std::string> paths;
  std::string overwrite;
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  int strip_components = 0;
  bool tar = false;
  RestoreOptions options;

  int run(const GlobalOptions& global) const {
    ignore_broken_pipes();
    const Output out(global, tar);
    check_words();
    Opened opened(words, out.global());
    return tar ? run_tar(opened, out) : run_tree(opened, out);
  }

  void check_words() const {
    const auto refuse = [](const std::string& why, const std::string& hint = "") {
      throw tape::Error(tape::ErrorKind::usage, why, hint);
    };
    if (tar && (!options.target.empty() || !overwrite.empty() || options.dry_run))
      refuse("--tar writes to standard output: not with --to, --overwrite or --dry-run");
    if (!tar && options.target.empty())
      refuse("--to: the name of a folder expected", "or --tar, to standard output");
    if (strip_components < 0) refuse("--strip-components: a number from 0 on expected");
    static_cast<void>(filter());
  }

  tape::PathFilter filter() const {
    tape::PathFilter out;
    for (const std::string& pattern : include)
      out.include(pattern);
    for (const std::string& pattern : exclude)
      out.exclude(pattern);
    return out;
  }

  Wanted wanted_of(Opened& opened, const Output& out) const {
    tape::Members& members = opened.members();
    const Selection selection = select(members, paths);
    // One file: its own pages, in one request. More: ahead over everything.
    if (opened.own_archive() != nullptr && !is_one_file(members, selection))
      opened.archive().expect_walk(
          {tape::kWalkAhead, page_workers_of(out.global(), opened.is_remote())});
    return {members, selection, filter(), static_cast<unsigned>(strip_components)};
  }

  static bool is_one_file(tape::Members& members, const Selection& selection) {
    return selection.size() == 1 &&
           members.find(selection.front())->type != tape::MemberType::directory;
  }

  [[noreturn]] static void nothing_wanted() {
    throw tape::Error(tape::ErrorKind::not_found,
                      "no member is left by --include, --exclude and --strip-components",
                      "ragtape ls shows the names; patterns speak of paths below the first one");
  }

  static RestoreEvents events_of(const Opened& opened, const Output& out, Progress& progress) {
    RestoreEvents events;
    events.source_failure = [&opened] { return opened.source_failure(); };
    events.warning = [&out](const std::string& what_happened) { out.warning(what_happened); };
    events.progress = [&progress](tape::ByteCount bytes, const std::string& current) {
      check_stop();
      progress.working(bytes, 0, tape::shown(current));
    };
    return events;
  }

  int run_tree(Opened& opened, const Output& out) const {
    RestoreReport report;
    const auto failed = reading(opened, out, [&] { report = restore_tree(opened, out); });
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

  RestoreReport restore_tree(Opened& opened, const Output& out) const {
    const Wanted wanted = wanted_of(opened, out);
    RestoreOptions settled = options;
    settled.overwrite = overwrite.empty() ? Overwrite::never : kOverwrite.at(overwrite);
    const auto log = options.dry_run ? nullptr : log_of(opened, out);
    settled.log = log.get();
    if (log && log->is_continued())
      out.warning("an earlier run of this command was interrupted: going on with what is there");
    Progress progress(out);
    RestoreReport report =
        restore(opened.members(), wanted, settled, events_of(opened, out, progress));
    const std::uint64_t met =
        report.restored + report.left_alone + report.unchanged + report.failed + report.needs_root;
    if (met == 0 && (wanted.is_filtered() || strip_components > 0)) nothing_wanted();
    return report;
  }

  // Null: there is no place for it, or another run of the same command is under way. The restore
  // needs none.
  std::unique_ptr<RestoreLog> log_of(const Opened& opened, const Output& out) const {
    std::unique_ptr<RestoreLog> log;
    const auto failure = tape::failure_of([&] {
      const std::string folder = state_folder(out.global()) + "/restores";
      tape::create_folders(folder);
      log = RestoreLog::open(folder + "/" + key_of(opened) + ".log");
    });
    if (failure) out.detail(std::string("no log of this restore: ") + failure->what());
    return log;
  }

  // Of what makes two restores the same.
  std::string key_of(const Opened& opened) const {
    tape::Bytes words_of;
    tape::FieldWriter fields(words_of);
    std::error_code ignored;
    fields.text(std::filesystem::weakly_canonical(options.target, ignored).string());
    fields.text(without_query(words.what));  // a signature is another one each day
    fields.text(opened.name());
    fields.number(opened.size());
    fields.number(static_cast<std::uint64_t>(strip_components));
    for (const auto* list : {&paths, &include, &exclude}) {
      fields.number(list->size());
      for (const std::string& word : *list)
        fields.text(word);
    }
    return tape::hex(tape::sha256(words_of)).substr(0, 32);
  }

  int run_tar(Opened& opened, const Output& out) const {
    const auto sink = tape::descriptor_sink(STDOUT_FILENO, "standard output");
    TarStreamReport report;
    const auto failed = reading(opened, out, [&] {
      const Wanted wanted = wanted_of(opened, out);
      Progress progress(out);
      report = stream_tar(opened.members(), wanted, {*sink, options.numeric_owner, options.damaged},
                          events_of(opened, out, progress));
      if (report.members + report.left_out == 0 && (wanted.is_filtered() || strip_components > 0))
        nothing_wanted();
    });
    if (failed) return *failed;
    if (report.wrong_hash) {
      out.error({tape::ErrorKind::corrupt,
                 tape::shown(*report.wrong_hash) + ": its content does not have the recorded "
                                                   "XXH3-128; the stream ends behind it",
                 "do not trust what was written"},
                kDamaged);
    }
    if (out.json()) {
      Json fields = {{"members", report.members},
                     {"torn", report.torn},
                     {"left_out", report.left_out},
                     {"bytes", report.bytes}};
      fields.update(reading_fields(opened.figures()));
      out.line("summary", fields);
    }
    if (report.wrong_hash) return kDamaged;
    return report.torn + report.left_out > 0 ? kIncomplete : kDone;
  }

  void show(const RestoreReport& report, const ReadFigures& figures, const Output& out) const {
    if (out.json()) {
      Json fields = {
          {"restored", report.restored},     {"left_alone", report.left_alone},
          {"unchanged", report.unchanged},   {"torn", report.torn},
          {"failed", report.failed},         {"damaged", report.damaged},
          {"needs_root", report.needs_root}, {"bytes", report.bytes},
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
    if (report.unchanged > 0)
      text += fmt::format("{} were there as recorded\n", shown_count(report.unchanged));
    if (report.torn > 0)
      text += fmt::format("{} torn: not what the files held\n", shown_count(report.torn));
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
  verb.option("-C,--to,--target", command->options.target, "Where to; made when it is missing");
  verb.flag("--tar", command->tar, "As a tar to standard output, instead");
  verb.option("--overwrite", command->overwrite,
              "What may be replaced, a directory never (default: never)")
      .one_of({"never", "if-newer", "if-changed", "always"});
  verb.each("--include",
            "Only what fits a pattern in gitignore syntax, or lies below it (again: more)",
            [command](const std::string& pattern) { command->include.push_back(pattern); });
  verb.each("--exclude", "Not what fits a pattern, or lies below it (again: more; !: not)",
            [command](const std::string& pattern) { command->exclude.push_back(pattern); });
  verb.option("--strip-components", command->strip_components,
              "Leave that many leading components of each name away");
  verb.flag("--damaged", command->options.damaged,
            "Also files that were torn when the archive was made");
  verb.flag("--numeric-owner", command->options.numeric_owner, "Owners by number, names ignored");
  verb.flag("-n,--dry-run", command->options.dry_run, "Only say what would be done");
  verb.footer(
      help_end("ragtape restore documents.tar.gz documents/letters --to /tmp/back",
               "0 done; 1 failed, or some members are damaged; 2 usage; 3 done, but some files "
               "were left alone or out, or are torn; 4 a member's hash was wrong; 10 no such "
               "archive or member"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }, command->tar};
  });
}

}  // namespace agent
