#include "restore/snapshot_reader.h"

#include "store/snapshots.h"
#include "tape/error.h"

namespace agent {

std::unique_ptr<tape::Archive> open_snapshot(ObjectStore& store, const tape::Manifest& manifest) {
  if (manifest.volumes.empty())
    throw tape::Error(tape::ErrorKind::corrupt,
                      "the manifest of snapshot " + manifest.snapshot + " names no volumes");
  std::vector<tape::ArchiveVolume> volumes;
  for (const tape::ManifestVolume& volume : manifest.volumes) {
    tape::ArchiveVolume& out = volumes.emplace_back();
    // Without its ETag: a copy of the store elsewhere has others, and is as good.
    const ObjectInfo known{object_key(manifest, volume), volume.size, ""};
    out.open = [&store, known] { return store.open_known(known); };
    out.name = tape::shown(store.name() + "/" + known.key);
    out.begin = volume.tape_offset;
    out.tape_size = volume.tape_size;
    out.size = volume.size;
    out.slice_hash = volume.tape_xxh3;
    out.records = volume.records;
    out.first_path = volume.first_path;
  }
  return std::make_unique<tape::Archive>(std::move(volumes));
}

}  // namespace agent
