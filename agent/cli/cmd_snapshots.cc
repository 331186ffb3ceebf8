// ragtape snapshots STORE

#include <memory>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/where.h"
#include "store/snapshots.h"

namespace agent {
namespace {

struct SnapshotsCommand {
  std::string what;
  std::string set;
  StoreWords store_words;

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    OpenStore store(what, store_words, OpenStore::Access::read);
    const std::vector<std::string> sets =
        set.empty() ? sets_in(*store) : std::vector<std::string>{settled_set(*store, set)};
    ExitCode code = kDone;
    std::uint64_t count = 0;
    for (const std::string& name : sets)
      count += list(*store, name, out, code);
    if (out.json()) out.line("summary", {{"snapshots", count}});
    if (count == 0) out.warning(tape::shown(store->name()) + ": no snapshots");
    return code;
  }

  // A damaged manifest is reported, as `code`; the others are listed.
  static std::uint64_t list(ObjectStore& store,
                            const std::string& name,
                            const Output& out,
                            ExitCode& code) {
    const auto ids = readable_snapshots(store, name, out);
    if (!ids) return 0;
    std::uint64_t count = 0;
    for (const std::string& id : *ids) {
      check_stop();
      const auto failure = tape::failure_of([&] { show(read_manifest(store, name, id), out); });
      if (failure && failure->kind() == tape::ErrorKind::not_found) continue;  // gone meanwhile
      ++count;
      if (!failure) continue;
      code = exit_code_of(*failure);
      out.error(*failure, code);
    }
    list_unfinished(store, name, out);
    return count;
  }

  // Of a backup that is under way or was interrupted, or of a forget that was.
  static void list_unfinished(ObjectStore& store, const std::string& name, const Output& out) {
    for (const std::string& id : unfinished_in(store, name)) {
      if (out.json()) out.line("unfinished", {{"set", name}, {"snapshot", id}});
      out.text(fmt::format("{}  {}  unfinished: no manifest yet\n", id, name));
    }
  }

  static void show(const tape::Manifest& manifest, const Output& out) {
    const tape::ManifestTotals& totals = manifest.totals;
    const std::uint64_t lost = totals.omitted + totals.torn + totals.problems;
    if (out.json())
      out.line("snapshot", {{"set", manifest.set},
                            {"snapshot", manifest.snapshot},
                            {"host", json_text(manifest.host)},
                            {"root", json_text(manifest.root)},
                            {"start", tape::utc_text(manifest.start)},
                            {"end", tape::utc_text(manifest.end)},
                            {"entries", manifest.entries},
                            {"tape_size", manifest.tape_size},
                            {"stored", totals.stored},
                            {"volumes", manifest.volumes.size()},
                            {"incomplete", lost}});
    out.text(fmt::format("{}  {}  {}  {:>10}  {:>10} entries  {}{}\n", manifest.snapshot,
                         shown_time(manifest.start), manifest.set, shown_size(totals.stored),
                         shown_count(manifest.entries), tape::shown(manifest.root),
                         lost > 0 ? fmt::format("  ({} incomplete)", lost) : ""));
  }
};

}  // namespace

void add_snapshots(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "snapshots", "List the snapshots in a store, oldest first");
  verb.alias("list");
  const auto command = std::make_shared<SnapshotsCommand>();
  verb.option("STORE", command->what, "A store").required();
  verb.option("--set", command->set, "Only this set");
  command->store_words.add_reading(verb);
  verb.footer(help_end("ragtape snapshots /mnt/backups",
                       "0 done; 1 a manifest is damaged; 2 usage; 10 no such store or set"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
