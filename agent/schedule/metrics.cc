#include "schedule/metrics.h"

#include <functional>

namespace agent {
namespace {

// Within quotes: docs of Prometheus, "label_value".
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

struct Metric {
  const char* name;
  const char* help;
  std::function<std::optional<std::int64_t>(const JobFigures&)> value;
};

std::optional<std::int64_t> unless_zero(std::int64_t value) {
  if (value == 0) return std::nullopt;
  return value;
}

}  // namespace

std::string metrics_text(const std::vector<JobFigures>& jobs) {
  const Metric metrics[] = {
      {"ragtape_last_run_timestamp_seconds", "Begin of the last run.",
       [](const JobFigures& job) { return unless_zero(job.state.begin); }},
      {"ragtape_last_success_timestamp_seconds", "End of the last run that ended well.",
       [](const JobFigures& job) { return unless_zero(job.state.success); }},
      {"ragtape_last_duration_seconds", "Of the last run that ended.",
       [](const JobFigures& job) -> std::optional<std::int64_t> {
         if (job.state.end == 0) return std::nullopt;
         return job.state.end - job.state.begin;
       }},
      {"ragtape_last_exit_code", "Of the last run that ended; 0 and 3 are snapshots.",
       [](const JobFigures& job) -> std::optional<std::int64_t> {
         if (job.state.end == 0) return std::nullopt;
         return job.state.exit_code;
       }},
      {"ragtape_failures", "Runs that failed in a row.",
       [](const JobFigures& job) { return std::optional<std::int64_t>(job.state.failures); }},
      {"ragtape_last_warnings", "Of the last run.",
       [](const JobFigures& job) {
         return std::optional<std::int64_t>(static_cast<std::int64_t>(job.state.warnings));
       }},
      {"ragtape_last_sent_bytes", "Of the last run.",
       [](const JobFigures& job) {
         return std::optional<std::int64_t>(static_cast<std::int64_t>(job.state.bytes_sent));
       }},
      {"ragtape_next_run_timestamp_seconds", "When the next run is due.",
       [](const JobFigures& job) { return job.next; }},
      {"ragtape_running", "Whether a run is under way.",
       [](const JobFigures& job) { return std::optional<std::int64_t>(job.running ? 1 : 0); }},
  };
  std::string out;
  for (const Metric& metric : metrics) {
    out += std::string("# HELP ") + metric.name + " " + metric.help + "\n# TYPE " + metric.name +
           " gauge\n";
    for (const JobFigures& job : jobs) {
      const auto value = metric.value(job);
      if (value)
        out += std::string(metric.name) + "{set=\"" + escaped(job.set) + "\",store=\"" +
               escaped(job.store) + "\"} " + std::to_string(*value) + "\n";
    }
  }
  return out;
}

}  // namespace agent
