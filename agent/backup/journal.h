// Journal: what of a backup is durable in the store, so that the next run goes on from there.
//
// Every add_ and every change of a volume is one transaction: it is on disk when the call returns.
// Outcomes and leaf nodes ride along with the next one; resuming drops what is ahead of the
// checkpoint.
//
// Fails:   corrupt, with the table and row, for a file that is damaged or belongs to another run;
//          exhausted, io.
// Threads: one caller at a time.
// Spec:    docs/format.md §6; schemas/journal.sql.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/object_store.h"
#include "tape/digest.h"
#include "tape/io.h"
#include "tape/manifest.h"
#include "tape/tape_stream.h"
#include "tape/volume.h"

namespace agent {

// Which run a journal speaks of.
struct JournalRun {
  std::string store;
  std::string set;
  std::string snapshot;
  std::string host;
  std::string root;
  tape::SnapshotOptions options;
  tape::Hash128 fingerprint{};
  tape::ByteCount tape_size = 0;
};

struct VolumeRow {
  enum class Phase : std::uint8_t { open, closing, done };
  std::uint64_t number = 0;
  Phase phase = Phase::open;
  std::string upload;  // empty: none was begun
  tape::Codec codec;
  tape::ByteCount part_size = 0;
  tape::Bytes position;  // of the tape stream at the slice's first byte
  // From `closing` on.
  tape::VolumeSummary summary;
  std::uint64_t tail_begin = 0;  // in the object: where the tail beside the journal begins
  std::uint64_t tail_xxh3 = 0;
  tape::Bytes next_position;  // of the tape stream at the slice's end
  // `done`.
  std::string etag;
  std::string digest;
};

struct PartRow {
  std::uint64_t volume = 0;
  PartInfo info;
  std::uint64_t offset = 0;
  tape::Sha256 sha256{};
};

struct Checkpoint {
  std::uint64_t volume = 0;
  tape::Bytes position;  // of the tape stream
  tape::Bytes writer;    // of the volume; empty: at the slice's first byte
  tape::Bytes carry;     // bytes already made from `carry_offset` of the object on
  std::uint64_t carry_offset = 0;
};

struct OutcomeRow {
  tape::TapeOffset begin;
  tape::TapeOffset end;
  std::string path;
  tape::Outcome outcome = tape::Outcome::as_recorded;
  std::string why;
};

class Journal {
 public:
  // Fails also: usage when `path` is there.
  static std::unique_ptr<Journal> create(const std::string& path, const JournalRun& run);
  // None: there is no journal.
  static std::unique_ptr<Journal> open(const std::string& path);

  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  virtual ~Journal() = default;

  virtual const JournalRun& run() const = 0;

  // Nobody goes on from here any more: what the run has sent is about to be removed.
  virtual void give_up() = 0;
  virtual bool is_given_up() = 0;

  virtual void put_volume(const VolumeRow& row) = 0;
  virtual std::optional<VolumeRow> volume(std::uint64_t number) = 0;

  virtual void add_part(const PartRow& row, const std::optional<Checkpoint>& checkpoint) = 0;
  virtual std::vector<PartRow> parts(std::uint64_t volume) = 0;

  // The volume is in the store; its rows but the one are dropped.
  virtual void finish_volume(const VolumeRow& row, const Checkpoint& next) = 0;
  // Back to the slice's first byte.
  virtual void restart_volume(std::uint64_t number, const Checkpoint& begin) = 0;

  virtual std::optional<Checkpoint> checkpoint() = 0;

  // Rides along.
  virtual void add_outcome(const OutcomeRow& row) = 0;
  virtual std::vector<OutcomeRow> outcomes() = 0;
  // Drops what is ahead of the checkpoint: outcomes that end behind `position`, leaves of `volume`
  // from `spooled` on.
  virtual void drop_ahead(tape::TapeOffset position,
                          std::uint64_t volume,
                          tape::ByteCount spooled) = 0;

  // Where the leaf nodes of volume `number` wait. Both ends must not outlive the journal.
  virtual tape::LeafSpool spool(std::uint64_t number) = 0;

 protected:
  Journal() = default;
};

// The journal and what SQLite keeps beside it. Durable when it returns.
void remove_journal(const std::string& path);

}  // namespace agent
