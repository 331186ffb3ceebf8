// backup: one tree, one snapshot in a store. scan, plan, play, page, cut, upload, commit; continued
// where an interrupted run stopped.
//
// Threads: one caller.
// Spec:    docs/format.md §5, §6.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backup/set_folder.h"
#include "backup/source.h"
#include "store/object_store.h"
#include "tape/manifest.h"
#include "tape/ragzip_writer.h"
#include "tape/tape_stream.h"

namespace agent {

struct BackupOptions {
  SourceOptions source;
  tape::RagzipOptions ragzip;
  std::string set;
  bool set_typed = false;
  std::string host;
  tape::ByteCount volume_size = 0;
  tape::ByteCount part_size = 0;  // 0: auto
  tape::OnChange on_change = tape::OnChange::mark;
  bool restart = false;
  bool dry_run = false;
  bool listing = false;  // keeps one, for readers that cannot list
  std::size_t upload_workers = 2;
  std::vector<tape::FileIdentity> own_files;  // state, cache, store: passed over by the scan
};

// What is wrong with the options alone, before a store is opened or made. Fails: Error{usage}.
void check_options(const BackupOptions& options);

// Any member may be empty; progress may throw Error{canceled}.
struct BackupEvents {
  std::function<void(std::uint64_t entries)> scanned;
  std::function<void(tape::Catalog& catalog)> sealed;
  std::function<void(tape::ByteCount done,
                     tape::ByteCount total,
                     tape::ByteCount sent,
                     const std::string& current)>
      played;
  std::function<void(const std::string& what)> warning;
  std::function<void(const tape::ManifestVolume& volume)> volume;
};

struct BackupSummary {
  enum class Outcome { made, unchanged, dry_run };
  Outcome outcome = Outcome::made;
  std::string set;
  std::string snapshot;  // of the last one when nothing changed
  tape::CatalogSummary catalog;
  tape::ManifestTotals totals;
  std::uint64_t volumes = 0;
  tape::ByteCount bytes_sent = 0;
  // Of a run that went on where another stopped.
  std::optional<tape::ByteCount> bytes_resumed_at;
  tape::ByteCount bytes_read_again = 0;
  tape::ByteCount bytes_sent_again = 0;
};

// The name under which snapshots of the tree at `root` follow each other, unless another is typed.
std::string default_set(const std::string& host, const std::string& root);

struct BackupContext {
  ObjectStore& store;
  const SetFolder& folder;  // the set's, locked
  const BackupOptions& options;
  const BackupEvents& events;
};

// Fails as scan and TapeStream do; usage when the set belongs to another host or source, or an
// interrupted run had other options (--restart).
BackupSummary backup(const BackupContext& context);

}  // namespace agent
