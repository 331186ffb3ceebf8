// A SQLite file without a name, for what does not fit into memory.
//
// Limits:  memory: its cache.
// Threads: one caller at a time.
#pragma once
#include <string>

#include "db/sqlite.h"

namespace tape {

// With the tables of `schema`, in one transaction that nobody ends. `path`: a new name for the
// file; it has none when this returns.
Connection scratch_database(const std::string& path,
                            ByteCount cache_bytes,
                            const std::string& schema);

}  // namespace tape
