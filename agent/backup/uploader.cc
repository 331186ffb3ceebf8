#include "backup/uploader.h"

#include <algorithm>

#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;

[[noreturn]] void started_over(const std::string& key, const std::string& why) {
  throw Error(ErrorKind::object_changed, tape::shown(key) + ": " + why);
}

bool same(const PartInfo& a, const PartInfo& b) {
  return a.number == b.number && a.size == b.size && a.etag == b.etag;
}

}  // namespace

Uploader::Uploader(const UploadContext& context,
                   VolumeRow row,
                   std::string key,
                   UploadCounts& counts)
    : store_(context.store),
      journal_(context.journal),
      row_(std::move(row)),
      key_(std::move(key)),
      counts_(counts),
      continued_(row_.phase == VolumeRow::Phase::closing),
      workers_(context.workers, context.workers, [this] {
        return [this](Job& job) {
          job.part.bytes = job.bytes;
          job.part.sha256 = tape::sha256(job.bytes);
          job.info = store_.put_part(key_, row_.upload, job.part);
        };
      }) {
  for (const PartRow& part : journal_.parts(row_.number)) {
    parts_.push_back(part.info);
    digest_.add(part.sha256);
    offset_ = part.offset + part.info.size;
    next_number_ = held_to_ = part.info.number + 1;
  }
  if (row_.upload.empty()) return;
  // The interrupted run may have sent more than it could note, but not less.
  const auto failure = tape::failure_of([&] {
    const auto held = store_.list_parts(key_, row_.upload);
    if (held.size() < parts_.size() ||
        !std::equal(parts_.begin(), parts_.end(), held.begin(), same))
      started_over(key_, "the store holds other parts of it than were sent");
    if (!held.empty()) held_to_ = std::max(held_to_, held.back().number + 1);
  });
  if (!failure) return;
  if (failure->kind() != ErrorKind::not_found) throw Error(*failure);
  // It may be complete: complete() looks.
  if (row_.phase == VolumeRow::Phase::open) started_over(key_, "the store has lost this upload");
}

void Uploader::write(tape::ByteView bytes) {
  if (tail_) return tail_->write(bytes);
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
}

void Uploader::send_full_parts(const std::function<Checkpoint()>& state) {
  if (pending_.size() < row_.part_size) {
    while (workers_.ready())
      collect();
    return;
  }
  // What stands behind the cut is part of the resume point: parts are cut at exact sizes, pages are
  // not. Of several parts at once the first one's row has it for all.
  Checkpoint now = state();
  now.carry_offset = offset_ + row_.part_size;
  now.carry.assign(pending_.begin() + static_cast<std::ptrdiff_t>(row_.part_size), pending_.end());
  send(cut_part(), std::move(now));
  while (pending_.size() >= row_.part_size)
    send(cut_part(), {});
}

tape::Bytes Uploader::cut_part() {
  const auto cut = pending_.begin() + static_cast<std::ptrdiff_t>(row_.part_size);
  tape::Bytes part(pending_.begin(), cut);
  pending_.erase(pending_.begin(), cut);
  return part;
}

void Uploader::put_back(tape::ByteView carry, std::uint64_t carry_offset) {
  if (offset_ < carry_offset || offset_ - carry_offset > carry.size())
    throw Error(ErrorKind::corrupt, "journal: the carry does not reach the last part");
  write(carry.subspan(offset_ - carry_offset));
}

void Uploader::begin_upload() {
  row_.upload = store_.begin_upload(key_);
  journal_.put_volume(row_);
}

void Uploader::send(tape::Bytes bytes, std::optional<Checkpoint> checkpoint) {
  if (row_.upload.empty()) begin_upload();
  while (workers_.full())
    collect();
  Job job;
  job.part.number = next_number_++;
  job.part.offset = offset_;
  job.bytes = std::move(bytes);
  job.checkpoint = std::move(checkpoint);
  offset_ += job.bytes.size();
  if (job.part.number < held_to_) counts_.sent_again += job.bytes.size();
  workers_.submit(std::move(job));
  while (workers_.ready())
    collect();
}

void Uploader::collect_all() {
  while (!workers_.empty())
    collect();
}

void Uploader::collect() {
  std::optional<Job> done;
  const auto failure = tape::failure_of([&] { done = workers_.take(); });
  if (failure && failure->kind() == ErrorKind::not_found)
    started_over(key_, "the store has lost this upload");
  if (failure) throw Error(*failure);
  journal_.add_part({row_.number, done->info, done->part.offset, done->part.sha256},
                    done->checkpoint);
  parts_.push_back(done->info);
  digest_.add(done->part.sha256);
  counts_.sent += done->info.size;
}

void Uploader::begin_tail(const std::string& tail_path) {
  collect_all();
  tail_ = std::make_unique<TailWriter>(tail_path);
  tail_->write(pending_);
  pending_ = {};
}

void Uploader::close(const tape::VolumeSummary& summary, const tape::Bytes& next) {
  tail_->finish();
  row_.phase = VolumeRow::Phase::closing;
  row_.summary = summary;
  row_.next_position = next;
  row_.tail_begin = offset_;
  row_.tail_xxh3 = tail_->digest();
  journal_.put_volume(row_);
  tail_.reset();
}

VolumeRow Uploader::complete(const std::string& tail_path,
                             const std::function<void()>& between_parts,
                             const std::function<void()>& before_object) {
  const tape::ByteCount size = row_.summary.size;
  if (offset_ < row_.tail_begin || offset_ > size)
    throw Error(ErrorKind::corrupt, "journal: the parts do not reach the tail of the volume");
  TailReader tail(tail_path, size - row_.tail_begin);
  tail.skip(offset_ - row_.tail_begin);
  // A volume that ends inside its first part goes in one piece.
  if (row_.upload.empty() && tail.left() <= row_.part_size) {
    const tape::Bytes whole = tail.next(tail.left());
    tail.must_have(row_.tail_xxh3);
    if (before_object) before_object();
    put_whole(whole);
  } else {
    while (tail.left() > 0) {
      between_parts();
      send(tail.next(std::min(row_.part_size, tail.left())), {});
    }
    collect_all();
    tail.must_have(row_.tail_xxh3);
    if (before_object) before_object();
    complete_upload();
  }
  const auto found = store_.head(key_);
  if (!found || found->size != size || found->etag != made_.etag)
    started_over(key_, "the store does not hold what was sent");
  row_.phase = VolumeRow::Phase::done;
  row_.etag = found->etag;
  row_.digest = digest_.text();
  return row_;
}

void Uploader::put_whole(tape::ByteView bytes) {
  if (continued_ && store_.head(key_)) counts_.sent_again += bytes.size();
  made_ = *store_.put(key_, bytes, ObjectStore::Put::replace);
  digest_.add(tape::sha256(bytes));
  counts_.sent += bytes.size();
}

// Some stores make the object of all that was uploaded, whatever the list says: what is there must
// be what the journal holds, and nothing else.
void Uploader::complete_upload() {
  const auto failure = tape::failure_of([&] {
    const auto gone = tape::failure_of([&] { must_hold_parts(); });
    if (gone && gone->kind() != ErrorKind::not_found) throw Error(*gone);
    // Completed by the interrupted run, which could not note it? The store tells whether the object
    // is made of these parts.
    made_ = store_.complete_upload(key_, row_.upload, parts_);
    // What a store keeps of the upload beside it may be left.
    if (gone) tidy([&] { store_.abort_upload(key_, row_.upload); });
  });
  if (!failure) return;
  // What was listed a moment ago is not there now, or is another one.
  if (failure->kind() == ErrorKind::corrupt) started_over(key_, failure->what());
  if (failure->kind() == ErrorKind::not_found) started_over(key_, "the store has lost this upload");
  throw Error(*failure);
}

void Uploader::must_hold_parts() {
  const auto held = store_.list_parts(key_, row_.upload);
  if (!std::equal(held.begin(), held.end(), parts_.begin(), parts_.end(), same))
    started_over(key_, "the store holds other parts of it than were sent");
}

}  // namespace agent
