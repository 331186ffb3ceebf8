// commit: the volumes of a finished upload become a snapshot.
//
// Threads: one caller.
// Spec:    docs/format.md §5.
#pragma once
#include <string>

#include "backup/journal.h"
#include "store/object_store.h"
#include "tape/catalog.h"
#include "tape/manifest.h"
#include "tape/volume_plan.h"

namespace agent {

// What a manifest says of a volume that is in the store.
tape::ManifestVolume manifest_volume(const VolumeRow& row,
                                     tape::TapeRange slice,
                                     const std::string& key);

// A store can be replaced between runs, and during one. Fails: corrupt when it does not list every
// volume that is done in the journal, with its size.
void must_hold_volumes(ObjectStore& store, Journal& journal, const tape::VolumePlan& plan);

// Writes the manifest, if absent: the commit point. All volumes of the plan must be done in the
// journal. Fails also: object_changed when another manifest is there.
tape::Manifest commit(ObjectStore& store,
                      Journal& journal,
                      tape::Catalog& catalog,
                      const tape::VolumePlan& plan);

}  // namespace agent
