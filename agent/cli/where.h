// What a user names: a store, or one archive.
//
// Spec:    docs/cli.md "STORE", "WHAT".
#pragma once
#include <memory>
#include <string>

#include "store/object_store.h"

namespace agent {

// A directory or file://: a store; anything else an archive.
bool is_store(const std::string& what);

// Fails: not_found; unsupported (s3:// and https:// are for a later version).
std::unique_ptr<ObjectStore> open_store(const std::string& what);
// For writing: a new one needs an existing parent. `made`: it was.
std::unique_ptr<ObjectStore> create_store(const std::string& what, bool& made);

// The directory behind a store's name, or empty.
std::string store_directory(const std::string& what);

}  // namespace agent
