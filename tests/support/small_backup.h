// A small tree, a backup of it, and what is asked of the store behind it.
#pragma once
#include <map>
#include <string>

#include "backup/backup.h"
#include "restore/snapshot_reader.h"
#include "store/snapshots.h"
#include "support/catch.h"
#include "support/memory_store.h"
#include "support/samples.h"
#include "support/temporary_folder.h"

namespace test {

inline void fill(const TemporaryFolder& folder) {
  make_folder(folder / "tree");
  make_folder(folder / "tree/dir");
  for (int i = 0; i < 9; ++i)
    write_file(folder / ("tree/dir/f" + std::to_string(i)),
               tape::as_text(tape::mixed_bytes(90'000, static_cast<std::uint64_t>(i))));
  write_file(folder / "tree/empty", "");
}

inline agent::BackupOptions small_backup(const TemporaryFolder& folder) {
  agent::BackupOptions options;
  options.source.path = folder / "tree";
  options.source.metadata = tape::Metadata::full;
  options.ragzip.engine = tape::Engine::zlib;
  options.ragzip.level = 1;
  options.ragzip.page_bits = 13;
  options.ragzip.workers = 2;
  options.volume_size = 1 << 18;
  options.part_size = 1 << 16;
  options.set = "s";
  options.set_typed = true;
  options.host = "h";
  return options;
}

inline agent::BackupSummary run(agent::ObjectStore& store,
                                const TemporaryFolder& folder,
                                const agent::BackupOptions& options) {
  const auto set = agent::SetFolder::lock(folder / "state", "memory:", "s");
  REQUIRE(set);
  return agent::backup({store, *set, options, {}});
}

// By their names without the snapshot's.
inline std::map<std::string, tape::Bytes> volumes(const MemoryStore& store) {
  std::map<std::string, tape::Bytes> out;
  for (const auto& [key, bytes] : store.objects()) {
    const std::string name = key.substr(key.rfind('/') + 1);
    if (name.starts_with("s.tar.gz")) out[name] = bytes;
  }
  return out;
}

inline bool has_manifest(MemoryStore& store) {
  return !agent::snapshots_of(store, "s").empty();
}

// Every snapshot that is visible holds all of its volumes, sound.
inline void is_whole(MemoryStore& store) {
  for (const std::string& id : agent::snapshots_of(store, "s")) {
    agent::open_snapshot(store, agent::read_manifest(store, "s", id))->check_all({});
  }
}

}  // namespace test
