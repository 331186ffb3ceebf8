// What the agent and its runs say, line by line.
//
// Threads: values.
#pragma once
#include <functional>
#include <string>

namespace agent {

// As syslog(3) counts them.
enum class LogLevel { error = 3, warning = 4, info = 6 };

struct LogLine {
  LogLevel level = LogLevel::info;
  std::string job;  // empty: of the agent itself
  std::string text;
};

using Log = std::function<void(const LogLine& line)>;

}  // namespace agent
