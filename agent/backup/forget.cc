#include "backup/forget.h"

#include <algorithm>
#include <set>

#include "store/snapshots.h"

namespace agent {

ForgetReport forget(ObjectStore& store,
                    const std::string& set,
                    const std::vector<std::string>& snapshots,
                    bool dry_run) {
  std::set<std::string> kept;
  std::vector<tape::Manifest> going;
  for (const std::string& id : snapshots_of(store, set)) {
    tape::Manifest manifest = read_manifest(store, set, id);
    if (std::find(snapshots.begin(), snapshots.end(), id) != snapshots.end()) {
      going.push_back(std::move(manifest));
    } else {
      for (const tape::ManifestVolume& volume : manifest.volumes)
        kept.insert(volume.key);
    }
  }
  ForgetReport report;
  // Without their manifests they are not there: never one that lacks a volume.
  for (const tape::Manifest& manifest : going) {
    report.snapshots.push_back(manifest.snapshot);
    if (!dry_run) store.remove(manifest_key(set, manifest.snapshot));
  }
  for (const tape::Manifest& manifest : going) {
    for (const tape::ManifestVolume& volume : manifest.volumes) {
      if (!kept.insert(volume.key).second) continue;
      ++report.volumes;
      report.bytes += volume.size;
      if (!dry_run) store.remove(set + "/" + volume.key);
    }
  }
  return report;
}

}  // namespace agent
