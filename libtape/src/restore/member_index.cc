#include "tape/member_index.h"

#include <algorithm>

#include "base/assert.h"
#include "base/second_look.h"
#include "codec/member_index_node.h"
#include "format/path_order.h"
#include "tape/error.h"

namespace tape {
namespace {

constexpr ByteCount kLeavesAhead = ByteCount{256} * 1024;

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, "member index: " + what);
}

[[noreturn]] void no_index(const std::string& why) {
  throw Error(ErrorKind::unsupported, "no member index: " + why,
              "`gzip -dc FILE | tar -x` reads it");
}

// The last of `children` whose first path is not behind `path`; none when all are.
const ChildRecord* child_for(const std::vector<ChildRecord>& children, std::string_view path) {
  const auto after = std::upper_bound(children.begin(), children.end(), path,
                                      [](std::string_view wanted, const ChildRecord& child) {
                                        return path_before(wanted, child.path);
                                      });
  return after == children.begin() ? nullptr : &*(after - 1);
}

}  // namespace

MemberIndex::MemberIndex(RagzipReader& ragzip)
    : ragzip_(ragzip), inflater_(make_libdeflate_inflater()) {
  const auto& extensions = ragzip.extensions();
  const auto found =
      std::find_if(extensions.begin(), extensions.end(),
                   [](const RagzipExtension& e) { return e.flags == 0 && e.id == kTmixId; });
  if (found == extensions.end()) no_index("not written by Ragtape");
  const auto tmix = decode_tmix(found->payload);
  if (!tmix) no_index("TMIX of another version");
  const RagzipGeometry& geometry = ragzip.geometry();
  if (static_cast<ByteCount>(tmix->logical_size) != geometry.logical_size ||
      tmix->top_index != static_cast<std::int64_t>(geometry.top_index.value())) {
    no_index("TMIX is of another state of the file (something was appended)");
  }
  root_ = tmix->root;
  root_.extension = found->offset;
  if (root_.records != 0 &&
      (root_.root.end() > root_.extension || root_.leaves.end() > root_.extension))
    corrupt("TMIX: the tree reaches behind it");
}

MemberIndex::~MemberIndex() = default;

template <class Record, class Read>
std::vector<Record> MemberIndex::read_node(GzRange place, int kind, Read read) {
  const auto read_once = [&] {
    return within("node at " + std::to_string(place.begin.value()), [&] {
      const auto member =
          ragzip_.metadata_member(place.begin, root_.extension, {"TM", "node", place.size});
      if (member.end != place.end())
        corrupt("it ends at " + std::to_string(member.end.value()) + ", " +
                std::to_string(place.end().value()) + " expected");
      const Node node = decode_node(member.payload, static_cast<NodeKind>(kind), *inflater_);
      RecordDecoder decoder(node.body);
      std::vector<Record> records;
      records.reserve(node.records);
      while (records.size() < node.records)
        records.push_back(read(decoder, records.empty() ? nullptr : &records.back()));
      if (!decoder.at_end()) corrupt("bytes behind the last record");
      return records;
    });
  };
  return second_look(read_once, [&] { ragzip_.forget_metadata(); });
}

std::vector<MemberRecord> MemberIndex::leaf(GzRange place) {
  return read_node<MemberRecord>(
      place, static_cast<int>(NodeKind::leaf),
      [](RecordDecoder& from, const MemberRecord* before) { return from.member(before); });
}

std::vector<ChildRecord> MemberIndex::inner(GzRange place) {
  auto children = read_node<ChildRecord>(
      place, static_cast<int>(NodeKind::inner),
      [](RecordDecoder& from, const ChildRecord* before) { return from.child(before); });
  for (const ChildRecord& child : children) {
    // A child stands in front of its parent: so no walk goes in circles.
    if (child.place.end() > place.begin)
      corrupt("node at " + std::to_string(place.begin.value()) + ": a child behind it");
  }
  return children;
}

const std::vector<MemberRecord>& MemberIndex::leaf_for(std::string_view path) {
  static const std::vector<MemberRecord> kNone;
  if (root_.records == 0) return kNone;
  GzRange at = root_.root;
  for (int height = root_.height; height > 1; --height) {
    const auto children = inner(at);
    const ChildRecord* child = child_for(children, path);
    if (child == nullptr) return kNone;
    at = child->place;
  }
  return leaf_at(at);
}

const std::vector<MemberRecord>& MemberIndex::leaf_at(GzRange place) {
  if (last_records_.empty() || last_leaf_.begin != place.begin) {
    last_records_ = leaf(place);
    last_leaf_ = place;
  }
  return last_records_;
}

std::optional<MemberRecord> MemberIndex::find(std::string_view path) {
  const auto& records = leaf_for(path);
  const auto found = std::find_if(records.begin(), records.end(),
                                  [&](const MemberRecord& r) { return r.path == path; });
  if (found == records.end()) return {};
  return *found;
}

std::optional<std::string> MemberIndex::first_path() {
  if (root_.records == 0) return {};
  return root_.height == 1 ? leaf_for({}).front().path : inner(root_.root).front().path;
}

std::optional<std::string> MemberIndex::last_path() {
  if (root_.records == 0) return {};
  GzRange at = root_.root;
  for (int height = root_.height; height > 1; --height)
    at = inner(at).back().place;
  return leaf_at(at).back().path;
}

std::vector<std::string> MemberIndex::neighbours(std::string_view path, std::size_t count) {
  const auto& records = leaf_for(path);
  const auto behind = std::find_if(records.begin(), records.end(), [&](const MemberRecord& r) {
    return path_before(path, r.path);
  });
  const std::size_t middle = static_cast<std::size_t>(behind - records.begin());
  const std::size_t begin = middle > count / 2 ? middle - count / 2 : 0;
  std::vector<std::string> out;
  for (std::size_t i = begin; i < std::min(records.size(), begin + count); ++i)
    out.push_back(records[i].path);
  return out;
}

// Goes from leaf to leaf, the way down kept as one node a level.
class LeafWalk final : public RecordCursor {
 public:
  // Of the leaf that the last record came from.
  GzRange leaf() const { return leaf_; }

  LeafWalk(MemberIndex& index, std::string_view from) : index_(index) {
    index.ragzip_.read_metadata_ahead(index.root_.leaves, kLeavesAhead);
    if (index.root_.records != 0) descend(index.root_.root, index.root_.height, {}, from);
    while (at_ < records_.size() && path_before(records_[at_].path, from))
      ++at_;
    if (at_ > 0) last_ = records_[at_ - 1].path;
  }

  std::optional<MemberRecord> next() override {
    while (at_ == records_.size()) {
      if (!next_leaf()) return {};
    }
    MemberRecord record = std::move(records_[at_++]);
    if (last_ && !path_before(*last_, record.path))
      corrupt("nodes are not in order at " + shown(record.path));
    last_ = record.path;
    return record;
  }

 private:
  struct Level {
    std::vector<ChildRecord> children;
    std::size_t next = 0;
    int height = 0;  // of the children
  };

  void descend(GzRange place,
               int height,
               const std::optional<std::string>& first,
               std::string_view from) {
    std::optional<std::string> expected = first;
    for (; height > 1; --height) {
      Level level{index_.inner(place), 0, height - 1};
      compare_first(place, expected, level.children.front().path);
      const ChildRecord* child = child_for(level.children, from);
      level.next = child == nullptr ? 0 : static_cast<std::size_t>(child - level.children.data());
      place = level.children[level.next].place;
      expected = level.children[level.next].path;
      ++level.next;
      levels_.push_back(std::move(level));
    }
    records_ = index_.leaf(place);
    at_ = 0;
    leaf_ = place;
    compare_first(place, expected, records_.front().path);
  }

  bool next_leaf() {
    while (!levels_.empty() && levels_.back().next == levels_.back().children.size())
      levels_.pop_back();
    if (levels_.empty()) return false;
    const ChildRecord child = levels_.back().children[levels_.back().next++];
    descend(child.place, levels_.back().height, child.path, {});
    return true;
  }

  static void compare_first(GzRange place,
                            const std::optional<std::string>& expected,
                            const std::string& found) {
    if (expected && *expected != found)
      corrupt("node at " + std::to_string(place.begin.value()) + ": begins with " + shown(found) +
              ", its parent says " + shown(*expected));
  }

  MemberIndex& index_;
  std::vector<Level> levels_;
  std::vector<MemberRecord> records_;
  GzRange leaf_;
  std::size_t at_ = 0;
  std::optional<std::string> last_;
};

std::unique_ptr<RecordCursor> MemberIndex::records_from(std::string_view from) {
  return std::make_unique<LeafWalk>(*this, from);
}

void MemberIndex::check() {
  std::uint64_t count = 0;
  LeafWalk walk(*this, {});
  GzRange leaf{root_.leaves.begin, 0};
  while (walk.next()) {
    ++count;
    if (leaf.size != 0 && walk.leaf().begin == leaf.begin) continue;
    if (walk.leaf().begin != leaf.end()) {
      corrupt("a leaf at " + std::to_string(walk.leaf().begin.value()) + ", " +
              std::to_string(leaf.end().value()) + " expected");
    }
    leaf = walk.leaf();
  }
  if (count != root_.records) {
    corrupt(std::to_string(count) + " records, TMIX says " + std::to_string(root_.records));
  }
  if (leaf.end() != root_.leaves.end()) {
    corrupt("leaves end at " + std::to_string(leaf.end().value()) + ", TMIX says " +
            std::to_string(root_.leaves.end().value()));
  }
}

}  // namespace tape
