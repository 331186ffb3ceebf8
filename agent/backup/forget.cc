#include "backup/forget.h"

#include <algorithm>
#include <map>
#include <optional>

#include "store/snapshots.h"
#include "tape/error.h"
#include "tape/manifest.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;

// What lies in the folder of a snapshot, but for what is kept.
std::vector<ObjectInfo> volumes_in(ObjectStore& store,
                                   const std::string& set,
                                   const std::string& snapshot,
                                   const std::set<std::string>& kept) {
  const std::string folder = set + "/" + snapshot + "/";
  std::vector<ObjectInfo> out;
  store.list(folder, [&](const ObjectInfo& object) {
    if (object.key.starts_with(folder + set + ".tar.gz") &&
        !kept.contains(object.key.substr(set.size() + 1)))
      out.push_back(object);
  });
  return out;
}

class Forget {
 public:
  Forget(ObjectStore& store, const ForgetOptions& options) : store_(store), options_(options) {}

  ForgetReport run() {
    count_names();
    for (const std::string& id : options_.snapshots)
      must_be_there(id);
    std::set<std::string> done;
    for (const std::string& id : options_.snapshots) {
      // Named twice, it must not count twice for what it shares.
      if (!done.insert(id).second) continue;
      const auto failure = tape::failure_of([&] { one(id); });
      if (!failure) continue;
      throw Error(failure->kind(), failure->what(),
                  report_.snapshots.empty()
                      ? failure->hint()
                      : "the same command goes on with what is left of " + shown(id));
    }
    return report_;
  }

 private:
  // Who names which volume.
  void count_names() {
    for (const std::string& id : snapshots_of(store_, options_.set)) {
      std::optional<tape::Manifest> manifest;
      const auto failure =
          tape::failure_of([&] { manifest = read_manifest(store_, options_.set, id); });
      const bool going = std::find(options_.snapshots.begin(), options_.snapshots.end(), id) !=
                         options_.snapshots.end();
      if (failure && !(going && failure->kind() == ErrorKind::corrupt)) throw Error(*failure);
      if (failure) {
        damaged_.insert(id);
        continue;
      }
      for (const tape::ManifestVolume& volume : manifest->volumes)
        ++names_[volume.key];
      if (going) going_.emplace(id, std::move(*manifest));
    }
  }

  void must_be_there(const std::string& id) const {
    if (going_.contains(id) || damaged_.contains(id)) return;
    const auto unfinished = unfinished_in(store_, options_.set);
    if (std::find(unfinished.begin(), unfinished.end(), id) == unfinished.end())
      throw Error(ErrorKind::not_found,
                  "snapshot " + shown(id) + ": none of set " + shown(options_.set));
  }

  void stop_here() const {
    if (options_.check_stop) options_.check_stop();
  }

  // Without its manifest it is not there: never one that lacks a volume.
  void one(const std::string& id) {
    stop_here();
    report_.snapshots.push_back(id);
    const auto found = going_.find(id);
    const bool has_manifest = found != going_.end() || damaged_.contains(id);
    if (has_manifest && !options_.dry_run) store_.remove(manifest_key(options_.set, id));
    if (found == going_.end()) return remove_folder(id);
    for (const tape::ManifestVolume& volume : found->second.volumes) {
      if (--names_[volume.key] > 0) continue;
      stop_here();
      count(volume.size);
      if (!options_.dry_run) store_.remove(options_.set + "/" + volume.key);
    }
  }

  void remove_folder(const std::string& id) {
    std::set<std::string> kept;
    for (const auto& [key, count] : names_) {
      if (count > 0) kept.insert(key);
    }
    const bool was_unfinished = !damaged_.contains(id);
    for (const ObjectInfo& object : volumes_in(store_, options_.set, id, kept)) {
      stop_here();
      must_be_unfinished(id, was_unfinished);
      count(object.size);
      if (!options_.dry_run) store_.remove(object.key);
    }
    if (!options_.dry_run) store_.abort_uploads(options_.set + "/" + id + "/");
  }

  // A backup that was under way may have committed meanwhile.
  void must_be_unfinished(const std::string& id, bool was_unfinished) const {
    if (was_unfinished && store_.head(manifest_key(options_.set, id)))
      throw Error(ErrorKind::usage,
                  "snapshot " + shown(id) + ": has a manifest now: its backup was under way",
                  "`ragtape verify` looks whether it is whole");
  }

  void count(tape::ByteCount bytes) {
    ++report_.volumes;
    report_.bytes += bytes;
  }

  ObjectStore& store_;
  const ForgetOptions& options_;
  std::map<std::string, std::uint64_t> names_;  // key of a volume: manifests that name it
  std::map<std::string, tape::Manifest> going_;
  std::set<std::string> damaged_;  // to go, too
  ForgetReport report_;
};

}  // namespace

ForgetReport forget(ObjectStore& store, const ForgetOptions& options) {
  return Forget(store, options).run();
}

void remove_unfinished(ObjectStore& store, const std::string& set, const std::string& snapshot) {
  for (const ObjectInfo& object : volumes_in(store, set, snapshot, {}))
    store.remove(object.key);
  store.abort_uploads(set + "/" + snapshot + "/");
}

}  // namespace agent
