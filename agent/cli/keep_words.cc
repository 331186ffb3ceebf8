#include "cli/keep_words.h"

#include <charconv>

#include "cli/options.h"
#include "tape/error.h"

namespace agent {
namespace {

std::uint32_t count_in(const std::string& option, const std::string& text) {
  if (text.empty()) return 0;
  if (text == "all") return KeepRules::kAll;
  constexpr std::uint32_t kMost = 1'000'000;
  std::uint32_t out = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, out);
  if (failure != std::errc() || rest != end || out > kMost)
    throw tape::Error(tape::ErrorKind::usage,
                      option + " " + tape::shown(text) + ": a number, or `all`, expected");
  return out;
}

}  // namespace

void KeepWords::add(const Verb& verb) {
  verb.option("--keep-last", last, "Keep the last N snapshots (N of each: a number, or all)");
  verb.option("--keep-hourly", hourly, "Keep the last one of each of the last N hours");
  verb.option("--keep-daily", daily, "The same of days");
  verb.option("--keep-weekly", weekly, "The same of weeks");
  verb.option("--keep-monthly", monthly, "The same of months");
  verb.option("--keep-yearly", yearly, "The same of years");
  verb.option("--keep-within", within,
              "Keep all that are at most so much older than the latest: 36h, 30d (m: minutes)");
}

bool KeepWords::was_typed() const {
  return !(last + hourly + daily + weekly + monthly + yearly + within).empty();
}

std::optional<KeepRules> KeepWords::parsed() const {
  if (!was_typed()) return std::nullopt;
  KeepRules out;
  out.last = count_in("--keep-last", last);
  out.hourly = count_in("--keep-hourly", hourly);
  out.daily = count_in("--keep-daily", daily);
  out.weekly = count_in("--keep-weekly", weekly);
  out.monthly = count_in("--keep-monthly", monthly);
  out.yearly = count_in("--keep-yearly", yearly);
  if (!within.empty()) out.within = parse_duration("--keep-within", within);
  if (out.says_nothing() || (out.within && out.within->count() == 0))
    throw tape::Error(tape::ErrorKind::usage, "--keep-...: these rules keep nothing",
                      "all snapshots of a set go only by --snapshot");
  return out;
}

}  // namespace agent
