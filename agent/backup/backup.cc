#include "backup/backup.h"

#include "backup/commit.h"
#include "backup/outcomes.h"
#include "backup/part_size.h"
#include "backup/run.h"
#include "backup/volume_run.h"
#include "store/listing.h"
#include "store/snapshots.h"
#include "tape/error.h"
#include "tape/volume_plan.h"

namespace agent {
namespace {

constexpr int kPageBitsMax = 24;  // what a page leaves behind a cut is a value in the journal

// Volumes that earlier runs have finished, and where the next one begins.
std::uint64_t first_volume(Journal& journal) {
  const auto point = journal.checkpoint();
  return point ? point->volume : 0;
}

// Where the stream goes on: nothing in front of it is needed of the source any more.
tape::TapeOffset resume_point(Journal& journal) {
  const auto point = journal.checkpoint();
  const auto row = journal.volume(point ? point->volume : 0);
  if (row && row->phase == VolumeRow::Phase::closing)
    return tape::decode_position(row->next_position).at;
  return point ? tape::decode_position(point->position).at : tape::TapeOffset(0);
}

std::string whole_key(const std::string& set, const std::string& key) {
  return std::string(set).append("/").append(key);
}

// Of a run that goes on from a copy of a state folder there may be another one, which was faster: a
// volume that its manifest names is not replaced.
std::function<void()> must_not_be_committed(const BackupContext& context,
                                            const std::string& snapshot) {
  return [&context, key = manifest_key(context.options.set, snapshot)] {
    if (!context.store.head(key)) return;
    throw tape::Error(tape::ErrorKind::object_changed,
                      tape::shown(context.store.name() + "/" + key) +
                          ": another run has committed this snapshot meanwhile",
                      "was the state folder copied? --restart begins another snapshot");
  };
}

// One volume after another, from where the journal says.
void send_volumes(const BackupContext& context,
                  const BackupRun& run,
                  tape::SourceTree& tree,
                  BackupSummary& summary) {
  const BackupOptions& options = context.options;
  Journal& journal = *run.journal;
  tape::TapeStream stream(*run.catalog, tree, nullptr, options.on_change);
  Outcomes outcomes(journal, context.events.warning);
  const auto progress = [&](tape::ByteCount sent) {
    if (context.events.played)
      context.events.played(stream.position().value(), stream.size(), summary.bytes_sent + sent,
                            stream.current());
  };
  const VolumeContext shared{
      {context.store, journal, options.upload_workers},
      context.folder,
      stream,
      outcomes,
      options.ragzip,
      options.source.metadata,
      run.part_size,
      progress,
      run.resumed ? must_not_be_committed(context, summary.snapshot) : std::function<void()>()};
  const std::uint64_t first = first_volume(journal);
  for (std::uint64_t number = first; number < run.plan.count(); ++number) {
    const std::string key = volume_key(options.set, summary.snapshot, number, run.plan.count());
    const bool in_process = number > first || !journal.checkpoint();
    const VolumeReport report = send_volume(
        shared, {number, run.plan.slice(number), whole_key(options.set, key), in_process});
    summary.bytes_sent += report.counts.sent;
    summary.bytes_sent_again += report.counts.sent_again;
    summary.bytes_read_again += report.bytes_read_again;
    if (context.events.volume)
      context.events.volume(manifest_volume(report.row, run.plan.slice(number), key));
  }
  summary.bytes_read_again += stream.read_again();
}

// Hints: the snapshot is made, with them or without.
void keep_listing(const BackupContext& context) {
  const auto failure = tape::failure_of([&] { write_listing(context.store, context.options.set); });
  if (failure && context.events.warning)
    context.events.warning(std::string("the listing was not written: ") + failure->what());
}

}  // namespace

std::string default_set(const std::string& host, const std::string& root) {
  const std::string base = root == "/" ? "root" : root.substr(root.rfind('/') + 1);
  std::string out;
  std::string name = host;
  for (const char c : name.append("-").append(base)) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    out += plain ? c : '-';
  }
  if (out.front() == '.') out.front() = '-';
  return out.substr(0, kSetNameMax);
}

void check_options(const BackupOptions& options) {
  tape::check_options(options.ragzip);
  if (options.ragzip.page_bits > kPageBitsMax)
    throw tape::Error(tape::ErrorKind::usage, "--page-size: at most 16MiB for a backup");
  check_part_size(options.part_size);
  static_cast<void>(tape::VolumePlan::fixed(1, options.volume_size, options.ragzip.page_bits));
  if (options.source.prefix) tape::check_prefix(*options.source.prefix);
  tape::check_source_options(options.source.source_options);
}

BackupSummary backup(const BackupContext& context) {
  const BackupOptions& options = context.options;
  Source source(options.source);
  source.scan_options.own_files = options.own_files;

  // Scan and plan; or open what an interrupted run left. Every offset of the tape is known then,
  // and so is every cut.
  BackupRun run = open_run(context, source);
  BackupSummary summary;
  summary.set = options.set;
  summary.catalog = run.catalog->summary();
  summary.snapshot = run.journal ? run.journal->run().snapshot : run.unchanged;
  if (context.events.sealed) context.events.sealed(*run.catalog);
  summary.volumes = run.plan.count();
  if (run.resumed) {
    must_hold_volumes(context.store, *run.journal, run.plan);
    summary.bytes_resumed_at = resume_point(*run.journal).value();
  }
  if (options.dry_run || !run.journal) {
    summary.outcome =
        run.unchanged.empty() ? BackupSummary::Outcome::dry_run : BackupSummary::Outcome::unchanged;
    return summary;
  }

  // Play, page, cut, upload.
  const auto failure =
      tape::failure_of([&] { send_volumes(context, run, *source.tree.tree, summary); });
  if (failure && failure->kind() == tape::ErrorKind::source_changed)
    throw tape::Error(failure->kind(), failure->what(),
                      options.on_change == tape::OnChange::stop
                          ? "--restart scans again; --on-change mark goes on"
                          : "--restart scans again");
  if (failure) throw tape::Error(*failure);

  // Commit.
  summary.totals = commit(context.store, *run.journal, *run.catalog, run.plan).totals;
  run.journal.reset();
  remove_journal(context.folder.journal());
  if (options.listing) keep_listing(context);
  return summary;
}

}  // namespace agent
