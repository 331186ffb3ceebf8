// The volumes of a snapshot as one archive.
//
// Threads: one caller at a time.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "store/object_store.h"
#include "tape/archive.h"
#include "tape/manifest.h"

namespace agent {

// What is put around the object of a volume; `version` is never that of another content.
using VolumeLayer = std::function<std::unique_ptr<tape::RangeSource>(
    std::unique_ptr<tape::RangeSource> object, const std::string& version)>;

// `store` must outlive the archive. Volumes are opened when they are needed.
// Fails: corrupt when the manifest names no volumes.
std::unique_ptr<tape::Archive> open_snapshot(ObjectStore& store,
                                             const tape::Manifest& manifest,
                                             const VolumeLayer& layer = {});

}  // namespace agent
