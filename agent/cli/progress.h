// The live line of a terminal, a line a minute for a pipe, `status` lines with --json.
//
// Threads: one caller.
// Spec:    docs/cli.md "Progress and machine output".
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "cli/output.h"
#include "net/transfer_counts.h"

namespace agent {

// What goes to a store, for the line.
struct Transfers {
  tape::ByteCount sent = 0;
  const TransferCounts& counts;
};

class Progress {
 public:
  // `output` must outlive this.
  explicit Progress(const Output& output);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // While the total is not known yet.
  void counting(std::uint64_t entries);
  // `total` 0: unknown.
  void working(tape::ByteCount done,
               tape::ByteCount total,
               const std::string& current,
               const std::optional<Transfers>& transfers = std::nullopt);
  // Percent reached, for the last word of an interrupted run; below 0: nothing to say.
  int percent() const { return percent_; }

 private:
  using Clock = std::chrono::steady_clock;
  bool due();
  void show(const std::string& line);

  const Output& output_;
  bool terminal_;
  bool silent_;
  Clock::time_point begin_;
  Clock::time_point next_;
  bool shown_ = false;
  int percent_ = -1;
};

}  // namespace agent
