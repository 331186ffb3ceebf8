#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/assert.h"
#include "base/endian.h"
#include "codec/deflate.h"
#include "codec/digest.h"
#include "codec/member_index_node.h"
#include "format/gzip_format.h"
#include "format/tar_layout.h"
#include "tape/error.h"
#include "tape/fields.h"
#include "tape/volume.h"

namespace tape {
namespace {

constexpr std::size_t kCopyBytes = std::size_t{256} * 1024;

std::uint8_t flag_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::as_recorded:
      return 0;
    case Outcome::changed:
      return kRecordChanged;
    case Outcome::grew:
      return kRecordGrew;
    case Outcome::torn:
      return kRecordTorn;
    case Outcome::omitted:
      return kRecordOmitted;
  }
  return 0;
}

void save_record(FieldWriter& fields, const MemberRecord& record) {
  fields.text(record.path);
  fields.number(static_cast<std::uint8_t>(record.type));
  fields.number(record.flags);
  fields.number(static_cast<std::uint64_t>(record.offset));
  fields.number(record.header_blocks);
  fields.number(record.size);
  fields.number(record.mode);
  fields.number(static_cast<std::uint64_t>(record.mtime.seconds));
  fields.number(record.mtime.nanoseconds);
  fields.number(record.uid);
  fields.number(record.gid);
  fields.text(record.target);
  fields.blob(record.hash);
  fields.number(record.pages.begin.value());
  fields.number(record.pages.size);
}

MemberRecord load_record(FieldReader& fields) {
  MemberRecord record;
  record.path = fields.text();
  record.type = static_cast<MemberType>(fields.number_to(UINT8_MAX));
  record.flags = static_cast<std::uint8_t>(fields.number_to(UINT8_MAX));
  record.offset = static_cast<std::int64_t>(fields.number());
  record.header_blocks = fields.number();
  record.size = fields.number();
  record.mode = static_cast<std::uint32_t>(fields.number_to(UINT32_MAX));
  record.mtime.seconds = static_cast<std::int64_t>(fields.number());
  record.mtime.nanoseconds = static_cast<std::uint32_t>(fields.number_to(UINT32_MAX));
  record.uid = fields.number();
  record.gid = fields.number();
  record.target = fields.text();
  const ByteView hash = fields.blob();
  if (hash.size() != record.hash.size())
    throw Error(ErrorKind::corrupt, "saved state: a hash of another size");
  std::copy(hash.begin(), hash.end(), record.hash.begin());
  record.pages.begin = GzOffset(fields.number());
  record.pages.size = fields.number();
  return record;
}

// Takes each finished node: path of its first record, gzip member.
using NodeSink = std::function<void(const std::string& first, const Bytes& node)>;

// One level of the B+tree: records in, nodes out. A node ends before the record with which its
// inflated body would pass kNodeInflatedMax, so that it fits an EXTRA field even where nothing
// deflates (docs/format.md §4).
template <class Record>
class NodeCutter {
 public:
  void add(const Record& record, NodeKind kind, Deflater& deflater, const NodeSink& emit) {
    more_.clear();
    append_record(more_, record, count_ == 0 ? nullptr : &before_);
    if (count_ != 0 && body_.size() + more_.size() > kNodeInflatedMax) {
      cut(kind, deflater, emit);
      more_.clear();
      append_record(more_, record, static_cast<const Record*>(nullptr));
    }
    if (count_ == 0) first_ = record.path;
    body_.insert(body_.end(), more_.begin(), more_.end());
    before_ = record;
    ++count_;
  }

  void cut(NodeKind kind, Deflater& deflater, const NodeSink& emit) {
    if (count_ == 0) return;
    emit(first_, encode_node(kind, count_, body_, deflater));
    body_.clear();
    count_ = 0;
  }

  // Of leaves only.
  void save(FieldWriter& fields) const {
    fields.number(count_);
    fields.text(first_);
    fields.blob(body_);
    save_record(fields, before_);
  }
  void load(FieldReader& fields) {
    count_ = static_cast<std::uint16_t>(fields.number_to(UINT16_MAX));
    first_ = fields.text();
    const ByteView body = fields.blob();
    body_.assign(body.begin(), body.end());
    before_ = load_record(fields);
  }

 private:
  Record before_;
  std::string first_;
  Bytes body_;
  Bytes more_;
  std::uint16_t count_ = 0;
};

}  // namespace

// Records wait for the extent of their pages, become leaves, and the leaves wait in the spool for
// the end of the pages.
class VolumeWriter::Leaves {
 public:
  Leaves(LeafSpool spool, const RagzipOptions& options, TapeRange slice)
      : spool_(spool),
        page_bits_(options.page_bits),
        slice_(slice),
        deflater_(make_deflater(options.engine, options.level)) {}

  void member_starts(const Entry& entry, bool omitted, bool owners) {
    TAPE_ASSERT(entry.offset < slice_.end() && entry.end() > slice_.begin);
    const Member& member = entry.member;
    Waiting waiting;
    MemberRecord& record = waiting.record;
    record.path = member_path(member.name, member.type);
    record.type = member.type;
    record.offset = static_cast<std::int64_t>(entry.offset.value()) -
                    static_cast<std::int64_t>(slice_.begin.value());
    record.header_blocks = entry.header_blocks;
    record.size = member.size;
    record.mode = member.mode;
    record.mtime = member.mtime;
    record.target = member.target;
    if (owners) {
      record.flags |= kRecordOwner;
      record.uid = member.uid;
      record.gid = member.gid;
    }
    if (member.type == MemberType::symlink || member.type == MemberType::hard_link)
      record.flags |= kRecordTarget;
    if (entry.end() > slice_.end()) record.flags |= kRecordLater;
    if (omitted) record.flags |= kRecordOmitted;
    const TapeOffset begin = std::max(entry.offset, slice_.begin);
    const TapeOffset end = std::min(entry.end(), slice_.end());
    waiting.begin = begin - slice_.begin;
    waiting.first_page = waiting.begin >> page_bits_;
    waiting.last_page = (end - slice_.begin - 1) >> page_bits_;
    waiting_.push_back(std::move(waiting));
  }

  // Hash and outcome stand in the record of the volume where the member ends.
  void member_ends(const MemberEnd& end) {
    TAPE_ASSERT(!waiting_.empty());
    MemberRecord& record = waiting_.back().record;
    if (record.has(kRecordLater)) return;
    record.flags |= flag_of(end.outcome);
    if (!end.hash) return;
    record.flags |= kRecordHash;
    record.hash = *end.hash;
  }

  void page_written(std::uint64_t number, GzRange place) {
    // Members are contiguous: those that begin in this page stand behind those that end in it.
    for (auto at = waiting_.rbegin(); at != waiting_.rend() && at->first_page >= number; ++at) {
      if (at->first_page == number) at->record.pages.begin = place.begin;
    }
    while (!waiting_.empty() && waiting_.front().last_page == number) {
      MemberRecord& record = waiting_.front().record;
      record.pages.size = place.end() - record.pages.begin;
      cutter_.add(record, NodeKind::leaf, *deflater_, keep_);
      ++records_;
      waiting_.pop_front();
    }
    tail_ = place.end();
  }

  // Behind `pages` pages. Members are contiguous, so at most one lies across that place, and its
  // end is not known there.
  void save(FieldWriter& fields, std::uint64_t pages) const {
    fields.number(records_);
    fields.number(spooled_);
    fields.number(tail_.value());
    cutter_.save(fields);
    const bool across = !waiting_.empty() && waiting_.front().begin < pages << page_bits_;
    fields.number(across ? 1 : 0);
    if (!across) return;
    MemberRecord record = waiting_.front().record;
    record.flags &=
        static_cast<std::uint8_t>(~(kRecordHash | kRecordChanged | kRecordTorn | kRecordGrew));
    save_record(fields, record);
    fields.number(waiting_.front().begin);
    fields.number(waiting_.front().first_page);
    fields.number(waiting_.front().last_page);
  }

  void load(FieldReader& fields) {
    records_ = fields.number();
    const ByteCount spooled = fields.number();
    tail_ = GzOffset(fields.number());
    cutter_.load(fields);
    if (fields.number_to(1) != 0) {
      Waiting& waiting = waiting_.emplace_back();
      waiting.record = load_record(fields);
      waiting.begin = fields.number();
      waiting.first_page = fields.number();
      waiting.last_page = fields.number();
    }
    load_nodes(spooled);
  }

  ByteCount spooled() const { return spooled_; }

  // Writes leaves and inner levels behind the last index.
  MemberIndexRoot finish(RagzipWriter& ragzip, VolumeSummary& summary) {
    TAPE_ASSERT(waiting_.empty());
    cutter_.cut(NodeKind::leaf, *deflater_, keep_);
    MemberIndexRoot root;
    root.records = summary.records = records_;
    summary.tail_offset = tail_;
    summary.inner_offset = ragzip.position();
    if (records_ == 0) return root;
    summary.first_path = nodes_.front().path;
    root.leaves = copy_leaves(ragzip);
    root.height = 1;
    root.root = nodes_.back().place;
    summary.inner_offset = nodes_.size() == 1 ? root.root.begin : ragzip.position();
    while (nodes_.size() > 1) {
      nodes_ = write_level(ragzip, nodes_);
      root.root = nodes_.back().place;
      ++root.height;
    }
    summary.height = root.height;
    return root;
  }

 private:
  struct Waiting {
    MemberRecord record;
    ByteCount begin = 0;  // of its bytes in the slice
    std::uint64_t first_page = 0;
    std::uint64_t last_page = 0;
  };

  // The first paths and places of the leaves that wait in the spool.
  void load_nodes(ByteCount spooled) {
    const auto inflater = make_libdeflate_inflater();
    constexpr std::size_t kHead = 16;  // header, XLEN, the subfield's head
    Bytes node;
    while (spooled_ < spooled) {
      node.resize(kHead);
      spool_.in.read_at(GzOffset(spooled_), node);
      const std::size_t payload = load_le16(&node[14]);
      node.resize(kMetadataOverhead + payload);
      spool_.in.read_at(GzOffset(spooled_), node);
      const Node leaf =
          decode_node(ByteView(node).subspan(kHead, payload), NodeKind::leaf, *inflater);
      nodes_.push_back(
          {RecordDecoder(leaf.body).member(nullptr).path, {GzOffset(spooled_), node.size()}});
      spooled_ += node.size();
    }
  }

  // A leaf does not hold its own offset, so it can be made before that is known: here it counts
  // from the first leaf.
  void keep(const std::string& first, const Bytes& node) {
    spool_.out.write(node);
    nodes_.push_back({first, {GzOffset(spooled_), node.size()}});
    spooled_ += node.size();
  }

  GzRange copy_leaves(RagzipWriter& ragzip) {
    const GzOffset begin = ragzip.position();
    Bytes piece;
    for (ByteCount done = 0; done < spooled_; done += piece.size()) {
      piece.resize(std::min<ByteCount>(kCopyBytes, spooled_ - done));
      spool_.in.read_at(GzOffset(done), piece);
      ragzip.append_member(piece);
    }
    for (ChildRecord& node : nodes_)
      node.place.begin = begin + node.place.begin.value();
    return {begin, spooled_};
  }

  std::vector<ChildRecord> write_level(RagzipWriter& ragzip,
                                       const std::vector<ChildRecord>& below) {
    std::vector<ChildRecord> level;
    NodeCutter<ChildRecord> cutter;
    const NodeSink write = [&](const std::string& first, const Bytes& node) {
      level.push_back({first, {ragzip.append_member(node), node.size()}});
    };
    for (const ChildRecord& child : below)
      cutter.add(child, NodeKind::inner, *deflater_, write);
    cutter.cut(NodeKind::inner, *deflater_, write);
    return level;
  }

  const NodeSink keep_ = [this](const std::string& first, const Bytes& node) { keep(first, node); };
  LeafSpool spool_;
  int page_bits_;
  TapeRange slice_;
  std::unique_ptr<Deflater> deflater_;
  std::deque<Waiting> waiting_;  // in tape order; their last page is not written yet
  NodeCutter<MemberRecord> cutter_;
  std::vector<ChildRecord> nodes_;
  ByteCount spooled_ = 0;
  std::uint64_t records_ = 0;
  GzOffset tail_;
};

class VolumeWriter::SliceHash {
 public:
  Xxh3Stream stream;
};

VolumeWriter::VolumeWriter(ByteSink& sink, LeafSpool spool, const VolumeOptions& options)
    : options_(options),
      leaves_(std::make_unique<Leaves>(spool, options.ragzip, options.slice)),
      hash_(std::make_unique<SliceHash>()),
      ragzip_(sink, options.ragzip, this) {}

VolumeWriter::~VolumeWriter() = default;

void VolumeWriter::member_starts(const Entry& entry, const Start& start) {
  leaves_->member_starts(entry, start.omitted, options_.metadata == Metadata::full);
}

void VolumeWriter::member_ends(const Entry& /*entry*/, const MemberEnd& end) {
  leaves_->member_ends(end);
}

void VolumeWriter::write(ByteView bytes) {
  ragzip_.write(bytes);
}

void VolumeWriter::add_page(ByteView members, ByteView bytes) {
  ragzip_.add_page(members, bytes);
}

void VolumeWriter::add_extension(std::uint32_t id, ByteView payload, std::uint8_t flags) {
  ragzip_.add_extension(id, payload, flags);
}

void VolumeWriter::page_written(std::uint64_t number, GzRange place, ByteView bytes) {
  hash_->stream.update(bytes);
  leaves_->page_written(number, place);
}

ByteCount VolumeWriter::spooled() const {
  return leaves_->spooled();
}

Bytes VolumeWriter::save() const {
  Bytes out;
  FieldWriter fields(out);
  fields.blob(encode_boundary(ragzip_.boundary()));
  fields.blob(hash_->stream.save());
  leaves_->save(fields, ragzip_.page_count());
  return out;
}

bool VolumeWriter::load(ByteView saved) {
  FieldReader fields(saved);
  const ByteView ragzip = fields.blob();
  if (!hash_->stream.load(fields.blob())) return false;
  ragzip_.resume(decode_boundary(ragzip, options_.ragzip));
  leaves_->load(fields);
  fields.expect_end();
  return true;
}

VolumeSummary VolumeWriter::finish() {
  TAPE_ASSERT(ragzip_.logical_size() == options_.slice.size);
  VolumeSummary summary;
  ragzip_.finish_pages();
  Tmix tmix;
  tmix.root = leaves_->finish(ragzip_, summary);
  tmix.root.slice_hash = summary.slice_hash = hash_->stream.digest();
  tmix.logical_size = static_cast<std::int64_t>(ragzip_.logical_size());
  tmix.top_index = static_cast<std::int64_t>(ragzip_.top_index().value());
  ragzip_.add_extension(kTmixId, encode_tmix(tmix));
  ragzip_.finish();
  summary.size = ragzip_.position().value();
  summary.levels = ragzip_.levels();
  summary.pages = ragzip_.page_count();
  return summary;
}

}  // namespace tape
