// The index tree of a ragzip object: from a page's number to its place.
//
// A slot is believed only between its neighbours: offsets of one level increase over the whole
// object, so the first slot of an index is compared with the last one of the index in front, and
// the last one with the first one of the index behind. Then a slot that was changed names its page,
// or nothing that can be read as one.
//
// In:      a MetadataReader.
// Limits:  memory: cached: indexes_a_level · levels indexes; loaded: 8 bytes a page; direct: none
//          but the offsets of kHeadsMax indexes whose header was seen.
// Threads: any number of callers; nobody else uses the MetadataReader meanwhile.
// Spec:    docs/format.md §3.3 and §3.6; ragzip 1.0 "Cacheless mode".
#pragma once
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "restore/metadata_reader.h"
#include "restore/ragzip_structure.h"

namespace tape {

class PageIndex {
 public:
  // Loads what the mode says. `metadata` must outlive this. Fails: corrupt.
  PageIndex(MetadataReader& metadata,
            const RagzipStructure& structure,
            const IndexOptions& options);
  // Mode loaded, of pages that are known; boundary_behind() is not for it.
  PageIndex(MetadataReader& metadata,
            const RagzipStructure& structure,
            const std::vector<GzRange>& pages);
  PageIndex(const PageIndex&) = delete;
  PageIndex& operator=(const PageIndex&) = delete;
  ~PageIndex() = default;

  // Where page `number` begins, and an offset at or behind its end; in mode loaded the begin of the
  // next page. Fails: corrupt.
  GzRange place(std::uint64_t number);

  // In mode loaded: where the last page ends at the latest.
  GzOffset pages_end() const { return pages_end_; }
  // In mode loaded: what the indexes of a writer are that has written `pages` pages (the last one's
  // offset is in none yet).
  std::vector<std::vector<GzOffset>> open_indexes(std::uint64_t pages) const;

 private:
  struct Index {
    GzOffset offset;
    std::vector<GzOffset> slots;
  };
  // One index on the way down.
  struct Step {
    int level = 0;
    GzOffset at;
    GzOffset limit;           // it ends before
    std::uint64_t count = 0;  // of slots, as the size of the content implies
  };
  struct Slots {
    GzOffset before;  // of slot 0: not set
    GzOffset here;
    GzOffset after;  // of the last slot: the index's own offset
  };

  GzRange descend(std::uint64_t number);
  Slots slots_at(const Step& step, std::uint64_t slot);
  Slots read_slots(const Step& step, std::uint64_t slot);
  Index load(const Step& step);
  const Index& cached(const Step& step);
  void check_head(const Step& step);
  GzOffset last_slot(GzOffset index) const;
  GzOffset first_slot(GzOffset index) const;
  GzOffset lone_slot(GzOffset index, std::uint64_t slot) const;
  void load_all();

  MetadataReader& metadata_;
  const RagzipGeometry geometry_;
  const IndexOptions options_;
  GzOffset pages_end_;  // where a single page ends at the latest
  std::vector<std::vector<GzOffset>>
      items_;  // loaded: by level, what its indexes hold: of L1 pages
  std::mutex mutex_;
  std::vector<std::deque<Index>> cache_;                // of each level, the one used last in front
  std::set<std::pair<GzOffset, std::uint64_t>> heads_;  // direct: headers seen, with their slots
};

}  // namespace tape
