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
#include <optional>
#include <string>
#include <vector>

#include "backup/journal.h"
#include "store/object_store.h"
#include "tape/io.h"
#include "tape/ordered_workers.h"

namespace agent {

struct UploadContext {
  ObjectStore& store;
  Journal& journal;
  std::size_t workers = 1;
};

class Uploader final : public tape::ByteSink {
 public:
  // `key`: whole, with the set. Goes on behind the parts that the journal holds of `row`.
  Uploader(const UploadContext& context, VolumeRow row, std::string key);

  // What the volume is made of, in order.
  void write(tape::ByteView bytes) override;
  void finish() override {}
  // Bytes that were made behind the last part before an interruption.
  void put_back(tape::ByteView carry, std::uint64_t carry_offset);

  // Sends what makes full parts; `state` gives the checkpoint for the bytes written so far.
  void send_full_parts(const std::function<Checkpoint()>& state);

  // The volume is complete: what is left of it becomes durable in `tail_path`, then the row.
  // `next`: the tape stream's position at the slice's end.
  void close(const std::string& tail_path,
             const tape::VolumeSummary& summary,
             const tape::Bytes& next);
  // The same from an interrupted run: reads the tail. False: it is not what the row says.
  bool reopen(const std::string& tail_path);

  // Sends what is left, and makes the object of its parts. Fails: object_changed.
  VolumeRow complete();

  tape::ByteCount bytes_sent() const { return bytes_sent_; }
  // Of parts that the store held already: sent by the interrupted run, but not journaled.
  tape::ByteCount bytes_sent_again() const { return bytes_sent_again_; }

 private:
  struct Job {
    UploadedPart part;
    tape::Bytes bytes;
    PartInfo info;
    std::optional<Checkpoint> checkpoint;
  };
  void begin_upload();
  void send(std::size_t size, std::optional<Checkpoint> checkpoint);
  void collect();
  void put_whole();
  void complete_upload();

  ObjectStore& store_;
  Journal& journal_;
  VolumeRow row_;
  const std::string key_;
  tape::Bytes pending_;          // made, not sent
  std::uint64_t offset_ = 0;     // of `pending_` in the object
  std::vector<PartInfo> parts_;  // durable and journaled
  std::uint32_t next_number_ = 1;
  std::uint32_t held_to_ = 0;  // parts up to this number were in the store when this run began
  tape::PartsDigest digest_;
  tape::ByteCount bytes_sent_ = 0;
  tape::ByteCount bytes_sent_again_ = 0;
  tape::OrderedWorkers<Job> workers_;
};

}  // namespace agent
