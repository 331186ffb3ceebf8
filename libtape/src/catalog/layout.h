// The running digests of a tape: what scan() writes and Catalog::check() computes again.
//
// Spec:    docs/format.md §1 "Fingerprint", "State".
#pragma once
#include "catalog/entry_row.h"

namespace tape {

class Layout {
 public:
  explicit Layout(const TapeSettings& settings);

  // Adds the next entry; `header` is encode_header(member).
  void add(const SeenEntry& seen, const Member& member, ByteView header);

  TapeOffset end() const { return end_; }  // where the next member begins
  std::uint64_t entries() const { return entries_; }
  ByteCount tape_size() const;  // with the end blocks
  Hash128 fingerprint() const { return fingerprint_.digest(); }
  Hash128 state() const { return state_.digest(); }
  Hash128 contents() const { return contents_.digest(); }

 private:
  TapeOffset end_;
  std::uint64_t entries_ = 0;
  Xxh3Stream fingerprint_;
  Xxh3Stream state_;
  Xxh3Stream contents_;
};

// Stands among the problems and is none: nothing is wrong with the tree.
inline constexpr const char* kSocketReason = "a socket: no archive holds one";

// One problem's path and reason, each framed: the digest of table `problem` goes under the seal.
void add_problem(Xxh3Stream& problems, const std::string& path, const std::string& reason);

// XXH3-128 over the columns of the one row of table `tape`, the source options and the digest of
// the problems, each framed.
Hash128 seal_of(const CatalogSummary& summary, const Hash128& problems);

}  // namespace tape
