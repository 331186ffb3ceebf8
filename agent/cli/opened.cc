#include "cli/opened.h"

#include "cli/where.h"
#include "restore/snapshot_reader.h"
#include "store/snapshots.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {

void WhatWords::add(const Verb& verb, const std::string& help) {
  verb.option("WHAT", what, help).required();
  verb.option("--set", set, "Of a store: the set (default: the only one)");
  verb.option("--snapshot", snapshot,
              "Of a store: latest (default), or any unique beginning of an ID");
  store.add_reading(verb);
}

Opened::Opened(const WhatWords& words) {
  if (is_store(words.what)) {
    open_snapshot_of(words);
    return;
  }
  if (!words.set.empty() || !words.snapshot.empty())
    throw tape::Error(tape::ErrorKind::usage,
                      tape::shown(words.what) + ": --set and --snapshot are for stores");
  file_ = std::make_unique<OpenArchive>(words.what, words.store);
  name_ = file_->source().name();
  size_ = file_->source().size();
  archive_ = tape::within(name_, [&] { return std::make_unique<tape::Archive>(file_->source()); });
}

OpenArchive::OpenArchive(const std::string& what, const StoreWords& words) {
  if (!is_remote_archive(what)) {
    source_ = std::make_unique<tape::CountingSource>(tape::open_file_source(what), counts_);
    return;
  }
  const RemoteArchive place = parse_remote_archive(what);
  store_ = std::make_unique<OpenStore>(place.store, words, OpenStore::Access::read);
  source_ = (*store_)->open(place.key);
}

ReadFigures OpenArchive::figures() const {
  return store_ ? figures_of(store_->counts()) : figures_of(counts_);
}

void Opened::open_snapshot_of(const WhatWords& words) {
  store_ = std::make_unique<OpenStore>(words.what, words.store, OpenStore::Access::read);
  ObjectStore& store = **store_;
  const std::string set = settled_set(store, words.set);
  const std::string snapshot = settled_snapshot(store, set, words.snapshot);
  name_ = "snapshot " + snapshot + " of set " + set;
  manifest_ = read_manifest(store, set, snapshot);
  for (const tape::ManifestVolume& volume : manifest_->volumes)
    size_ += volume.size;
  archive_ = open_snapshot(store, *manifest_);
}

ReadFigures Opened::figures() const {
  return store_ ? figures_of(store_->counts()) : file_->figures();
}

}  // namespace agent
