// ragtape forget STORE --snapshot ID | --keep-daily N ... | --unfinished | --stale-uploads

#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "backup/forget.h"
#include "backup/retention.h"
#include "backup/stale_uploads.h"
#include "cli/command.h"
#include "cli/keep_words.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/state.h"
#include "cli/where.h"
#include "store/snapshots.h"
#include "tape/error.h"

namespace agent {
namespace {

struct ForgetCommand {
  std::string what;
  std::string set;
  std::vector<std::string> snapshots;
  bool dry_run = false;
  bool stale_uploads = false;
  bool unfinished = false;
  std::string older_than = "7d";
  KeepWords keep;
  StoreWords store_words;

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    const auto rules = keep.parsed();
    if (snapshots.empty() && !stale_uploads && !unfinished && !rules)
      throw tape::Error(tape::ErrorKind::usage, "forget: nothing to forget was named",
                        "--snapshot ID, --keep-... N, --unfinished or --stale-uploads");
    if ((rules || unfinished) && !snapshots.empty())
      throw tape::Error(
          tape::ErrorKind::usage,
          "forget: either --snapshot names what goes, or --keep-... and --unfinished do");
    const std::chrono::seconds age = parse_duration("--older-than", older_than);
    OpenStore store(what, store_words,
                    dry_run ? OpenStore::Access::dry_run : OpenStore::Access::read);
    if (stale_uploads) forget_uploads(store, age, global, out);
    const bool only_uploads = snapshots.empty() && !rules && !unfinished;
    return only_uploads ? kDone : forget_snapshots(store, rules, age, out);
  }

  // Uploads of a set that has no snapshot yet are stale all the same.
  void forget_uploads(OpenStore& store,
                      std::chrono::seconds age,
                      const GlobalOptions& global,
                      const Output& out) const {
    if (!set.empty()) check_set_name(set);
    StaleOptions options{set,     age,        known_state_folder(global).value_or(""),
                         dry_run, check_stop, {}};
    options.gone = [&](const UploadInfo& upload) {
      if (out.json())
        out.line("stale_upload", {{"key", json_text(upload.key)},
                                  {"upload", upload.upload},
                                  {"begun", tape::utc_text({upload.begun, 0})}});
      out.text(fmt::format("{} {}, begun {}\n", dry_run ? "would abort" : "aborted",
                           tape::shown(upload.key), shown_time({upload.begun, 0})));
    };
    const auto gone = remove_stale_uploads(*store, store.clock(), options);
    if (snapshots.empty() && !keep.was_typed() && !unfinished && out.json())
      out.line("summary", {{"stale_uploads", gone.size()}, {"dry_run", dry_run}});
    out.text(fmt::format("{} stale uploads\n", shown_count(gone.size())));
  }

  int forget_snapshots(OpenStore& store,
                       const std::optional<KeepRules>& rules,
                       std::chrono::seconds age,
                       const Output& out) const {
    const std::string settled = settled_set(*store, set);
    const std::vector<std::string> left = stale(store, settled, age, out);
    const auto state = known_state_folder(out.global());
    const bool locks = !dry_run && state && SetFolder::is_there(*state, store->identity(), settled);
    const auto folder =
        locks ? SetFolder::lock(*state, store->identity(), settled) : std::optional<SetFolder>();
    if (locks && !folder) return report_busy(settled, out);
    ForgetOptions options{settled,           {},         left, dry_run,
                          rules.has_value(), check_stop, {},   folder ? &*folder : nullptr};
    options.gone = [&](const std::string& id) { out.text("forgot " + id + "\n"); };
    options.snapshots = rules ? judged(store, *rules, settled, out) : named(store, settled);
    const ForgetReport report = forget(*store, options);
    if (out.json())
      out.line("summary", {{"snapshots", report.snapshots},
                           {"volumes", report.volumes},
                           {"bytes", report.bytes},
                           {"dry_run", dry_run}});
    for (const std::string& id : report.snapshots) {
      if (dry_run) out.text("would forget " + id + "\n");
    }
    out.text(
        fmt::format("{} volumes, {}\n", shown_count(report.volumes), shown_size(report.bytes)));
    return kDone;
  }

  // In front of the lock of the set: who holds it continues one.
  std::vector<std::string> stale(OpenStore& store,
                                 const std::string& settled,
                                 std::chrono::seconds age,
                                 const Output& out) const {
    if (!unfinished) return {};
    StaleOptions options{settled, age,        known_state_folder(out.global()).value_or(""),
                         dry_run, check_stop, {}};
    return stale_snapshots(*store, store.clock(), options);
  }

  std::vector<std::string> named(OpenStore& store, const std::string& settled) const {
    std::vector<std::string> out;
    const auto open = unfinished_in(*store, settled);
    for (const std::string& typed : snapshots) {
      // An unset variable must not mean the latest.
      if (typed.empty())
        throw tape::Error(tape::ErrorKind::usage, "--snapshot: an empty ID",
                          "`ragtape snapshots` lists them");
      // What has no manifest may be a backup under way: only by its whole name.
      const bool whole = std::find(open.begin(), open.end(), typed) != open.end();
      out.push_back(whole ? typed : settled_snapshot(*store, settled, typed));
    }
    return out;
  }

  // Says of each snapshot why it stays, or that it goes; those that go.
  static std::vector<std::string> judged(OpenStore& store,
                                         const KeepRules& rules,
                                         const std::string& settled,
                                         const Output& out) {
    std::vector<std::string> going;
    for (const Verdict& verdict :
         verdicts_of(rules, snapshots_of(*store, settled), store.clock().now())) {
      const bool stays = !verdict.reasons.empty();
      if (out.json())
        out.line("verdict",
                 {{"snapshot", verdict.snapshot}, {"keep", stays}, {"reasons", verdict.reasons}});
      out.text(fmt::format("{} {}{}\n", stays ? "keep  " : "remove", verdict.snapshot,
                           stays ? fmt::format("  ({})", fmt::join(verdict.reasons, ", ")) : ""));
      if (!stays) going.push_back(verdict.snapshot);
    }
    return going;
  }
};

}  // namespace

void add_forget(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "forget", "Delete snapshots from a store");
  const auto command = std::make_shared<ForgetCommand>();
  verb.option("STORE", command->what, "A store").required();
  verb.option("--set", command->set, "The set (default: the only one)");
  verb.option("--snapshot", command->snapshots, "Any unique beginning of an ID; repeatable");
  command->keep.add(verb);
  verb.flag("--unfinished", command->unfinished,
            "What backups without an end have left, begun longer ago than --older-than");
  verb.flag("--stale-uploads", command->stale_uploads,
            "Abort uploads that nobody continues: they are invisible and cost what they hold");
  verb.option("--older-than", command->older_than,
              "What --stale-uploads and --unfinished call stale: begun so long ago, and not by a "
              "run that this machine continues")
      .show_default();
  verb.flag("-n,--dry-run", command->dry_run, "Only say what would be deleted");
  command->store_words.add_reading(verb);
  verb.footer(
      help_end("ragtape forget /mnt/backups --keep-daily 7 --keep-weekly 5 --keep-monthly 12 -n",
               "0 done; 1 failed, or a manifest of the set is damaged and nothing was "
               "deleted; 2 usage; 10 no such store or snapshot; 11 another run holds the "
               "set; 12 denied"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
