#include "backup/stale_uploads.h"

#include <algorithm>
#include <map>

#include "backup/journal.h"
#include "backup/set_folder.h"
#include "store/snapshots.h"
#include "tape/error.h"

namespace agent {
namespace {

// What runs on this machine go on with, however old it is.
class RunsHere {
 public:
  RunsHere(std::string state, std::string store)
      : state_(std::move(state)), store_(std::move(store)) {}

  bool continue_with(const std::string& key) {
    const std::string set = key.substr(0, key.find('/'));
    auto found = kept_.find(set);
    if (found == kept_.end()) found = kept_.emplace(set, kept_of(set)).first;
    return !found->second.empty() && key.starts_with(found->second);
  }

 private:
  // A prefix of keys; empty: none is kept.
  std::string kept_of(const std::string& set) const {
    if (state_.empty() || !SetFolder::is_there(state_, store_, set)) return "";
    const auto folder = SetFolder::lock(state_, store_, set);
    if (!folder) return set + "/";  // it is under way
    std::string out;
    const auto failure = tape::failure_of([&] {
      const auto journal = Journal::open(folder->journal());
      if (journal && !journal->is_given_up()) out = set + "/" + journal->run().snapshot + "/";
    });
    return failure ? set + "/" : out;
  }

  const std::string state_;
  const std::string store_;
  std::map<std::string, std::string> kept_;  // by set
};

// A run that takes long, perhaps of another machine, still sends.
bool is_alive(ObjectStore& store, const std::string& folder, std::int64_t bound) {
  bool alive = false;
  store.list(folder, [&](const ObjectInfo& object) {
    // One whose age the store does not tell is young.
    alive = alive || object.modified.value_or(bound + 1) > bound;
  });
  const std::vector<UploadInfo> uploads =
      alive ? std::vector<UploadInfo>() : store.list_uploads(folder);
  return alive || std::any_of(uploads.begin(), uploads.end(),
                              [&](const UploadInfo& upload) { return upload.begun > bound; });
}

}  // namespace

std::vector<UploadInfo> remove_stale_uploads(ObjectStore& store,
                                             const Clock& clock,
                                             const StaleOptions& options) {
  const std::int64_t bound =
      Clock::Time::clock::to_time_t(clock.now()) - options.older_than.count();
  RunsHere runs(options.state, store.identity());
  std::vector<UploadInfo> out;
  for (const UploadInfo& upload :
       store.list_uploads(options.set.empty() ? "" : options.set + "/")) {
    if (upload.begun > bound || !is_volume_upload(upload.key) || runs.continue_with(upload.key))
      continue;
    if (options.check_stop) options.check_stop();
    if (!options.dry_run) store.abort_upload(upload.key, upload.upload);
    if (options.gone) options.gone(upload);
    out.push_back(upload);
  }
  return out;
}

std::vector<std::string> stale_snapshots(ObjectStore& store,
                                         const Clock& clock,
                                         const StaleOptions& options) {
  const std::int64_t bound =
      Clock::Time::clock::to_time_t(clock.now()) - options.older_than.count();
  const std::string stamp = stamp_of({bound, 0});
  RunsHere runs(options.state, store.identity());
  std::vector<std::string> out = unfinished_in(store, options.set);
  std::erase_if(out, [&](const std::string& id) {
    const std::string folder = options.set + "/" + id + "/";
    return id.compare(0, stamp.size(), stamp) > 0 || runs.continue_with(folder) ||
           is_alive(store, folder, bound);
  });
  return out;
}

}  // namespace agent
