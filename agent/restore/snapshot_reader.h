// The volumes of a snapshot as one archive.
//
// Threads: one caller at a time.
#pragma once
#include <memory>

#include "store/object_store.h"
#include "tape/archive.h"
#include "tape/manifest.h"

namespace agent {

// `store` must outlive the archive. Volumes are opened when they are needed.
// Fails: corrupt when the manifest names no volumes.
std::unique_ptr<tape::Archive> open_snapshot(ObjectStore& store, const tape::Manifest& manifest);

}  // namespace agent
