// WholePathOrder: entries in any order become entries in the byte order of their whole paths, which
// is the order of the profile tartape.
//
// Limits:  memory: one SQLite cache; the rest waits in a file without a name.
// Threads: one caller.
// Spec:    docs/format.md §1 "Profile tartape".
#pragma once
#include <functional>
#include <string>

#include "catalog/entry_row.h"
#include "db/sqlite.h"

namespace tape {

class WholePathOrder {
 public:
  // `path`: a new name for the file; it has none when this returns.
  explicit WholePathOrder(const std::string& path);
  void add(const SeenEntry& seen);
  std::uint64_t count() const { return count_; }
  // Each entry once; no add() behind it.
  void each(const std::function<void(SeenEntry&)>& visit);

 private:
  Connection connection_;
  Statement insert_;
  std::uint64_t count_ = 0;
};

}  // namespace tape
