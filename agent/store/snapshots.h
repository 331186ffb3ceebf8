// Snapshots in a store: <store>/<set>/<snapshot>/manifest.json is what makes one.
//
// Threads: any number of callers.
// Spec:    docs/format.md §5.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "store/object_store.h"
#include "tape/manifest.h"

namespace agent {

inline constexpr std::size_t kSetNameMax = 64;

// Fails: Error{usage} unless `set` is [A-Za-z0-9._-]{1,64} without a leading `.`.
void check_set_name(const std::string& set);

// YYYYMMDDTHHMMSSZ, as IDs begin.
std::string stamp_of(const tape::Timestamp& time);

// Keys.
std::string manifest_key(const std::string& set, const std::string& snapshot);
// Of a volume that a manifest names.
std::string object_key(const tape::Manifest& manifest, const tape::ManifestVolume& volume);
// Relative to <store>/<set>/, as in the manifest: of volume `number` of `count`.
std::string volume_key(const std::string& set,
                       const std::string& snapshot,
                       std::uint64_t number,
                       std::uint64_t count);

// Whether `key` is a volume's, or in a directory a temporary name beside one: nobody else's upload.
bool is_volume_upload(const std::string& key);

// README.txt says what a store is, to people, and to a run that goes on: it comes before all else.
void mark_store(ObjectStore& store);
bool is_marked(ObjectStore& store);

// Names of sets that hold anything, sorted.
std::vector<std::string> sets_in(ObjectStore& store);
// IDs of the snapshots of a set that have a manifest, oldest first.
std::vector<std::string> snapshots_of(ObjectStore& store, const std::string& set);

// Folders of snapshots without a manifest: a backup that is under way, or was given up, or what an
// interrupted forget left.
std::vector<std::string> unfinished_in(ObjectStore& store, const std::string& set);
// The snapshot that was made last, of sorted IDs that are not empty: the last one, unless it is
// dated more than a day later than now (a clock that went wrong) and there is another.
std::string latest_of(const std::vector<std::string>& ids);

// Fails: not_found; corrupt, also when it is the manifest of another snapshot.
tape::Manifest read_manifest(ObjectStore& store,
                             const std::string& set,
                             const std::string& snapshot);

// The only set when `set` is empty. Fails: not_found; usage with the list when there are several.
std::string settled_set(ObjectStore& store, const std::string& set);
// By `latest` (or nothing) or any unique beginning of its ID. Fails: not_found; usage when several
// fit.
std::string settled_snapshot(ObjectStore& store,
                             const std::string& set,
                             const std::string& snapshot);

}  // namespace agent
