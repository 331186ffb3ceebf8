#include "cli/opened.h"

#include "cli/sidecars.h"
#include "cli/where.h"
#include "restore/snapshot_reader.h"
#include "store/snapshots.h"
#include "tape/error.h"
#include "tape/files.h"
#include "tape/ragzip_decode.h"

namespace agent {
namespace {

// Of a million members some 200 MB.
constexpr tape::ByteCount kTarIndexBytesMax = tape::ByteCount{2} << 30;

constexpr const char* kByOthers =
    "a tar.gz by another program? make it readable: ragtape index, or say where its index is: "
    "--index";

bool is_gzip(const tape::RangeSource& source) {
  if (source.size() < 2) return false;
  tape::Bytes magic(2);
  source.read_at(tape::GzOffset(0), magic);
  return magic[0] == 0x1F && magic[1] == 0x8B;
}

}  // namespace

void WhatWords::add(const Verb& verb, const std::string& help) {
  verb.option("WHAT", what, help).required();
  verb.option("--set", set, "Of a store: the set (default: the only one)");
  verb.option("--snapshot", snapshot,
              "Of a store: latest (default), or any unique beginning of an ID");
  verb.option("--index", index,
              "Of a tar.gz by others: its .gzidx or .taridx, or the folder that holds both");
  store.add_reading(verb);
}

Opened::Opened(const WhatWords& words, const GlobalOptions& global) : cache_(global) {
  if (is_store(words.what)) {
    if (!words.index.empty())
      throw tape::Error(tape::ErrorKind::usage,
                        tape::shown(words.what) + ": --index is for single archives");
    open_snapshot_of(words);
    return;
  }
  if (!words.set.empty() || !words.snapshot.empty())
    throw tape::Error(tape::ErrorKind::usage, tape::shown(without_query(words.what)) +
                                                  ": --set and --snapshot are for stores");
  file_ = std::make_unique<OpenArchive>(words.what, words.store);
  file_->keep_in(cache_);
  name_ = file_->source().name();
  size_ = file_->source().size();
  open_archive(words);
}

void Opened::open_archive(const WhatWords& words) {
  if (!words.index.empty()) return open_foreign(words.index);
  if (kept_sidecars() && !tape::has_ragzip_footer(file_->source())) return open_foreign("");
  std::unique_ptr<tape::Archive> archive;
  const auto failure = tape::failure_of([&] {
    archive = tape::within(name_, [&] { return std::make_unique<tape::Archive>(file_->source()); });
  });
  if (!failure) {
    own_ = archive.get();
    members_ = std::move(archive);
    return;
  }
  const bool may_be_foreign = (failure->kind() == tape::ErrorKind::corrupt ||
                               failure->kind() == tape::ErrorKind::unsupported) &&
                              !tape::has_ragzip_footer(file_->source());
  if (!may_be_foreign) throw tape::Error(*failure);
  const auto without = tape::failure_of([&] { open_foreign(""); });
  if (!without) return;
  if (without->kind() != tape::ErrorKind::not_found) throw tape::Error(*without);
  // No sidecars: it may as well be one of ours that was cut.
  throw tape::Error(failure->kind(), failure->what(),
                    is_gzip(file_->source()) ? kByOthers : failure->hint());
}

// What `ragtape index` has put into the cache.
std::optional<Sidecars> Opened::kept_sidecars() const {
  const auto base = cache_.index_base(file_->version());
  if (!base || !tape::is_regular_file(sidecars_of(*base).gzip_index)) return std::nullopt;
  return sidecars_of(*base);
}

// `index`: as typed; empty: where `ragtape index` has put them, in the cache or beside the archive.
void Opened::open_foreign(const std::string& index) {
  std::unique_ptr<tape::RangeSource> tar_index;
  const auto take = [&](const Sidecars& names) {
    gzip_index_ = file_->file(names.gzip_index);
    tar_index = file_->file(names.tar_index);
  };
  const auto failure = tape::failure_of([&] {
    if (!index.empty()) return take(sidecars_at(index, name_));
    if (const auto kept = kept_sidecars()) return take(*kept);
    gzip_index_ = file_->beside(kGzipIndexEnding);
    tar_index = file_->beside(kTarIndexEnding);
  });
  if (failure && failure->kind() == tape::ErrorKind::not_found)
    throw tape::Error(tape::ErrorKind::not_found, failure->what(), kByOthers);
  if (failure) throw tape::Error(*failure);
  members_ = tape::within(name_, [&] {
    auto entries = tape::within(tar_index->name(), [&] {
      return tape::parse_tar_index(read_whole(*tar_index, kTarIndexBytesMax));
    });
    auto archive =
        std::make_unique<tape::ForeignArchive>(file_->source(), *gzip_index_, std::move(entries));
    foreign_ = archive.get();
    return archive;
  });
}

tape::Archive& Opened::archive() {
  if (own_ == nullptr)
    throw tape::Error(tape::ErrorKind::unsupported,
                      name_ + ": a tar.gz by others, which this verb does not know",
                      "convert makes one of ours of it");
  return *own_;
}

std::unique_ptr<tape::RangeSource> OpenArchive::file(const std::string& path) {
  return std::make_unique<tape::CountingSource>(tape::open_file_source(path), counts_);
}

std::unique_ptr<tape::RangeSource> OpenArchive::beside(const std::string& ending) {
  if (!store_) return file(what_ + ending);
  if (without_query(what_) != what_)
    throw tape::Error(tape::ErrorKind::not_found,
                      tape::shown(without_query(what_)) +
                          ": beside it nothing is looked for: a signature is for one archive");
  return (*store_)->open(parse_remote_archive(what_).key + ending);
}

OpenArchive::OpenArchive(const std::string& what, const StoreWords& words) : what_(what) {
  if (!is_remote_archive(what)) {
    source_ = file(what);
    return;
  }
  const RemoteArchive place = parse_remote_archive(what);
  store_ = std::make_unique<OpenStore>(place.store, words, OpenStore::Access::read);
  const auto found = (*store_)->head(place.key);
  if (!found)
    throw tape::Error(tape::ErrorKind::not_found, tape::shown(without_query(what)) + ": not there");
  auto watched = std::make_unique<WatchedSource>((*store_)->open_known(*found));
  watched_ = watched.get();
  source_ = std::move(watched);
  if (!found->etag.empty())
    version_ = (*store_)->identity() + "/" + place.key + " " + std::to_string(found->size) + " " +
               found->etag;
}

void OpenArchive::keep_in(RangeCache& cache) {
  if (store_) source_ = cache.around(std::move(source_), version_);
}

void WatchedSource::read_at(tape::GzOffset at, tape::MutableBytes out) const {
  const auto failure = tape::failure_of([&] { object_->read_at(at, out); });
  {
    const std::lock_guard lock(mutex_);
    failure_ = failure;
  }
  if (failure) throw tape::Error(*failure);
}

std::optional<tape::Error> WatchedSource::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::optional<tape::Error> OpenArchive::failure() const {
  return watched_ == nullptr ? std::nullopt : watched_->failure();
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
  const VolumeLayer layer = [this](std::unique_ptr<tape::RangeSource> object,
                                   const std::string& version) {
    return cache_.around(std::move(object), version);
  };
  auto archive = open_snapshot(store, *manifest_, store_->is_remote() ? layer : VolumeLayer{});
  own_ = archive.get();
  members_ = std::move(archive);
}

ReadFigures Opened::figures() const {
  return store_ ? figures_of(store_->counts()) : file_->figures();
}

}  // namespace agent
