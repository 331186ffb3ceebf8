// Retention: which snapshots of a set stay, by rules of restic's words and meaning.
//
// In, out: IDs, values; pure but for the zone.
// Threads: any.
// Spec:    docs/cli.md "forget"; docs/operations.md "Retention".
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace agent {

// How many of each kind stay. 0: the rule says nothing.
struct KeepRules {
  static constexpr std::uint32_t kAll = UINT32_MAX;
  std::uint32_t last = 0;
  std::uint32_t hourly = 0;
  std::uint32_t daily = 0;
  std::uint32_t weekly = 0;  // of ISO 8601
  std::uint32_t monthly = 0;
  std::uint32_t yearly = 0;
  std::optional<std::chrono::seconds> within;  // of the latest snapshot

  // Whether there is any: without, nothing may be forgotten.
  bool says_nothing() const;
};

struct Verdict {
  std::string snapshot;
  std::vector<std::string> reasons;  // why it stays; empty: it goes
};

// `ids`: sorted, oldest first; the time of a snapshot is the one its ID begins with. Of each hour,
// day, week, month and year the last snapshot counts, newest first, as many as the rule says; while
// a rule has counts left, the oldest snapshot stays, too. Days are those of the machine's zone.
// What is dated more than a day later than `now` stays and counts for nothing, as does what has no
// date. Something always stays when there are rules.
std::vector<Verdict> verdicts_of(const KeepRules& rules,
                                 const std::vector<std::string>& ids,
                                 std::chrono::system_clock::time_point now);

// Of an ID. None: it begins with no time.
std::optional<std::int64_t> seconds_of_id(const std::string& id);

}  // namespace agent
