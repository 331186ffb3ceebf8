#include "backup/commit.h"

#include <algorithm>
#include <ctime>
#include <map>

#include "backup/outcomes.h"
#include "store/snapshots.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;

void count(tape::ManifestTotals& totals, tape::Outcome outcome) {
  switch (outcome) {
    case tape::Outcome::as_recorded:
      return;
    case tape::Outcome::changed:
      ++totals.changed;
      return;
    case tape::Outcome::grew:
      ++totals.grew;
      return;
    case tape::Outcome::torn:
      ++totals.torn;
      return;
    case tape::Outcome::omitted:
      ++totals.omitted;
      return;
  }
}

// Everything but the volumes.
tape::Manifest manifest_of(const JournalRun& run, tape::Catalog& catalog, Journal& journal) {
  const tape::CatalogSummary& facts = catalog.summary();
  tape::Manifest out;
  out.set = run.set;
  out.snapshot = run.snapshot;
  out.host = run.host;
  out.root = run.root;
  out.options = run.options;
  out.start = facts.started;
  out.end = {std::time(nullptr), 0};
  out.tape_size = facts.tape_size;
  out.entries = facts.entries;
  out.fingerprint = facts.fingerprint;
  out.state = facts.state;
  out.totals.problems = facts.problems;
  tape::ByteCount listed = 0;
  const auto list = [&](const std::string& path, const std::string& outcome,
                        const std::string& why) {
    listed += path.size() + why.size();
    if (out.warnings.size() < tape::kManifestWarningsMax && listed < tape::kManifestWarningBytesMax)
      out.warnings.push_back({path, outcome, why});
  };
  catalog.each_problem(
      [&](const std::string& path, const std::string& why) { list(path, "problem", why); });
  for (const OutcomeRow& row : journal.outcomes()) {
    count(out.totals, row.outcome);
    list(row.path, name_of(row.outcome), row.why);
  }
  return out;
}

// Whatever is in the store counts from here on.
void put_manifest(ObjectStore& store, const tape::Manifest& manifest) {
  const std::string key = manifest_key(manifest.set, manifest.snapshot);
  const std::string text = tape::encode_manifest(manifest);
  if (store.put(key, tape::as_bytes(text), ObjectStore::Put::if_absent)) return;
  // Committed by an interrupted run that could not say so; or by another one that went on from a
  // copy of the same state, with volumes of its own under these names.
  const tape::Manifest there = read_manifest(store, manifest.set, manifest.snapshot);
  const bool same = there.fingerprint == manifest.fingerprint &&
                    std::equal(there.volumes.begin(), there.volumes.end(), manifest.volumes.begin(),
                               manifest.volumes.end(),
                               [](const tape::ManifestVolume& a, const tape::ManifestVolume& b) {
                                 return a.key == b.key && a.size == b.size && a.digest == b.digest;
                               });
  if (!same)
    throw Error(ErrorKind::object_changed,
                tape::shown(store.name() + "/" + key) + ": is there, and not ours",
                "was the state folder copied, and the backup continued twice? `ragtape verify` "
                "looks whether that snapshot is whole; --restart begins another one");
}

}  // namespace

tape::ManifestVolume manifest_volume(const VolumeRow& row,
                                     tape::TapeRange slice,
                                     const std::string& key) {
  tape::ManifestVolume out;
  out.key = key;
  out.tape_offset = slice.begin;
  out.tape_size = slice.size;
  out.size = row.summary.size;
  out.tail_offset = row.summary.tail_offset;
  out.inner_offset = row.summary.inner_offset;
  out.etag = row.etag;
  out.tape_xxh3 = row.summary.slice_hash;
  out.part_size = row.part_size;
  out.digest = row.digest;
  out.codec = row.codec;
  out.records = row.summary.records;
  out.first_path = row.summary.first_path;
  return out;
}

void must_hold_volumes(ObjectStore& store, Journal& journal, const tape::VolumePlan& plan) {
  const JournalRun& run = journal.run();
  std::map<std::string, ObjectInfo> objects;
  store.list(run.set + "/" + run.snapshot + "/",
             [&](const ObjectInfo& object) { objects[object.key] = object; });
  for (std::uint64_t number = 0; number < plan.count(); ++number) {
    const auto row = journal.volume(number);
    if (!row || row->phase != VolumeRow::Phase::done) return;
    const std::string key = run.set + "/" + volume_key(run.set, run.snapshot, number, plan.count());
    const auto found = objects.find(key);
    // A store may have no ETags, or none in its lists.
    const bool same =
        found != objects.end() && found->second.size == row->summary.size &&
        (found->second.etag.empty() || row->etag.empty() || found->second.etag == row->etag);
    if (same) continue;
    throw Error(ErrorKind::corrupt,
                tape::shown(store.name() + "/" + key) +
                    ": the store no longer holds this volume, which was sent",
                "--restart begins a new snapshot");
  }
}

tape::Manifest commit(ObjectStore& store,
                      Journal& journal,
                      tape::Catalog& catalog,
                      const tape::VolumePlan& plan) {
  const JournalRun& run = journal.run();
  tape::Manifest manifest = manifest_of(run, catalog, journal);
  for (std::uint64_t number = 0; number < plan.count(); ++number) {
    const auto row = journal.volume(number);
    if (!row || row->phase != VolumeRow::Phase::done)
      throw Error(ErrorKind::corrupt,
                  "journal: volume " + std::to_string(number) + " is not there");
    manifest.volumes.push_back(manifest_volume(
        *row, plan.slice(number), volume_key(run.set, run.snapshot, number, plan.count())));
    manifest.totals.stored += row->summary.size;
  }
  must_hold_volumes(store, journal, plan);
  // What killed runs of this snapshot left there, and no journal knows.
  tidy([&] { store.abort_uploads(run.set + "/" + run.snapshot + "/"); });
  put_manifest(store, manifest);
  // A forget on another machine may have taken this for a run that nobody continues.
  const auto failure = tape::failure_of([&] { must_hold_volumes(store, journal, plan); });
  if (failure && failure->kind() == ErrorKind::corrupt)
    store.remove(manifest_key(run.set, run.snapshot));
  if (failure) throw Error(*failure);
  return manifest;
}

}  // namespace agent
