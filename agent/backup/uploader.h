// Uploader: one volume's bytes become parts of an object, each journaled when it is durable.
//
// Bytes durable, then the journal's row, then the buffer is freed.
//
// Fails:   as the store and the journal do; object_changed when the store no longer holds what the
//          journal says of this volume: it must be started over.
// Limits:  memory: a part for each worker and one more, and what one page adds. What a kill leaves
//          in the store without a row: a part for each worker.
// Threads: one caller at a time; the workers, which hash and send, are its own.
// Spec:    docs/format.md §6.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/journal.h"
#include "backup/tail.h"
#include "store/object_store.h"
#include "tape/io.h"
#include "tape/ordered_workers.h"

namespace agent {

struct UploadContext {
  ObjectStore& store;
  Journal& journal;
  std::size_t workers = 1;
};

// Of all attempts at a volume.
struct UploadCounts {
  tape::ByteCount sent = 0;
  // Of parts that the store held already: sent by the interrupted run, but not journaled.
  tape::ByteCount sent_again = 0;
};

class Uploader final : public tape::ByteSink {
 public:
  // `key`: whole, with the set. Goes on behind the parts that the journal holds of `row`, and adds
  // to `counts`.
  Uploader(const UploadContext& context, VolumeRow row, std::string key, UploadCounts& counts);

  // What the volume is made of, in order.
  void write(tape::ByteView bytes) override;
  void finish() override {}
  // Bytes that were made behind the last part before an interruption.
  void put_back(tape::ByteView carry, std::uint64_t carry_offset);

  // Sends what makes full parts; `state` gives the checkpoint for the bytes written so far.
  void send_full_parts(const std::function<Checkpoint()>& state);

  // Notes what is under way: before an interruption leaves this.
  void collect_all();

  // The pages end: what was not sent, and all that is written from here on, goes to the tail.
  void begin_tail(const std::string& tail_path);
  // The volume is complete: its tail becomes durable, then the row. `next`: the tape stream's
  // position at the slice's end.
  void close(const tape::VolumeSummary& summary, const tape::Bytes& next);

  // Sends what is left in the tail of a closed volume, and makes the object of its parts.
  // Both steps may throw; `before_object` may be empty. Fails: object_changed, of the tail, too.
  VolumeRow complete(const std::string& tail_path,
                     const std::function<void()>& between_parts,
                     const std::function<void()>& before_object);

 private:
  struct Job {
    UploadedPart part;
    tape::Bytes bytes;
    PartInfo info;
    std::optional<Checkpoint> checkpoint;
  };
  void begin_upload();
  tape::Bytes cut_part();
  void send(tape::Bytes bytes, std::optional<Checkpoint> checkpoint);
  void collect();
  void put_whole(tape::ByteView bytes);
  void complete_upload();
  void must_hold_parts();

  ObjectStore& store_;
  Journal& journal_;
  VolumeRow row_;
  const std::string key_;
  UploadCounts& counts_;
  const bool continued_;  // an interrupted run had closed it
  tape::Bytes pending_;   // made, not sent
  std::unique_ptr<TailWriter> tail_;
  std::uint64_t offset_ = 0;     // of `pending_` in the object
  std::vector<PartInfo> parts_;  // durable and journaled
  std::uint32_t next_number_ = 1;
  std::uint32_t held_to_ = 0;  // parts up to this number were in the store when this run began
  tape::PartsDigest digest_;
  ObjectInfo made_;  // as the store said of the whole object
  tape::OrderedWorkers<Job> workers_;
};

}  // namespace agent
