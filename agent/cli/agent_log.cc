#include "cli/agent_log.h"

#include <cstdlib>
#include <ctime>
#include <string>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/output.h"
#include "tape/manifest.h"

namespace agent {
namespace {

// Whether stderr is what systemd gave: it has times of its own, and reads levels.
bool has_journal() {
  const char* named = ::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe)
  struct stat info {};
  return named != nullptr && ::fstat(STDERR_FILENO, &info) == 0 &&
         fmt::format("{}:{}", info.st_dev, info.st_ino) == named;
}

const char* word_of(LogLevel level) {
  return level == LogLevel::error ? "error" : level == LogLevel::warning ? "warning" : "info";
}

void log_line(const LogLine& line, bool as_json) {
  const tape::Timestamp now{std::time(nullptr), 0};
  const std::string by = line.job.empty() ? "agent" : line.job;
  std::string text;
  if (as_json) {
    const Json json = {{"message_type", "log"},
                       {"time", tape::utc_text(now)},
                       {"level", word_of(line.level)},
                       {"job", line.job.empty() ? Json() : Json(line.job)},
                       {"message", json_text(line.text)}};
    text = json.dump() + "\n";
  } else if (has_journal()) {
    text = fmt::format("<{}>{}: {}\n", static_cast<int>(line.level), by, line.text);
  } else {
    text = fmt::format("{}  {}: {}\n", shown_time(now), by, line.text);
  }
  static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
}

}  // namespace

Log agent_log(bool as_json) {
  return [as_json](const LogLine& line) { log_line(line, as_json); };
}

}  // namespace agent
