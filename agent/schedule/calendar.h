// Calendar: when something is due.
//
//   daily 03:00 · Mon..Fri 12,18:30 · Sat 4 · hourly · every 6h · 30 3 * * 1-5
//
// Threads: one caller at a time in the process: the zone is read by the C library's own rules,
// which
//          are of the process.
// Spec:    docs/operations.md "Schedules"; crontab(5).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace agent {

using UnixSeconds = std::int64_t;

// A zone of the system's database, or, empty, the machine's.
class Zone {
 public:
  // Fails: Error{usage} for a name that the machine does not know.
  explicit Zone(std::string name = "");
  const std::string& name() const { return name_; }
  // Local time less UTC.
  std::int64_t offset_at(UnixSeconds time) const;

 private:
  std::string name_;
};

class Calendar {
 public:
  // Fails: Error{usage} that shows what was expected, also for what is never due.
  static Calendar parse(const std::string& text, const Zone& zone);

  // The first moment behind `after`. A time of day that a clock put forward passes over is due as
  // late as if it had not been; one that comes twice is due the first time. Where every hour is
  // meant, hours count as they come.
  UnixSeconds next(UnixSeconds after) const;

 private:
  // What crontab(5) says of minutes to weekdays, as bits.
  struct Times {
    std::uint64_t minutes = 0;
    std::uint32_t hours = 0;
    std::uint32_t days = 0;  // bit 1: the first
    std::uint32_t months = 0;
    std::uint32_t weekdays = 0;  // bit 0: Sunday
    bool any_day = true;  // else one of days and weekdays is enough, where both say something
    bool any_weekday = true;
  };

  explicit Calendar(Zone zone) : zone_(std::move(zone)) {}
  bool parse_every(const std::vector<std::string>& words);
  bool parse_cron(const std::vector<std::string>& words);
  bool parse_words(const std::vector<std::string>& words);
  static bool is_on(const Times& times, std::int64_t day);
  bool is_ever() const;
  std::vector<UnixSeconds> moments_of(std::int64_t local, bool each_hour) const;
  std::optional<UnixSeconds> first_of_day(const Times& times,
                                          std::int64_t day,
                                          UnixSeconds after) const;

  Zone zone_;
  std::vector<Times> times_;
  std::int64_t every_ = 0;  // seconds; 0: by times_
};

}  // namespace agent
