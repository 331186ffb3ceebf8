#include "backup/retention.h"

#include <algorithm>
#include <cstdlib>

#include "support/catch.h"

using agent::KeepRules;
using agent::Verdict;

namespace {

constexpr auto kNow = std::chrono::system_clock::time_point(std::chrono::seconds(1'800'000'000));

std::string joined(const std::vector<std::string>& reasons) {
  std::string out;
  for (const std::string& reason : reasons)
    out += (out.empty() ? "" : ", ") + reason;
  return out;
}

// `DATE: reasons` of those that stay.
std::vector<std::string> staying(const KeepRules& rules, const std::vector<std::string>& ids) {
  std::vector<std::string> out;
  for (const Verdict& verdict : agent::verdicts_of(rules, ids, kNow)) {
    if (!verdict.reasons.empty())
      out.push_back(verdict.snapshot.substr(0, 11) + ": " + joined(verdict.reasons));
  }
  return out;
}

std::vector<std::string> days_of_january(int from, int to) {
  std::vector<std::string> out;
  for (int day = from; day <= to; ++day) {
    const std::string text = std::to_string(day);
    out.push_back("202601" + std::string(2 - text.size(), '0') + text + "T120000Z-abcdefgh");
  }
  return out;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("retention: the time of a snapshot is the one its ID begins with") {
  CHECK(agent::seconds_of_id("19700101T000001Z-abcdefgh") == 1);
  CHECK(agent::seconds_of_id("20270115T080000Z") == 1'800'000'000);
  CHECK(agent::seconds_of_id("20000229T235959Z-x") == 951'868'799);
  for (const char* id : {"", "20270115", "20271315T080000Z", "20270100T080000Z", "2027x115T080000Z",
                         "20270115T240000Z", "20270115-080000Z"})
    CHECK_FALSE(agent::seconds_of_id(id));
}

TEST_CASE("retention: of each day, week and month the last snapshot stays, newest first") {
  KeepRules rules;
  rules.daily = 2;
  rules.weekly = 3;
  const auto ids = days_of_january(1, 20);
  // 2026-01-20 is a Tuesday. The oldest stays while a rule has counts left.
  CHECK(staying(rules, ids) == Lines{"20260111T12: weekly", "20260118T12: weekly",
                                     "20260119T12: daily", "20260120T12: daily, weekly"});
  rules = {};
  rules.monthly = 2;
  CHECK(staying(rules, ids) == Lines{"20260101T12: oldest monthly", "20260120T12: monthly"});
}

TEST_CASE("retention: weeks are those of ISO 8601, over the end of a year, too") {
  KeepRules rules;
  rules.weekly = 2;
  // Monday 2025-12-29 to Sunday 2026-01-04 are one week.
  CHECK(staying(rules, {"20251228T000000Z-a", "20251229T000000Z-a", "20260101T000000Z-a",
                        "20260104T000000Z-a"}) ==
        Lines{"20251228T00: weekly", "20260104T00: weekly"});
}

TEST_CASE("retention: within is counted from the latest snapshot, not from now") {
  KeepRules rules;
  rules.within = std::chrono::hours(48);
  CHECK(staying(rules, days_of_january(1, 10)) ==
        Lines{"20260109T12: within", "20260110T12: within"});
}

TEST_CASE("retention: several in one hour are told apart by the last alone") {
  KeepRules rules;
  rules.last = 1;
  rules.hourly = 2;
  CHECK(staying(rules, {"20260101T090000Z-a", "20260101T100000Z-a", "20260101T101500Z-a",
                        "20260101T103000Z-a"}) ==
        Lines{"20260101T09: hourly", "20260101T10: last, hourly"});
  rules = {};
  rules.yearly = KeepRules::kAll;
  CHECK(staying(rules, {"20240101T090000Z-a", "20250101T100000Z-a", "20260101T101500Z-a"}).size() ==
        3);
}

TEST_CASE("retention: what is dated in the future stays, and counts for nothing") {
  KeepRules rules;
  rules.last = 1;
  rules.within = std::chrono::hours(1);
  CHECK(staying(rules, {"20260101T000000Z-a", "20260102T000000Z-a", "20990101T000000Z-a", "odd"}) ==
        Lines{"20260102T00: within, last", "20990101T00: dated in the future", "odd: no date"});
}

TEST_CASE("retention: whatever the rules say, something stays") {
  for (const int kind : {0, 1, 2, 3, 4, 5}) {
    KeepRules rules;
    std::uint32_t* const counts[] = {&rules.last,   &rules.hourly,  &rules.daily,
                                     &rules.weekly, &rules.monthly, &rules.yearly};
    CHECK(rules.says_nothing());
    *counts[kind] = 1;
    CHECK_FALSE(rules.says_nothing());
    CHECK(staying(rules, {"20260101T000000Z-a"}).size() == 1);
    CHECK(staying(rules, {}).empty());
  }
}
