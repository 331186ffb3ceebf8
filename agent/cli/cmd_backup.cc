// ragtape backup DIR --to STORE

#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "backup/backup.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/state.h"
#include "cli/where.h"
#include "store/snapshots.h"
#include "tape/files.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) throw tape::errno_error("host name", errno);
  return name;
}

struct BackupCommand {
  SourceWords source;
  RagzipWords ragzip;
  ChangeWords change;
  std::string to;
  std::string set;
  std::string volume_size = "1GiB";
  std::string part_size = "auto";
  bool restart = false;
  bool dry_run = false;
  bool listing = false;
  int parts_in_flight = 0;  // 0: as many as suit the store
  StoreWords store_words;

  int run(const GlobalOptions& global) const {
    ignore_broken_pipes();
    const Output out(global, false);
    BackupOptions options = settled(global);
    options.source.excluded = excluded_report(out, dry_run);
    const std::string root = tape::resolved(source.path);
    must_not_hold_source(root);
    if (is_remote_archive(to))
      throw Error(ErrorKind::usage, tape::shown(to) + ": ends as the name of an archive does",
                  "choose another prefix for the store");
    options.set = set.empty() ? default_set(options.host, root) : set;
    check_set_name(options.set);
    check_options(options);
    if (const std::string there = store_directory(to);
        dry_run && !there.empty() && !tape::is_directory(there))
      throw Error(ErrorKind::not_found,
                  tape::shown(to) + ": no such store yet; a dry run makes none");
    OpenStore store(to, store_words,
                    dry_run ? OpenStore::Access::dry_run : OpenStore::Access::write);
    if (store.was_made()) out.warning(tape::shown(store->name()) + ": a new store, made now");
    options.upload_workers = workers_for(store);
    const std::string state = state_folder(global);
    if (const std::string own = tape::resolved(state); (root + "/").starts_with(own + "/"))
      throw Error(
          ErrorKind::usage,
          tape::shown(root) + ": the source is in the folder for state, " + tape::shown(own),
          "choose another one with --state DIR");
    for (const std::string& own : {state, store->name()}) {
      if (const auto identity = tape::identity_of(own)) options.own_files.push_back(*identity);
    }
    const auto folder = SetFolder::lock(state, store->identity(), options.set);
    if (!folder) return report_busy(options.set, out);
    return run_locked(store, *folder, options, out);
  }

  BackupOptions settled(const GlobalOptions& global) const {
    BackupOptions options;
    options.source = source.parsed(global);
    options.ragzip = ragzip.parsed();
    options.ragzip.workers = jobs_of(global);
    options.set_typed = !set.empty();
    options.host = host_name();
    options.volume_size = parse_size("--volume-size", volume_size);
    if (part_size != "auto") {
      options.part_size = parse_size("--part-size", part_size);
      if (options.part_size == 0) throw Error(ErrorKind::usage, "--part-size 0: at least 64KiB");
    }
    options.on_change = change.parsed();
    options.restart = restart;
    options.dry_run = dry_run;
    options.listing = listing;
    return options;
  }

  // A disk is kept busy by two; a network hides its delays behind more.
  std::size_t workers_for(const OpenStore& store) const {
    constexpr int kRemoteParts = 4;
    constexpr int kLocalParts = 2;
    constexpr int kPartsMax = 64;
    if (parts_in_flight < 0 || parts_in_flight > kPartsMax)
      throw Error(ErrorKind::usage,
                  "--parts-in-flight " + std::to_string(parts_in_flight) + ": 1 to 64 expected");
    const int chosen = store.is_remote() ? kRemoteParts : kLocalParts;
    return static_cast<std::size_t>(parts_in_flight > 0 ? parts_in_flight : chosen);
  }

  // A store in its own source would grow by itself; one below it is passed over.
  void must_not_hold_source(const std::string& root) const {
    const std::string folder = store_directory(to);
    if (folder.empty() || !tape::is_directory(folder)) return;
    const std::string store = tape::resolved(folder);
    const bool holds = root == store || store == "/" || root.starts_with(store + "/");
    if (holds)
      throw Error(ErrorKind::usage,
                  tape::shown(to) + ": the store is the source or holds it: " + tape::shown(root),
                  "choose a place outside of it");
  }

  int run_locked(OpenStore& store,
                 const SetFolder& folder,
                 const BackupOptions& options,
                 const Output& out) const {
    std::uint64_t warnings = 0;
    BackupSummary summary;
    {
      Progress progress(out);
      BackupEvents events;
      events.scanned = [&](std::uint64_t entries) {
        check_stop();
        progress.counting(entries);
      };
      events.sealed = [&](tape::Catalog& catalog) { report_problems(catalog, out); };
      events.played = [&](tape::ByteCount done, tape::ByteCount total, tape::ByteCount sent,
                          const std::string& current) {
        check_stop();
        progress.working(done, total, current, Transfers{sent, store.counts()});
      };
      events.warning = [&](const std::string& what) {
        ++warnings;
        out.warning(what);
      };
      events.volume = [&](const tape::ManifestVolume& volume) {
        if (out.json())
          out.line("volume", {{"key", volume.key},
                              {"tape_offset", volume.tape_offset.value()},
                              {"tape_size", volume.tape_size},
                              {"size", volume.size}});
        out.detail(fmt::format("{}: {} bytes", volume.key, volume.size));
      };
      const auto failure = tape::failure_of([&] {
        summary = backup({*store, folder, options, events});
      });
      if (failure) failed(*failure, progress.percent());
    }
    report(summary, store, out);
    const tape::ManifestTotals& totals = summary.totals;
    const bool incomplete = summary.catalog.problems + totals.omitted + totals.torn > 0;
    return incomplete || (change.strict && warnings + totals.changed + totals.grew > 0)
               ? kIncomplete
               : kDone;
  }

  // What an interrupted run has sent is not lost, once it sends.
  [[noreturn]] void failed(const Error& error, int percent) const {
    if (error.kind() != ErrorKind::canceled || percent < 0) throw Error(error);
    throw Error(ErrorKind::canceled, fmt::format("interrupted at {} %", percent),
                restart ? "run the same command without --restart to continue"
                        : "run the same command to continue");
  }

  void report(const BackupSummary& summary, OpenStore& store, const Output& out) const {
    if (out.json()) {
      Json fields = summary_fields(summary.catalog);
      fields["outcome"] = summary.outcome == BackupSummary::Outcome::made        ? "made"
                          : summary.outcome == BackupSummary::Outcome::unchanged ? "unchanged"
                                                                                 : "dry_run";
      fields["store"] = json_text(store->name());
      fields["set"] = summary.set;
      fields["snapshot"] = summary.snapshot;
      fields["volumes"] = summary.volumes;
      fields["stored"] = summary.totals.stored;
      fields["omitted"] = summary.totals.omitted;
      fields["torn"] = summary.totals.torn;
      fields["grew"] = summary.totals.grew;
      fields["changed"] = summary.totals.changed;
      // Of a store behind a network: what really went, with all that was sent again.
      fields["bytes_sent"] =
          store.is_remote() ? store.counts().bytes_sent.load() : summary.bytes_sent;
      fields.update(reading_fields(figures_of(store.counts())));
      fields["retries"] = store.counts().retries.load();
      if (summary.bytes_resumed_at) {
        fields["bytes_resumed_at"] = *summary.bytes_resumed_at;
        fields["bytes_read_again"] = summary.bytes_read_again;
        fields["bytes_sent_again"] = summary.bytes_sent_again;
      }
      out.line("summary", fields);
    }
    std::string text = summary_text(summary.catalog);
    switch (summary.outcome) {
      case BackupSummary::Outcome::unchanged:
        text += fmt::format("snapshot      nothing changed since {}; nothing was uploaded\n",
                            summary.snapshot);
        break;
      case BackupSummary::Outcome::dry_run:
        text +=
            summary.bytes_resumed_at
                ? fmt::format(
                      "dry run       would continue {} at {} of the tape; nothing was written\n",
                      summary.snapshot, shown_size(*summary.bytes_resumed_at))
                : fmt::format(
                      "dry run       would make {} volumes in set {}; nothing was written\n",
                      shown_count(summary.volumes), summary.set);
        break;
      case BackupSummary::Outcome::made:
        text += fmt::format("snapshot      {} of set {}: {} volumes, {} ({} sent)\n",
                            summary.snapshot, summary.set, shown_count(summary.volumes),
                            shown_size(summary.totals.stored), shown_size(summary.bytes_sent));
        if (summary.bytes_resumed_at)
          text += fmt::format("continued     at {} of the tape; {} read again, {} sent again\n",
                              shown_size(*summary.bytes_resumed_at),
                              shown_size(summary.bytes_read_again),
                              shown_size(summary.bytes_sent_again));
        break;
    }
    if (summary.outcome != BackupSummary::Outcome::dry_run)
      text += fmt::format("to restore    ragtape restore {} --set {} --to DIR\n", quoted(to),
                          summary.set);
    out.text(text);
  }
};

}  // namespace

void add_backup(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "backup",
                  "Make a snapshot of a tree in a store; the same command continues it");
  const auto command = std::make_shared<BackupCommand>();
  command->source.add(verb, "full");
  verb.option("--to", command->to,
              "The store: a directory (a new one needs a parent), or s3://BUCKET/PREFIX")
      .required();
  verb.option("--set", command->set,
              "The name under which snapshots follow each other (default: HOST-DIR)");
  verb.option("--volume-size", command->volume_size,
              "Tape bytes in one volume, a multiple of the page; 0: one volume")
      .show_default();
  verb.option("--part-size", command->part_size,
              "Bytes sent, and noted, at a time: a multiple of 64KiB, at most 64MiB, on S3 at "
              "least 5MiB")
      .show_default();
  verb.option(
      "--parts-in-flight", command->parts_in_flight,
      "Parts sent at a time, 1 to 64; memory: their number times --part-size (default: 4, to "
      "a directory 2)");
  command->ragzip.add(verb);
  command->store_words.add_writing(verb);
  command->change.add(verb, "mark");
  verb.flag(
      "--listing", command->listing,
      "Keep sets.json and SET/snapshots.json in the store: for readers over plain HTTP, which "
      "cannot list");
  verb.flag("--restart", command->restart, "Give up what an interrupted run has done");
  verb.flag("-n,--dry-run", command->dry_run,
            "Only scan, and say what would be done and what is left out");
  verb.footer(help_end(
      "ragtape backup ~/Documents --to /mnt/backups",
      "0 done, or nothing changed; 1 failed; 2 usage; 3 done, but some sources could not be read; "
      "5 try again, it continues; 6 the source changed (--on-change stop); 10 no such tree; 11 "
      "another run holds the set; 12 denied; 129, 130, 143 interrupted: the same command "
      "continues"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
