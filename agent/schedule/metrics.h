// Figures of jobs in the text format of Prometheus.
//
// Threads: values; pure.
// Spec:    docs/operations.md "Being watched"; prometheus.io, "Text-based format".
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "schedule/job_state.h"

namespace agent {

struct JobFigures {
  std::string set;
  std::string store;
  JobState state;
  std::optional<UnixSeconds> next;
  bool running = false;
};

std::string metrics_text(const std::vector<JobFigures>& jobs);

}  // namespace agent
