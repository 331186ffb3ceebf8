#include "schedule/calendar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string_view>

#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kHour = 3600;
constexpr std::uint32_t kAllHours = (1U << 24) - 1;
constexpr std::uint64_t kAllMinutes = (std::uint64_t{1} << 60) - 1;
constexpr std::uint32_t kAllDays = ~1U;
constexpr std::uint32_t kAllMonths = ((1U << 13) - 1) & ~1U;
constexpr std::uint32_t kAllWeekdays = (1U << 7) - 1;
// A 29th of February may be 8 years away, of a weekday 40.
constexpr std::int64_t kDaysAhead = std::int64_t{41} * 366;

constexpr std::array<std::string_view, 7> kWeekdays = {"sunday",   "monday", "tuesday", "wednesday",
                                                       "thursday", "friday", "saturday"};
constexpr std::array<std::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};

struct Date {
  std::int64_t year = 0;
  unsigned month = 0;
  unsigned day = 0;
};

// Of a number of days since 1970: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
Date date_of(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
  const unsigned month = (5 * of_year + 2) / 153;
  Date out;
  out.day = of_year - (153 * month + 2) / 5 + 1;
  out.month = month < 10 ? month + 3 : month - 9;
  out.year = std::int64_t{year} + era * 400 + (out.month <= 2 ? 1 : 0);
  return out;
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

std::string lower(std::string text) {
  for (char& c : text)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> out;
  while (true) {
    const std::size_t at = std::min(text.find(by), text.size());
    out.emplace_back(text.substr(0, at));
    if (at == text.size()) return out;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string> words_in(const std::string& text) {
  std::vector<std::string> out;
  for (const std::string& words : split(text, '\t')) {
    for (const std::string& word : split(words, ' ')) {
      if (!word.empty()) out.push_back(lower(word));
    }
  }
  return out;
}

std::optional<unsigned> number(std::string_view text, unsigned least, unsigned most) {
  unsigned out = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, out);
  if (failure != std::errc() || rest != end || out < least || out > most) return std::nullopt;
  return out;
}

// What the parts of a list may be.
struct Field {
  unsigned least;
  unsigned most;
  const std::string_view* names;  // or null
  std::size_t names_count;
  unsigned first_name;

  std::optional<unsigned> value(std::string_view text) const {
    for (std::size_t i = 0; i < names_count; ++i) {
      // `mon`, `monday` and what is between them.
      if (text.size() >= 3 && names[i].starts_with(text))
        return first_name + static_cast<unsigned>(i);
    }
    return number(text, least, most);
  }
};

constexpr Field kWeekdayField = {0, 7, kWeekdays.data(), kWeekdays.size(), 0};
constexpr Field kMonthField = {1, 12, kMonths.data(), kMonths.size(), 1};

// `a`, `a-b` or `a..b`, `*`, each with `/step`.
bool add_range(std::string_view text, const Field& field, std::uint64_t& bits) {
  unsigned step = 1;
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    const auto typed = number(text.substr(slash + 1), 1, field.most);
    if (!typed) return false;
    step = *typed;
    text = text.substr(0, slash);
  }
  unsigned first = field.least;
  unsigned last = field.most;
  if (text != "*") {
    const std::size_t dots = text.find("..");
    const std::size_t dash = dots == std::string_view::npos ? text.find('-') : dots;
    const auto from = field.value(text.substr(0, std::min(dash, text.size())));
    const std::size_t behind = dash + (dots == std::string_view::npos ? 1 : 2);
    const auto to = dash == std::string_view::npos ? from : field.value(text.substr(behind));
    if (!from || !to) return false;
    first = *from;
    last = dash == std::string_view::npos && step != 1 ? field.most : *to;
  }
  // Fri..Mon goes over the end of the week.
  const unsigned size = field.most - field.least + (field.names == kWeekdays.data() ? 0 : 1);
  if (last < first) {
    if (field.names != kWeekdays.data()) return false;
    last += size;
  }
  for (unsigned value = first; value <= last; value += step)
    bits |= std::uint64_t{1} << (value > field.most ? value - size : value);
  return true;
}

std::optional<std::uint64_t> bits_of(const std::string& text, const Field& field) {
  std::uint64_t bits = 0;
  for (const std::string& part : split(text, ',')) {
    if (!add_range(part, field, bits)) return std::nullopt;
  }
  return bits;
}

// Sunday is 0 and 7.
std::uint32_t weekdays_of(std::uint64_t bits) {
  return static_cast<std::uint32_t>((bits | bits >> 7) & kAllWeekdays);
}

// `HH` or `HH:MM`.
std::optional<std::pair<unsigned, unsigned>> time_of_day(const std::string& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const auto hour = number(std::string_view(text).substr(0, colon), 0, 23);
  const auto minute = colon == text.size()
                          ? std::optional<unsigned>(0)
                          : number(std::string_view(text).substr(colon + 1), 0, 59);
  if (!hour || !minute || (colon != text.size() && text.size() != colon + 3)) return std::nullopt;
  return std::pair(*hour, *minute);
}

// The environment is the process's: whoever reads a zone puts it back.
class InZone {
 public:
  explicit InZone(const std::string& name) {
    if (name.empty()) return;
    const char* before = std::getenv("TZ");  // NOLINT(concurrency-mt-unsafe): as the header says
    before_ = before == nullptr ? std::optional<std::string>() : std::string(before);
    ::setenv("TZ", (":" + name).c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    ::tzset();
    entered_ = true;
  }
  InZone(const InZone&) = delete;
  InZone& operator=(const InZone&) = delete;
  ~InZone() {
    if (!entered_) return;
    if (before_) {
      ::setenv("TZ", before_->c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    } else {
      ::unsetenv("TZ");  // NOLINT(concurrency-mt-unsafe)
    }
    ::tzset();
  }

 private:
  std::optional<std::string> before_;
  bool entered_ = false;
};

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw tape::Error(
      tape::ErrorKind::usage, "schedule \"" + tape::shown(text) + "\": " + why,
      "such as \"daily 03:00\", \"Mon..Fri 12,18:30\", \"every 6h\" or a line of cron: "
      "\"30 3 * * 1-5\"");
}

}  // namespace

Zone::Zone(std::string name) : name_(std::move(name)) {
  if (name_.empty()) return;
  const bool is_safe = name_.find("..") == std::string::npos && name_.front() != '/' &&
                       name_.find('\0') == std::string::npos;
  if (!is_safe || !tape::is_regular_file("/usr/share/zoneinfo/" + name_))
    throw tape::Error(tape::ErrorKind::usage,
                      "timezone \"" + tape::shown(name_) + "\": not known to this machine",
                      "a name of /usr/share/zoneinfo, such as Europe/Berlin (package tzdata)");
}

std::int64_t Zone::offset_at(UnixSeconds time) const {
  const InZone zone(name_);
  const std::time_t at = time;
  std::tm out{};
  ::localtime_r(&at, &out);
  return out.tm_gmtoff;
}

Calendar Calendar::parse(const std::string& text, const Zone& zone) {
  Calendar out(zone);
  const auto words = words_in(text);
  if (words.empty()) refuse(text, "nothing there");
  if (!out.parse_every(words) && !out.parse_cron(words) && !out.parse_words(words))
    refuse(text, "not understood");
  if (out.every_ == 0 && !out.is_ever()) refuse(text, "never due");
  return out;
}

bool Calendar::is_ever() const {
  for (std::int64_t day = 0; day < kDaysAhead; ++day) {
    const bool is_day = std::any_of(times_.begin(), times_.end(),
                                    [&](const Times& times) { return is_on(times, day); });
    if (is_day) return true;
  }
  return false;
}

// every N s|m|h|d: counted from the beginning of 1970, UTC.
bool Calendar::parse_every(const std::vector<std::string>& words) {
  if (words.size() != 2 || words[0] != "every" || words[1].size() < 2) return false;
  const char unit = words[1].back();
  const std::int64_t seconds = unit == 's'   ? 1
                               : unit == 'm' ? 60
                               : unit == 'h' ? kHour
                               : unit == 'd' ? kDay
                                             : 0;
  constexpr unsigned kMost = 10'000;
  const auto count = number(std::string_view(words[1]).substr(0, words[1].size() - 1), 1, kMost);
  if (!count || seconds == 0) return false;
  every_ = seconds * *count;
  return true;
}

bool Calendar::parse_cron(const std::vector<std::string>& words) {
  if (words.size() != 5) return false;
  const auto minutes = bits_of(words[0], {0, 59, nullptr, 0, 0});
  const auto hours = bits_of(words[1], {0, 23, nullptr, 0, 0});
  const auto days = bits_of(words[2], {1, 31, nullptr, 0, 0});
  const auto months = bits_of(words[3], kMonthField);
  const auto weekdays = bits_of(words[4], kWeekdayField);
  if (!minutes || !hours || !days || !months || !weekdays) return false;
  Times& times = times_.emplace_back();
  times.minutes = *minutes;
  times.hours = static_cast<std::uint32_t>(*hours);
  times.days = static_cast<std::uint32_t>(*days);
  times.months = static_cast<std::uint32_t>(*months);
  times.weekdays = weekdays_of(*weekdays);
  times.any_day = words[2].starts_with('*');
  times.any_weekday = words[4].starts_with('*');
  return true;
}

// [hourly|daily|weekly|monthly|WEEKDAYS] [TIME,TIME...]
bool Calendar::parse_words(const std::vector<std::string>& words) {
  Times base{1, 1, kAllDays, kAllMonths, kAllWeekdays, true, true};
  std::size_t next = 0;
  bool hourly = false;
  if (words[0] == "hourly") {
    hourly = true;
    ++next;
  } else if (words[0] == "daily") {
    ++next;
  } else if (words[0] == "weekly") {
    base.weekdays = 1U << 1;
    base.any_weekday = false;
    ++next;
  } else if (words[0] == "monthly") {
    base.days = 1U << 1;
    base.any_day = false;
    ++next;
  } else if (const auto weekdays = bits_of(words[0], kWeekdayField);
             weekdays && words[0].find_first_of("0123456789") == std::string::npos) {
    base.weekdays = weekdays_of(*weekdays);
    base.any_weekday = false;
    ++next;
  }
  if (words.size() > next + 1) return false;
  if (hourly) {
    base.hours = kAllHours;
    times_.push_back(base);
    if (next == words.size()) return true;
    // `hourly :15`
    const auto minute = words[next].starts_with(':')
                            ? number(std::string_view(words[next]).substr(1), 0, 59)
                            : std::nullopt;
    if (minute) times_.back().minutes = std::uint64_t{1} << *minute;
    return minute.has_value();
  }
  if (next == words.size()) {
    if (next == 0) return false;
    times_.push_back(base);
    return true;
  }
  for (const std::string& typed : split(words[next], ',')) {
    const auto time = time_of_day(typed);
    if (!time) return false;
    Times& times = times_.emplace_back(base);
    times.hours = 1U << time->first;
    times.minutes = std::uint64_t{1} << time->second;
  }
  return true;
}

bool Calendar::is_on(const Times& times, std::int64_t day) {
  const Date date = date_of(day);
  // 1970-01-01 was a Thursday.
  const auto weekday = static_cast<unsigned>((day % 7 + 7 + 4) % 7);
  const bool by_day = (times.days >> date.day & 1U) != 0;
  const bool by_weekday = (times.weekdays >> weekday & 1U) != 0;
  const bool is_day =
      times.any_day || times.any_weekday ? by_day && by_weekday : by_day || by_weekday;
  return is_day && (times.months >> date.month & 1U) != 0 && times.hours != 0 && times.minutes != 0;
}

// The moments of a local time: one, two where it comes twice and both count, none where it is
// passed over and every hour counts.
std::vector<UnixSeconds> Calendar::moments_of(std::int64_t local, bool each_hour) const {
  const std::int64_t before = zone_.offset_at(local - 2 * kDay);
  const std::int64_t behind = zone_.offset_at(local + 2 * kDay);
  if (before == behind) return {local - before};
  const UnixSeconds early = local - std::max(before, behind);
  const UnixSeconds late = local - std::min(before, behind);
  const bool is_early = zone_.offset_at(early) == std::max(before, behind);
  const bool is_late = zone_.offset_at(late) == std::min(before, behind);
  std::vector<UnixSeconds> out;
  if (is_early) out.push_back(early);
  if (is_late && (!is_early || each_hour)) out.push_back(late);
  if (out.empty() && !each_hour) out.push_back(local - before);
  return out;
}

// Of a local day, the first moment behind `after`.
std::optional<UnixSeconds> Calendar::first_of_day(const Times& times,
                                                  std::int64_t day,
                                                  UnixSeconds after) const {
  constexpr std::int64_t kMinutes = std::int64_t{24} * 60;
  const std::int64_t offset = zone_.offset_at(day * kDay - 2 * kDay);
  const bool is_steady = zone_.offset_at(day * kDay + 3 * kDay) == offset;
  std::optional<UnixSeconds> out;
  for (std::int64_t minute = 0; minute < kMinutes; ++minute) {
    const bool is_due =
        (times.hours >> (minute / 60) & 1U) != 0 && (times.minutes >> (minute % 60) & 1U) != 0;
    if (!is_due) continue;
    if (is_steady) {
      const UnixSeconds time = day * kDay + minute * 60 - offset;
      if (time > after) return time;
      continue;
    }
    for (const UnixSeconds time : moments_of(day * kDay + minute * 60, times.hours == kAllHours)) {
      if (time > after && (!out || time < *out)) out = time;
    }
  }
  return out;
}

UnixSeconds Calendar::next(UnixSeconds after) const {
  if (every_ != 0) return (floor_div(after, every_) + 1) * every_;
  const std::int64_t today = floor_div(after + zone_.offset_at(after), kDay);
  for (std::int64_t day = today - 1; day < today + kDaysAhead; ++day) {
    std::optional<UnixSeconds> out;
    for (const Times& times : times_) {
      if (!is_on(times, day)) continue;
      const auto found = first_of_day(times, day, after);
      if (found && (!out || *found < *out)) out = found;
    }
    if (out) return *out;
  }
  throw tape::Error(tape::ErrorKind::unsupported, "a schedule that is not due in 41 years");
}

}  // namespace agent
