#include "backup/run.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include <sys/random.h>
#include <unistd.h>

#include "backup/forget.h"
#include "backup/part_size.h"
#include "store/snapshots.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;

constexpr std::int64_t kYoungSeconds = 2;
constexpr unsigned kTickMicroseconds = 20'000;

tape::SnapshotOptions snapshot_options(const Source& source, const BackupOptions& options) {
  tape::SnapshotOptions out;
  out.metadata = options.source.metadata;
  out.prefix = source.scan_options.prefix;
  out.source_date_epoch = options.source.source_date_epoch;
  out.source_options = options.source.source_options;
  out.volume_size = options.volume_size;
  return out;
}

// Two snapshots of one second would have no order, whether or not the last one can be read.
void wait_for_a_later_name(const std::vector<std::string>& ids, const BackupEvents& events) {
  // Names are in the order of time, or `latest` is not the last one made.
  if (!ids.empty() && ids.back() > stamp_of({std::time(nullptr) + 1, 0}) && events.warning)
    events.warning("snapshot " + shown(ids.back()) +
                   " is dated later than now: is the clock right?");
  const auto is_of_this_second = [](const std::string& id) {
    return id.starts_with(stamp_of({std::time(nullptr), 0}));
  };
  while (std::any_of(ids.begin(), ids.end(), is_of_this_second))
    ::usleep(kTickMicroseconds);
}

// <stamp>-<8 hex>: the random part keeps two machines from one name.
std::string snapshot_name(const tape::Timestamp& start) {
  std::uint32_t random = 0;
  if (::getentropy(&random, sizeof random) != 0) throw tape::errno_error("random bytes", errno);
  char digits[16];
  std::snprintf(digits, sizeof digits, "-%08x", random);
  return stamp_of(start) + digits;
}

[[noreturn]] void refuse(const std::string& what, const std::string& hint) {
  throw Error(ErrorKind::usage, what, hint);
}

std::string text_of(const std::vector<tape::SourceOption>& options) {
  std::string out;
  for (const tape::SourceOption& option : options)
    out += (out.empty() ? "--" : " --") + option.name + (option.value.empty() ? "" : " ") +
           shown(option.value);
  return out.empty() ? "(none)" : out;
}

std::string quoted(const std::string& text) {
  return "'" + shown(text) + "'";
}

// Two trees may have one base name, and so one set unless it is typed.
void must_be_the_tree_of(const JournalRun& was, const JournalRun& is) {
  if (was.root == is.root && was.host == is.host) return;
  refuse("an interrupted run of set " + shown(was.set) + " is of " + shown(was.root) + " of host " +
             shown(was.host) + ", this one of " + shown(is.root) + " of host " + shown(is.host),
         "choose another --set for this one; --set " + shown(was.set) +
             " --restart gives that run up");
}

// An interrupted run is continued by the same command, and by no other.
void must_continue(const JournalRun& was, const JournalRun& is, const std::string& journal) {
  const auto differ = [&](const char* what, const std::string& then, const std::string& now) {
    refuse("an interrupted run of set " + shown(was.set) + " had " + what + " " + then +
               ", this one has " + now,
           "run the same command to continue it, or give it up with --restart");
  };
  if (was.store != is.store || was.set != is.set)
    throw Error(
        ErrorKind::corrupt,
        shown(journal) + ": it belongs to set " + shown(was.set) + " in " + shown(was.store),
        "--restart gives it up");
  must_be_the_tree_of(was, is);
  const tape::SnapshotOptions& then = was.options;
  const tape::SnapshotOptions& now = is.options;
  const auto name = [](tape::Metadata m) {
    return std::string(m == tape::Metadata::full ? "full" : "portable");
  };
  if (then.metadata != now.metadata) differ("--metadata", name(then.metadata), name(now.metadata));
  if (then.prefix != now.prefix) differ("the prefix", quoted(then.prefix), quoted(now.prefix));
  if (then.volume_size != now.volume_size)
    differ("--volume-size", std::to_string(then.volume_size), std::to_string(now.volume_size));
  if (then.source_date_epoch != now.source_date_epoch)
    refuse("an interrupted run of set " + shown(was.set) + " had another SOURCE_DATE_EPOCH",
           "run the same command to continue it, or give it up with --restart");
  if (then.source_options != now.source_options)
    differ("the exclude options", text_of(then.source_options), text_of(now.source_options));
}

// Whether an entry could have been written to again, after that scan, within one tick of its clock.
// A ctime cannot be set: one in the future is a clock that goes ahead. An mtime can, and then says
// nothing.
bool was_young(tape::Catalog& catalog, std::int64_t start) {
  const auto cursor = catalog.entries_from(tape::TapeOffset(0));
  while (const auto entry = cursor->next()) {
    const std::int64_t mtime = entry->source.mtime.seconds;
    if (entry->source.ctime.seconds >= start - kYoungSeconds ||
        (mtime >= start - kYoungSeconds && mtime <= start + kYoungSeconds))
      return true;
  }
  return false;
}

bool nothing_changed(const tape::Manifest& last,
                     tape::Catalog& catalog,
                     const tape::SnapshotOptions& options) {
  const tape::ManifestTotals& totals = last.totals;
  return last.options == options && last.state == catalog.summary().state &&
         totals.omitted + totals.torn + totals.grew + totals.changed == 0 &&
         !was_young(catalog, last.start.seconds);
}

// Killed between its manifest and its last step: that snapshot is made, this run is a new one.
bool is_committed(ObjectStore& store, Journal& journal) {
  const JournalRun& run = journal.run();
  return store.identity() == run.store && store.head(manifest_key(run.set, run.snapshot));
}

// Whoever put it may have been killed before that was on disk.
void make_durable(ObjectStore& store, const std::string& key) {
  static_cast<void>(
      store.put(key, store.get(key, tape::kManifestSizeMax), ObjectStore::Put::if_absent));
}

// Ends what nobody goes on from. A snapshot that has its manifest is made, and stays; else what the
// run has in the store goes, its volumes and open uploads. Killed on the way, the next run does it.
void finish(ObjectStore& store, Journal& journal) {
  const JournalRun& run = journal.run();
  if (is_committed(store, journal)) return make_durable(store, manifest_key(run.set, run.snapshot));
  journal.give_up();
  remove_unfinished(store, run.set, run.snapshot);
}

// --restart.
void give_up(const BackupContext& context, const JournalRun& now) {
  ObjectStore& store = context.store;
  const SetFolder& folder = context.folder;
  const auto failure = tape::failure_of([&] {
    const auto journal = Journal::open(folder.journal());
    if (!journal || journal->run().store != now.store || journal->run().set != now.set) return;
    if (!context.options.set_typed) must_be_the_tree_of(journal->run(), now);
    finish(store, *journal);
  });
  // A damaged journal is given up too, but what it held in the store is not known.
  if (failure && failure->kind() != ErrorKind::corrupt && failure->kind() != ErrorKind::unsupported)
    throw Error(*failure);
  if (failure && context.events.warning) {
    for (const std::string& id : unfinished_in(store, now.set))
      context.events.warning(
          shown(id) +
          ": has no manifest, and the journal that could say why is damaged; "
          "unless another machine's backup is under way there, `ragtape forget --snapshot " +
          id + "` removes it");
  }
  remove_journal(folder.journal());
}

// The newest one that can be read; `damaged`: there is a newer one.
std::optional<tape::Manifest> last_manifest(const BackupContext& context,
                                            const std::vector<std::string>& ids,
                                            bool& damaged) {
  std::vector<std::string> left = ids;
  for (; !left.empty(); std::erase(left, latest_of(left))) {
    const std::string id = latest_of(left);
    std::optional<tape::Manifest> out;
    const auto failure =
        tape::failure_of([&] { out = read_manifest(context.store, context.options.set, id); });
    if (out) return out;
    if (failure->kind() == ErrorKind::not_found) continue;  // forgotten meanwhile
    // A bad sector in it must not end all backups.
    if (failure->kind() != ErrorKind::corrupt && failure->kind() != ErrorKind::unsupported &&
        failure->kind() != ErrorKind::io)
      throw Error(*failure);
    damaged = true;
    if (context.events.warning) context.events.warning(failure->what());
  }
  return std::nullopt;
}

// Every offset of the tape is known, so is every cut.
void plan(BackupRun& run, const BackupContext& context) {
  const BackupOptions& options = context.options;
  run.plan = tape::VolumePlan::fixed(run.catalog->summary().tape_size, options.volume_size,
                                     options.ragzip.page_bits);
  run.part_size = part_size_for(
      *run.catalog, run.plan, options.ragzip,
      {options.part_size, context.store.part_count_max(), context.store.part_size_min()});
}

// An unmounted disk is an empty folder, and to go on there would lose what was sent.
void must_be_the_store(ObjectStore& store, const JournalRun& run) {
  if (is_marked(store)) return;
  bool empty = true;
  store.list(run.set + "/" + run.snapshot + "/", [&](const ObjectInfo&) { empty = false; });
  if (!empty) return;
  throw Error(ErrorKind::transient,
              shown(store.name()) + ": nothing of the interrupted run is there: is this the store?",
              "when it is back, the same command continues; --restart gives that run up");
}

BackupRun continued(std::unique_ptr<Journal> journal,
                    const BackupContext& context,
                    const JournalRun& now,
                    bool single_file) {
  const SetFolder& folder = context.folder;
  BackupRun run;
  must_continue(journal->run(), now, folder.journal());
  must_be_the_store(context.store, journal->run());
  const auto failure = tape::failure_of([&] {
    run.catalog = tape::Catalog::open(folder.tape());
    run.catalog->check();
  });
  const bool lost = failure && (failure->kind() == ErrorKind::corrupt ||
                                failure->kind() == ErrorKind::unsupported ||
                                failure->kind() == ErrorKind::not_found);
  if (failure)
    throw Error(lost ? ErrorKind::corrupt : failure->kind(),
                std::string("the tape of the interrupted run: ") + failure->what(),
                lost ? "--restart gives that run up" : failure->hint());
  if (run.catalog->summary().single_file != single_file)
    refuse(shown(now.root) + ": is of another kind than when the interrupted run scanned it",
           "give that run up with --restart");
  if (run.catalog->summary().fingerprint != journal->run().fingerprint)
    throw Error(ErrorKind::corrupt,
                shown(folder.tape()) + ": it is not the tape of the interrupted run",
                "--restart gives that run up");
  run.journal = std::move(journal);
  run.resumed = true;
  plan(run, context);
  return run;
}

// A set is of one tree on one host, unless somebody says otherwise.
void must_be_of(const tape::Manifest& last, const JournalRun& now) {
  if (last.host == now.host && last.root == now.root) return;
  refuse("set " + shown(now.set) + " holds " + shown(last.root) + " of host " + shown(last.host) +
             ", this is " + shown(now.root) + " of host " + shown(now.host),
         "choose another --set, or type --set " + shown(now.set) + " to go on with it");
}

std::unique_ptr<Journal> new_journal(tape::Catalog& catalog,
                                     const SetFolder& folder,
                                     JournalRun run) {
  catalog.check();
  const tape::CatalogSummary& facts = catalog.summary();
  run.snapshot = snapshot_name(facts.started);
  run.fingerprint = facts.fingerprint;
  run.tape_size = facts.tape_size;
  return Journal::create(folder.journal(), run);
}

}  // namespace

BackupRun open_run(const BackupContext& context, Source& source) {
  const auto& [store, folder, options, events] = context;
  JournalRun now;
  now.store = store.identity();
  now.set = options.set;
  now.host = options.host;
  now.root = source.tree.root;
  now.options = snapshot_options(source, options);
  if (auto journal = options.restart ? nullptr : Journal::open(folder.journal())) {
    if (!is_committed(store, *journal) && !journal->is_given_up())
      return continued(std::move(journal), context, now, source.tree.single_file);
    if (!options.dry_run) {
      finish(store, *journal);
      journal.reset();
      remove_journal(folder.journal());
    }
  }

  bool damaged = false;
  const auto ids = snapshots_of(store, options.set);
  const auto last = last_manifest(context, ids, damaged);
  if (last && !options.set_typed) must_be_of(*last, now);
  if (options.restart && !options.dry_run) give_up(context, now);
  if (!options.dry_run) wait_for_a_later_name(ids, events);
  BackupRun run;
  folder.sweep();
  source.scan_options.progress = events.scanned;
  const tape::CatalogPlace place = {tape::temporary_name(folder.path()),
                                    options.dry_run ? "" : folder.tape(), true};
  run.catalog = tape::scan(*source.tree.tree, place, source.scan_options);
  plan(run, context);
  if (last && !damaged && nothing_changed(*last, *run.catalog, now.options))
    run.unchanged = last->snapshot;
  if (run.unchanged.empty() && !options.dry_run) {
    mark_store(store);
    run.journal = new_journal(*run.catalog, folder, std::move(now));
  }
  return run;
}

}  // namespace agent
