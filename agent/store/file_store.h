// A store in a directory: one file an object.
//
// A multipart upload is a file `.part-<id>` beside the object's place, each part written where it
// belongs, and `.part-<id>.parts`, a line for each part that is durable. Objects have no ETag: a
// copy of the directory is as good as the directory.
//
// Files 0600, folders 0700.
// Fails:   as ObjectStore says.
// Threads: any number of callers; one writer for each upload's parts at a time is not needed.
#pragma once
#include <memory>
#include <string>

#include "store/object_store.h"

namespace agent {

// Makes the folder when only its parent exists. Fails: not_found (no parent); usage (a file).
std::unique_ptr<ObjectStore> create_file_store(const std::string& path, bool& made);
// Fails: not_found.
std::unique_ptr<ObjectStore> open_file_store(const std::string& path);

}  // namespace agent
