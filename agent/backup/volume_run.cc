#include "backup/volume_run.h"

#include <algorithm>
#include <deque>

#include "backup/uploader.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;

constexpr int kAttemptsMax = 3;

// The stream's position behind each page that is on its way to the sink.
class Positions {
 public:
  // `position`: where the stream stands, `pages` being in the sink.
  Positions(std::uint64_t pages, tape::Bytes position) : first_(pages) { add(std::move(position)); }
  void add(tape::Bytes position) { waiting_.push_back(std::move(position)); }
  // Where it stood behind so many pages.
  const tape::Bytes& behind(std::uint64_t pages) {
    for (; first_ < pages; ++first_)
      waiting_.pop_front();
    return waiting_.front();
  }

 private:
  std::uint64_t first_;  // pages in front of waiting_[0]
  std::deque<tape::Bytes> waiting_;
};

class VolumeRun {
 public:
  VolumeRun(const VolumeContext& context, const VolumeTask& task)
      : context_(context), number_(task.number), slice_(task.slice), key_(task.key) {}

  VolumeReport run(bool in_process) {
    for (int attempt = 1;; ++attempt) {
      const auto failure = tape::failure_of([&] { attempt_once(in_process); });
      if (!failure) return report_;
      // The store no longer holds what was sent: from the volume's first page, under a new upload.
      if (failure->kind() != ErrorKind::object_changed || attempt == kAttemptsMax)
        throw Error(*failure);
      start_over();
      in_process = false;
    }
  }

 private:
  void attempt_once(bool in_process) {
    const auto found = context_.upload.journal.volume(number_);
    const auto point = in_process ? std::nullopt : context_.upload.journal.checkpoint();
    VolumeRow row = found ? *found : new_row(point);
    if (row.phase == VolumeRow::Phase::closing) return send_tail(row);
    const bool same_engine =
        row.codec == codec() && (context_.part_size == row.part_size || row.upload.empty());
    if (found && !same_engine) {
      start_over();
      return attempt_once(false);
    }
    make(row, point);
  }

  tape::Codec codec() const { return tape::codec_of(context_.ragzip); }

  VolumeRow new_row(const std::optional<Checkpoint>& point) const {
    VolumeRow row;
    row.number = number_;
    row.codec = codec();
    row.part_size = context_.part_size;
    row.position = point ? point->position : tape::encode_position(context_.stream.state());
    return row;
  }

  // Plays what is left of the slice into the object.
  void make(const VolumeRow& row, const std::optional<Checkpoint>& point) {
    Uploader uploader(context_.upload, row, key_, report_.counts);
    tape::VolumeWriter writer(uploader, context_.upload.journal.spool(number_),
                              {context_.ragzip, slice_, context_.metadata});
    go_on(writer, uploader, point);
    play(writer, uploader);
    const tape::Bytes next = tape::encode_position(context_.stream.state());
    uploader.begin_tail(context_.folder.tail());
    uploader.close(writer.finish(), next);
    finish(uploader, next);
  }

  // The stream and the writer stand where the checkpoint says; without one, the stream does.
  void go_on(tape::VolumeWriter& writer,
             Uploader& uploader,
             const std::optional<Checkpoint>& point) {
    tape::TapeStream& stream = context_.stream;
    context_.outcomes.pass_on_to(writer);
    if (!point) {
      // A run that was killed in front of its first checkpoint left rows, too.
      context_.upload.journal.drop_ahead(stream.position(), number_, 0);
      return stream.announce_to(&context_.outcomes);
    }
    const tape::TapePosition position = tape::decode_position(point->position);
    if (point->writer.empty()) {
      context_.upload.journal.drop_ahead(position.at, number_, 0);
      stream.resume(position, omitted_before(context_.upload.journal));
      return stream.announce_to(&context_.outcomes);
    }
    if (!writer.load(point->writer))
      throw Error(ErrorKind::object_changed,
                  "the hash of the slice was begun by another version of its library");
    if (slice_.begin + (writer.page_count() << context_.ragzip.page_bits) != position.at)
      throw Error(ErrorKind::corrupt, "checkpoint: the tape and the volume differ in their place");
    context_.upload.journal.drop_ahead(position.at, number_, writer.spooled());
    uploader.put_back(point->carry, point->carry_offset);
    stream.resume(position, omitted_before(context_.upload.journal));
    stream.hand_to(&context_.outcomes);
  }

  void play(tape::VolumeWriter& writer, Uploader& uploader) {
    tape::TapeStream& stream = context_.stream;
    const std::size_t page_size = std::size_t{1} << context_.ragzip.page_bits;
    Positions positions(writer.page_count(), tape::encode_position(stream.state()));
    tape::Bytes page(page_size);
    while (stream.position() < slice_.end()) {
      const std::size_t n = std::min<tape::ByteCount>(page_size, slice_.end() - stream.position());
      if (stream.read(tape::MutableBytes(page).first(n)) != n)
        throw Error(ErrorKind::corrupt, "the tape ended early");
      writer.write(tape::ByteView(page).first(n));
      positions.add(tape::encode_position(stream.state()));
      uploader.send_full_parts([&]() -> Checkpoint {
        return {number_, positions.behind(writer.page_count()), writer.save(), {}, 0};
      });
      tell(uploader);
    }
  }

  void tell(Uploader& uploader) const {
    if (!context_.progress) return;
    const auto canceled = tape::failure_of([&] { context_.progress(report_.counts.sent); });
    if (!canceled) return;
    // What fails to be noted is sent again; the interruption is what ends this run.
    static_cast<void>(tape::failure_of([&] { uploader.collect_all(); }));
    throw Error(*canceled);
  }

  // An interrupted run had the whole volume and its tail; nothing of the source is needed.
  void send_tail(const VolumeRow& row) {
    Uploader uploader(context_.upload, row, key_, report_.counts);
    const tape::TapePosition position = tape::decode_position(row.next_position);
    context_.stream.resume(position, omitted_before(context_.upload.journal));
    finish(uploader, row.next_position);
  }

  void finish(Uploader& uploader, const tape::Bytes& next) {
    report_.row = uploader.complete(
        context_.folder.tail(), [&] { tell(uploader); }, context_.before_object);
    context_.upload.journal.finish_volume(report_.row, {number_ + 1, next, {}, {}, 0});
  }

  void start_over() {
    const auto point = context_.upload.journal.checkpoint();
    const auto row = context_.upload.journal.volume(number_);
    for (const PartRow& part : context_.upload.journal.parts(number_))
      report_.counts.sent_again += part.info.size;
    if (row && row->phase == VolumeRow::Phase::closing)
      report_.bytes_read_again += slice_.size;
    else if (point && point->volume == number_)
      report_.bytes_read_again += tape::decode_position(point->position).at - slice_.begin;
    // What it holds there is nobody's any more. Who may not delete leaves it to the store's rules.
    if (row && !row->upload.empty())
      tidy([&] { context_.upload.store.abort_upload(key_, row->upload); });
    if (!row && !point) return;
    const tape::Bytes begin = row ? row->position : point->position;
    context_.upload.journal.restart_volume(number_, {number_, begin, {}, {}, 0});
  }

  const VolumeContext& context_;
  const std::uint64_t number_;
  const tape::TapeRange slice_;
  const std::string key_;
  VolumeReport report_;
};

}  // namespace

VolumeReport send_volume(const VolumeContext& context, const VolumeTask& task) {
  return VolumeRun(context, task).run(task.in_process);
}

}  // namespace agent
