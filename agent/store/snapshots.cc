#include "store/snapshots.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <optional>

#include "tape/error.h"

namespace agent {
namespace {

constexpr const char* kReadmeKey = "README.txt";
constexpr const char* kReadme =
    "Backups made by Ragtape (https://github.com/ragtape). Each folder SET/SNAPSHOT/ is one.\n"
    "\n"
    "To restore all of it with nothing but tar and gzip:\n"
    "\n"
    "    cat SET/SNAPSHOT/*.tar.gz* | tar -xzpf - -C TARGET\n"
    "\n"
    "(as root for owners). With ragtape, also single files:\n"
    "\n"
    "    ragtape ls STORE\n"
    "    ragtape restore STORE [PATH...] --to TARGET\n"
    "\n"
    "A snapshot is complete when its folder holds manifest.json, which lists its volumes with\n"
    "their sizes and SHA-256. Do not rename or change the files.\n";

using tape::Error;
using tape::ErrorKind;
using tape::shown;

bool is_set_name(const std::string& set) {
  return !set.empty() && set.size() <= kSetNameMax && set.front() != '.' &&
         std::all_of(set.begin(), set.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

// YYYYMMDDTHHMMSSZ-<8 hex>: somebody's copy of a snapshot under another name is none.
bool is_snapshot_name(const std::string& id) {
  constexpr std::string_view kShape = "ddddddddTddddddZ-xxxxxxxx";
  if (id.size() != kShape.size()) return false;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = id[i] >= '0' && id[i] <= '9';
    const bool fits = kShape[i] == 'd'   ? digit
                      : kShape[i] == 'x' ? digit || (id[i] >= 'a' && id[i] <= 'f')
                                         : id[i] == kShape[i];
    if (!fits) return false;
  }
  return true;
}

// All that have the name of one, sorted.
std::vector<std::string> snapshot_folders(ObjectStore& store, const std::string& set) {
  std::vector<std::string> out = store.folders(set + "/");
  std::erase_if(out, [](const std::string& id) { return !is_snapshot_name(id); });
  return out;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names)
    out += (out.empty() ? "" : ", ") + shown(name);
  return out;
}

}  // namespace

bool is_volume_upload(const std::string& key) {
  const std::size_t first = key.find('/');
  const std::size_t second = first == std::string::npos ? first : key.find('/', first + 1);
  if (second == std::string::npos || key.find('/', second + 1) != std::string::npos) return false;
  const std::string set = key.substr(0, first);
  const std::string name = key.substr(second + 1);
  return is_set_name(set) && is_snapshot_name(key.substr(first + 1, second - first - 1)) &&
         (name.starts_with(".part-") || name == set + ".tar.gz" ||
          name.starts_with(set + ".tar.gz."));
}

void mark_store(ObjectStore& store) {
  static_cast<void>(store.put(kReadmeKey, tape::as_bytes(kReadme), ObjectStore::Put::if_absent));
}

bool is_marked(ObjectStore& store) {
  return store.head(kReadmeKey).has_value();
}

void check_set_name(const std::string& set) {
  if (!is_set_name(set))
    throw Error(ErrorKind::usage, "--set " + shown(set) +
                                      ": 1 to 64 of A-Z a-z 0-9 . _ - expected, the first no `.`");
}

std::string manifest_key(const std::string& set, const std::string& snapshot) {
  return set + "/" + snapshot + "/manifest.json";
}

std::string object_key(const tape::Manifest& manifest, const tape::ManifestVolume& volume) {
  return std::string(manifest.set).append("/").append(volume.key);
}

std::string volume_key(const std::string& set,
                       const std::string& snapshot,
                       std::uint64_t number,
                       std::uint64_t count) {
  std::string key = snapshot + "/" + set + ".tar.gz";
  if (count == 1) return key;
  char digits[24];
  std::snprintf(digits, sizeof digits, ".%05llu", static_cast<unsigned long long>(number));
  return key + digits;
}

std::vector<std::string> sets_in(ObjectStore& store) {
  std::vector<std::string> out = store.folders("");
  std::erase_if(out, [](const std::string& name) { return !is_set_name(name); });
  return out;
}

// One list, whose pages hold a thousand keys, rather than a question for each snapshot.
std::vector<std::string> snapshots_of(ObjectStore& store, const std::string& set) {
  std::vector<std::string> out;
  const std::string front = set + "/";
  store.list(front, [&](const ObjectInfo& object) {
    const std::string id =
        object.key.substr(front.size(), object.key.find('/', front.size()) - front.size());
    if (is_snapshot_name(id) && object.key == manifest_key(set, id)) out.push_back(id);
  });
  return out;
}

std::vector<std::string> unfinished_in(ObjectStore& store, const std::string& set) {
  const std::vector<std::string> made = snapshots_of(store, set);
  std::vector<std::string> out = snapshot_folders(store, set);
  std::erase_if(
      out, [&](const std::string& id) { return std::binary_search(made.begin(), made.end(), id); });
  return out;
}

std::string latest_of(const std::vector<std::string>& ids) {
  constexpr std::int64_t kDay = 86'400;
  const std::string bound = stamp_of({std::time(nullptr) + kDay, 0});
  const auto later = std::find_if(ids.begin(), ids.end(), [&](const std::string& id) {
    return id.compare(0, bound.size(), bound) > 0;
  });
  return later == ids.begin() ? ids.back() : *(later - 1);
}

// YYYYMMDDTHHMMSSZ.
std::string stamp_of(const tape::Timestamp& time) {
  std::string out;
  for (const char c : tape::utc_text(time)) {
    if (c != '-' && c != ':') out += c;
  }
  return out;
}

tape::Manifest read_manifest(ObjectStore& store,
                             const std::string& set,
                             const std::string& snapshot) {
  const std::string key = manifest_key(set, snapshot);
  const std::string name = store.name() + "/" + key;
  std::optional<tape::Manifest> out;
  const auto failure = tape::failure_of([&] {
    out = tape::within(shown(name), [&] {
      const tape::Bytes bytes = store.get(key, tape::kManifestSizeMax);
      tape::Manifest manifest = tape::decode_manifest(bytes);
      if (manifest.set != set || manifest.snapshot != snapshot)
        throw Error(ErrorKind::corrupt, "it is the manifest of snapshot " +
                                            shown(manifest.snapshot) + " of set " +
                                            shown(manifest.set));
      return manifest;
    });
  });
  if (failure && failure->kind() == ErrorKind::corrupt)
    throw Error(failure->kind(), failure->what(),
                "its volumes can still be read: cat '" +
                    shown(name.substr(0, name.rfind('/') + 1)) +
                    "'*.tar.gz* | tar -xz; other snapshots: --snapshot ID");
  if (failure) throw Error(*failure);
  return *out;
}

std::string settled_set(ObjectStore& store, const std::string& set) {
  if (!set.empty()) check_set_name(set);
  std::vector<std::string> sets = sets_in(store);
  // A folder of somebody else's, or of a run that never ended, is no set to read.
  if (set.empty() && sets.size() > 1)
    std::erase_if(sets, [&](const std::string& name) {
      bool none = true;
      const auto failure = tape::failure_of([&] { none = snapshots_of(store, name).empty(); });
      if (failure && failure->kind() != ErrorKind::denied) throw Error(*failure);
      return none;
    });
  if (!set.empty()) {
    if (std::find(sets.begin(), sets.end(), set) != sets.end()) return set;
    throw Error(ErrorKind::not_found, "set " + shown(set) + ": not in " + shown(store.name()),
                sets.empty() ? "there are no sets" : "sets: " + joined(sets));
  }
  if (sets.empty())
    throw Error(ErrorKind::not_found, shown(store.name()) + ": no snapshots in this store");
  if (sets.size() > 1)
    throw Error(ErrorKind::usage, shown(store.name()) + " holds several sets: " + joined(sets),
                "choose one with --set");
  return sets.front();
}

std::string settled_snapshot(ObjectStore& store,
                             const std::string& set,
                             const std::string& snapshot) {
  const bool latest = snapshot.empty() || snapshot == "latest";
  // A list of all that a set holds can be long: of the last one only its own manifest is looked
  // for.
  std::vector<std::string> ids = latest ? snapshot_folders(store, set) : snapshots_of(store, set);
  while (latest && !ids.empty() && !store.head(manifest_key(set, latest_of(ids))))
    std::erase(ids, latest_of(ids));
  if (!latest) std::erase_if(ids, [&](const std::string& id) { return !id.starts_with(snapshot); });
  if (ids.empty())
    throw Error(ErrorKind::not_found,
                latest ? "set " + shown(set) + ": no snapshots"
                       : "snapshot " + shown(snapshot) + ": none of set " + shown(set),
                "`ragtape snapshots " + shown(store.name()) + "` lists them");
  if (!latest && ids.size() > 1)
    throw Error(ErrorKind::usage, "snapshot " + shown(snapshot) + ": several fit: " + joined(ids));
  return latest_of(ids);
}

}  // namespace agent
