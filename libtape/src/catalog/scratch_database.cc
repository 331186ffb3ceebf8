#include "catalog/scratch_database.h"

#include <cstdio>

#include "tape/error.h"

namespace tape {

Connection scratch_database(const std::string& path,
                            ByteCount cache_bytes,
                            const std::string& schema) {
  // Where the caller wants it: the system's folder for temporary files may lie in the source.
  Connection connection = Connection::create(path, cache_bytes);
  // SQLite makes the file when it first writes.
  const auto failure = failure_of([&] { connection.run("BEGIN IMMEDIATE; COMMIT"); });
  std::remove(path.c_str());
  if (failure) throw Error(*failure);
  connection.run("PRAGMA temp_store = MEMORY; " + schema + "; BEGIN");
  return connection;
}

}  // namespace tape
