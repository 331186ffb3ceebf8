#include "schedule/calendar.h"

#include <ctime>

#include "support/expect.h"

using agent::Calendar;
using agent::UnixSeconds;
using agent::Zone;

namespace {

UnixSeconds at(const char* utc) {
  std::tm parts{};
  REQUIRE(::strptime(utc, "%Y-%m-%d %H:%M:%S", &parts) != nullptr);
  return ::timegm(&parts);
}

std::string text(UnixSeconds time) {
  const std::time_t value = time;
  std::tm parts{};
  ::gmtime_r(&value, &parts);
  char out[32];
  std::strftime(out, sizeof out, "%Y-%m-%d %H:%M:%S", &parts);
  return out;
}

std::string next(const char* schedule, const char* after, const char* zone = "UTC") {
  return text(Calendar::parse(schedule, Zone(zone)).next(at(after)));
}

// The next ones, one behind the other.
std::vector<std::string> series(const char* schedule,
                                const char* after,
                                int count,
                                const char* zone) {
  const Calendar calendar = Calendar::parse(schedule, Zone(zone));
  std::vector<std::string> out;
  for (UnixSeconds time = at(after); count-- > 0;) {
    time = calendar.next(time);
    out.push_back(text(time));
  }
  return out;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("calendar: what is written is due when a reader expects it") {
  const struct {
    const char* schedule;
    const char* next;
  } cases[] = {
      // Behind Wednesday, 2026-11-25 16:20:30.
      {"daily", "2026-11-26 00:00:00"},
      {"Thurs 4", "2026-11-26 04:00:00"},
      {"Friday\t04:00", "2026-11-27 04:00:00"},
      {"0 4\t1  december *", "2026-12-01 04:00:00"},
      {"daily 03:00", "2026-11-26 03:00:00"},
      {"Daily 16:21", "2026-11-25 16:21:00"},
      {"daily 16:20", "2026-11-26 16:20:00"},
      {"03:00", "2026-11-26 03:00:00"},
      {"12,18:30", "2026-11-25 18:30:00"},
      {"Mon..Fri 12,18:30", "2026-11-25 18:30:00"},
      {"Mon..Wed 12", "2026-11-30 12:00:00"},
      {"Sat,Sun 4", "2026-11-28 04:00:00"},
      {"Fri..Mon 04:00", "2026-11-27 04:00:00"},
      {"monday 04:00", "2026-11-30 04:00:00"},
      {"hourly", "2026-11-25 17:00:00"},
      {"hourly :15", "2026-11-25 17:15:00"},
      {"weekly 05:00", "2026-11-30 05:00:00"},
      {"monthly 05:00", "2026-12-01 05:00:00"},
      {"every 6h", "2026-11-25 18:00:00"},
      {"every 90s", "2026-11-25 16:21:00"},
      {"every 7d", "2026-11-26 00:00:00"},
      {"30 3 * * 1-5", "2026-11-26 03:30:00"},
      {"*/20 * * * *", "2026-11-25 16:40:00"},
      {"0 0 29 2 *", "2028-02-29 00:00:00"},
      {"5 4 1,15 * *", "2026-12-01 04:05:00"},
      {"0 12 * jan,jul sun", "2027-01-03 12:00:00"},
      {"0 12 * * 7", "2026-11-29 12:00:00"},
      // Of a day and a weekday one is enough.
      {"0 0 13 * fri", "2026-11-27 00:00:00"},
  };
  for (const auto& row : cases) {
    INFO(row.schedule);
    CHECK(next(row.schedule, "2026-11-25 16:20:30") == row.next);
  }
}

TEST_CASE("calendar: the moment itself is not behind itself") {
  CHECK(next("daily 03:00", "2026-11-25 03:00:00") == "2026-11-26 03:00:00");
  CHECK(next("daily 03:00", "2026-11-25 02:59:59") == "2026-11-25 03:00:00");
  CHECK(next("every 1h", "2026-11-25 03:00:00") == "2026-11-25 04:00:00");
}

TEST_CASE("calendar: days are those of the zone") {
  CHECK(next("daily 03:00", "2026-07-01 00:59:59", "Europe/Berlin") == "2026-07-01 01:00:00");
  CHECK(next("daily 03:00", "2026-01-01 00:00:00", "Europe/Berlin") == "2026-01-01 02:00:00");
  CHECK(next("Mon 00:30", "2026-11-29 00:00:00", "Pacific/Auckland") == "2026-11-29 11:30:00");
}

TEST_CASE("calendar: a time that a clock put forward passes over is due all the same") {
  // 2026-03-29: 02:00 is 03:00.
  CHECK(series("daily 02:30", "2026-03-28 00:00:00", 3, "Europe/Berlin") ==
        Lines{"2026-03-28 01:30:00", "2026-03-29 01:30:00", "2026-03-30 00:30:00"});
  CHECK(series("0 * * * *", "2026-03-28 23:30:00", 4, "Europe/Berlin") ==
        Lines{"2026-03-29 00:00:00", "2026-03-29 01:00:00", "2026-03-29 02:00:00",
              "2026-03-29 03:00:00"});
}

TEST_CASE("calendar: a time that comes twice is due once, but hours that all count come twice") {
  // 2026-10-25: 03:00 is 02:00 again.
  CHECK(series("daily 02:30", "2026-10-24 12:00:00", 2, "Europe/Berlin") ==
        Lines{"2026-10-25 00:30:00", "2026-10-26 01:30:00"});
  CHECK(series("30 * * * *", "2026-10-24 23:45:00", 4, "Europe/Berlin") ==
        Lines{"2026-10-25 00:30:00", "2026-10-25 01:30:00", "2026-10-25 02:30:00",
              "2026-10-25 03:30:00"});
  // Half an hour, at Lord Howe.
  CHECK(series("daily 01:45", "2026-04-04 00:00:00", 2, "Australia/Lord_Howe") ==
        Lines{"2026-04-04 14:45:00", "2026-04-05 15:15:00"});
}

TEST_CASE("calendar: what is no schedule is refused with what would be one") {
  for (const char* schedule : {"",
                               " ",
                               "dayly 3",
                               "daily 24:00",
                               "daily 3:5",
                               "daily 03:00 04:00",
                               "12,",
                               "every 0h",
                               "every 6x",
                               "every h",
                               "60 * * * *",
                               "* * * *",
                               "* * * * * *",
                               "0 0 30 2 *",
                               "Foo 3",
                               "5-1 * * * *",
                               "*/0 * * * *",
                               "Monkey 3",
                               "Mondays 3",
                               "month 3",
                               "Mo 3",
                               "0 0 * juneau *",
                               "hourly 15",
                               "0 0 * 13 *"}) {
    INFO(schedule);
    const auto failure = tape::failed([&] { Calendar::parse(schedule, Zone()); });
    CHECK(failure.kind() == tape::ErrorKind::usage);
    CHECK(failure.hint().find("daily 03:00") != std::string::npos);
  }
}

TEST_CASE("calendar: a zone that the machine does not know is refused") {
  for (const char* zone : {"Nowhere/Atall", "../../etc/passwd", "/etc/passwd", "Europe"}) {
    INFO(zone);
    CHECK(tape::failed([&] { static_cast<void>(Zone(zone)); }).kind() == tape::ErrorKind::usage);
  }
}
