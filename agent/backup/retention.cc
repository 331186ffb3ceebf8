#include "backup/retention.h"

#include <array>
#include <charconv>
#include <ctime>

namespace agent {
namespace {

constexpr std::int64_t kDay = 86'400;

// The hour, day, ... that a time is in: equal for two times in the same one.
using Bucket = std::int64_t;

std::tm local(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm out{};
  ::localtime_r(&time, &out);
  return out;
}

Bucket day_of(const std::tm& time) {
  return (std::int64_t{time.tm_year} * 12 + time.tm_mon) * 31 + time.tm_mday;
}

Bucket hour_of(const std::tm& time) {
  return day_of(time) * 24 + time.tm_hour;
}

// ISO 8601: of the year that its Thursday is in.
Bucket week_of(const std::tm& time) {
  constexpr std::size_t kSize = 16;
  std::array<char, kSize> text{};
  std::strftime(text.data(), text.size(), "%G%V", &time);
  return std::strtoll(text.data(), nullptr, 10);
}

Bucket month_of(const std::tm& time) {
  return std::int64_t{time.tm_year} * 12 + time.tm_mon;
}

Bucket year_of(const std::tm& time) {
  return time.tm_year;
}

struct Rule {
  const char* name;
  std::uint32_t left;
  Bucket (*bucket)(const std::tm& time);  // null: each snapshot is in its own
  std::optional<Bucket> before = {};
};

class Judgement {
 public:
  explicit Judgement(const KeepRules& rules)
      : within_(rules.within), rules_{{"last", rules.last, nullptr},
                                      {"hourly", rules.hourly, hour_of},
                                      {"daily", rules.daily, day_of},
                                      {"weekly", rules.weekly, week_of},
                                      {"monthly", rules.monthly, month_of},
                                      {"yearly", rules.yearly, year_of}} {}

  // Newest first.
  std::vector<std::string> reasons(std::int64_t seconds, bool is_oldest) {
    std::vector<std::string> out;
    if (!latest_) latest_ = seconds;
    if (within_ && seconds > *latest_ - within_->count()) out.emplace_back("within");
    const std::tm time = local(seconds);
    for (Rule& rule : rules_) {
      if (rule.left == 0) continue;
      const std::optional<Bucket> bucket =
          rule.bucket == nullptr ? std::optional<Bucket>() : rule.bucket(time);
      const bool is_new = !bucket || bucket != rule.before;
      if (!is_new && !is_oldest) continue;
      rule.before = bucket;
      if (rule.left != KeepRules::kAll) --rule.left;
      out.push_back(is_new ? rule.name : std::string("oldest ") + rule.name);
    }
    return out;
  }

 private:
  const std::optional<std::chrono::seconds> within_;
  std::vector<Rule> rules_;
  std::optional<std::int64_t> latest_;
};

// The days of 400 years repeat: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = year / 400;
  const auto of_era = static_cast<unsigned>(year - era * 400);
  const unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
  return era * 146'097 + static_cast<std::int64_t>(day_of_era) - 719'468;
}

}  // namespace

bool KeepRules::says_nothing() const {
  return last == 0 && hourly == 0 && daily == 0 && weekly == 0 && monthly == 0 && yearly == 0 &&
         !within;
}

std::optional<std::int64_t> seconds_of_id(const std::string& id) {
  // YYYYMMDDTHHMMSSZ
  constexpr std::size_t kSize = 16;
  if (id.size() < kSize || id[8] != 'T' || id[15] != 'Z') return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t size) -> std::optional<unsigned> {
    unsigned out = 0;
    const char* const end = id.data() + at + size;
    const auto [rest, failure] = std::from_chars(id.data() + at, end, out);
    if (failure != std::errc() || rest != end) return std::nullopt;
    return out;
  };
  const auto year = number(0, 4);
  const auto month = number(4, 2);
  const auto day = number(6, 2);
  const auto hour = number(9, 2);
  const auto minute = number(11, 2);
  const auto second = number(13, 2);
  if (!year || !month || !day || !hour || !minute || !second || *month < 1 || *month > 12 ||
      *day < 1 || *day > 31 || *hour > 23 || *minute > 59 || *second > 60)
    return std::nullopt;
  const std::int64_t seconds = (std::int64_t{*hour} * 60 + *minute) * 60 + *second;
  return days_from_civil(*year, *month, *day) * kDay + seconds;
}

std::vector<Verdict> verdicts_of(const KeepRules& rules,
                                 const std::vector<std::string>& ids,
                                 std::chrono::system_clock::time_point now) {
  const std::int64_t bound = std::chrono::system_clock::to_time_t(now) + kDay;
  std::vector<Verdict> out;
  std::vector<std::pair<std::size_t, std::int64_t>> dated;  // oldest first
  for (const std::string& id : ids) {
    const auto seconds = seconds_of_id(id);
    Verdict& verdict = out.emplace_back(Verdict{id, {}});
    if (!seconds) {
      verdict.reasons.emplace_back("no date");
    } else if (*seconds > bound) {
      verdict.reasons.emplace_back("dated in the future");
    } else {
      dated.emplace_back(out.size() - 1, *seconds);
    }
  }
  Judgement judgement(rules);
  for (std::size_t left = dated.size(); left-- > 0;) {
    const auto [number, seconds] = dated[left];
    out[number].reasons = judgement.reasons(seconds, left == 0);
  }
  return out;
}

}  // namespace agent
