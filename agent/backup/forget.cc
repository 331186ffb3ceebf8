#include "backup/forget.h"

#include <algorithm>
#include <map>
#include <optional>

#include "backup/journal.h"
#include "store/listing.h"
#include "store/snapshots.h"
#include "tape/error.h"
#include "tape/manifest.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;

// In one request, where the store can; then a signal is heard.
constexpr std::size_t kDeletedAtOnce = 500;

// What lies in the folder of a snapshot, but for what is kept.
std::vector<ObjectInfo> volumes_in(ObjectStore& store,
                                   const std::string& set,
                                   const std::string& snapshot,
                                   const std::set<std::string>& kept) {
  const std::string folder = set + "/" + snapshot + "/";
  std::vector<ObjectInfo> out;
  store.list(folder, [&](const ObjectInfo& object) {
    const bool is_there = object.key.find('/', folder.size()) == std::string::npos;
    if (is_there && object.key.starts_with(folder + set + ".tar.gz") &&
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
      if (!done.insert(id).second || is_gone(id)) continue;
      const auto failure = tape::failure_of([&] { one(id); });
      if (failure && begun_ && failure->kind() != ErrorKind::usage)
        throw Error(failure->kind(), failure->what(),
                    "what is left of it goes with " + command(id));
      if (failure) throw Error(*failure);
      if (options_.gone && !options_.dry_run) options_.gone(id);
    }
    for (const std::string& id : options_.unfinished) {
      if (!done.insert(id).second || store_.head(manifest_key(options_.set, id))) continue;
      one(id);
      if (options_.gone && !options_.dry_run) options_.gone(id);
    }
    return report_;
  }

 private:
  // By its whole name: another would be another one's by now.
  std::string command(const std::string& id) const {
    return "`ragtape forget " + shown(store_.name()) + " --set " + options_.set + " --snapshot " +
           id + "`";
  }

  // Who names which volume.
  void count_names() {
    for (const std::string& id : snapshots_of(store_, options_.set)) {
      std::optional<tape::Manifest> manifest;
      const auto failure =
          tape::failure_of([&] { manifest = read_manifest(store_, options_.set, id); });
      const bool going = std::find(options_.snapshots.begin(), options_.snapshots.end(), id) !=
                         options_.snapshots.end();
      if (failure && failure->kind() == ErrorKind::not_found) continue;  // gone meanwhile
      const bool damaged =
          failure && (failure->kind() == ErrorKind::corrupt || failure->kind() == ErrorKind::io);
      if (failure && !(going && damaged)) throw Error(*failure);
      if (failure) {
        damaged_.insert(id);
        continue;
      }
      for (const tape::ManifestVolume& volume : manifest->volumes)
        ++names_[volume.key];
      if (going) going_.emplace(id, std::move(*manifest));
    }
  }

  // Of those that may be: what it left is its own deleter's.
  bool is_gone(const std::string& id) const {
    return options_.may_be_gone && !going_.contains(id) && !damaged_.contains(id);
  }

  void must_be_there(const std::string& id) const {
    if (going_.contains(id) || damaged_.contains(id) || options_.may_be_gone) return;
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
    begun_ = false;
    stop_here();
    begun_ = true;
    report_.snapshots.push_back(id);
    if (!options_.dry_run) drop_journal_of(id);
    const auto found = going_.find(id);
    const bool has_manifest = found != going_.end() || damaged_.contains(id);
    if (has_manifest && !options_.dry_run) store_.remove(manifest_key(options_.set, id));
    if (found == going_.end()) return remove_folder(id);
    std::vector<std::string> keys;
    for (const tape::ManifestVolume& volume : found->second.volumes) {
      if (--names_[volume.key] > 0) continue;
      count(volume.size);
      keys.push_back(options_.set + "/" + volume.key);
      if (keys.size() == kDeletedAtOnce) remove_now(keys);
    }
    remove_now(keys);
  }

  void remove_now(std::vector<std::string>& keys) const {
    stop_here();
    if (!options_.dry_run) store_.remove_all(keys);
    keys.clear();
  }

  // A run that would go on there, or look for what it has made, must not. What a damaged journal is
  // of nobody knows.
  void drop_journal_of(const std::string& id) const {
    if (options_.folder == nullptr) return;
    bool is_of_it = false;
    const auto failure = tape::failure_of([&] {
      const auto journal = Journal::open(options_.folder->journal());
      is_of_it = journal && journal->run().snapshot == id;
    });
    if (failure && failure->kind() != ErrorKind::corrupt &&
        failure->kind() != ErrorKind::unsupported)
      throw Error(*failure);
    if (is_of_it) remove_journal(options_.folder->journal());
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
    if (options_.dry_run) return;
    must_be_unfinished(id, was_unfinished);
    store_.abort_uploads(options_.set + "/" + id + "/");
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
  bool begun_ = false;             // something of the current one may be gone
  ForgetReport report_;
};

}  // namespace

ForgetReport forget(ObjectStore& store, const ForgetOptions& options) {
  ForgetReport report = Forget(store, options).run();
  // A listing that somebody keeps there names what is gone.
  if (!options.dry_run && store.head(snapshots_key(options.set))) write_listing(store, options.set);
  return report;
}

void remove_unfinished(ObjectStore& store, const std::string& set, const std::string& snapshot) {
  std::vector<std::string> keys;
  for (const ObjectInfo& object : volumes_in(store, set, snapshot, {}))
    keys.push_back(object.key);
  store.remove_all(keys);
  store.abort_uploads(set + "/" + snapshot + "/");
}

}  // namespace agent
