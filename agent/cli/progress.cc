#include "cli/progress.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace agent {
namespace {

constexpr std::chrono::milliseconds kLivePeriod(200);
constexpr std::chrono::seconds kJsonPeriod(1);
constexpr std::chrono::seconds kPipePeriod(60);

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

// Cut for a terminal; a code point is not cut in two.
std::string fitted(std::string line, std::size_t width) {
  if (line.size() <= width) return line;
  line.resize(width);
  while (!line.empty() && (static_cast<std::uint8_t>(line.back()) & 0xC0) == 0x80)
    line.pop_back();
  if (!line.empty() && static_cast<std::uint8_t>(line.back()) >= 0xC0) line.pop_back();
  return line;
}

// Its own rate: the tape's is that of what is read.
std::string transfers_text(const Transfers& transfers, double seconds) {
  const double rate = static_cast<double>(transfers.sent) / std::max(seconds, 0.001);
  std::string out = fmt::format(", sent {} at {:.1f} MB/s", shown_size(transfers.sent), rate / 1e6);
  if (const auto parts = transfers.counts.in_flight.load(); parts > 0)
    out += fmt::format(", {} parts in flight", parts);
  if (const auto retries = transfers.counts.retries.load(); retries > 0)
    out += fmt::format(", {} retries", retries);
  return out;
}

}  // namespace

Progress::Progress(const Output& output)
    : output_(output),
      terminal_(::isatty(STDERR_FILENO) != 0 && !output.json()),
      silent_(output.global().quiet || output.global().no_progress),
      begin_(Clock::now()),
      next_(begin_ + (output.json() ? Clock::duration(kJsonPeriod)
                      : terminal_   ? Clock::duration(kLivePeriod)
                                    : Clock::duration(kPipePeriod))) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
}

bool Progress::due() {
  const auto now = Clock::now();
  if (silent_ || now < next_) return false;
  next_ = now + (output_.json() ? Clock::duration(kJsonPeriod)
                 : terminal_    ? Clock::duration(kLivePeriod)
                                : Clock::duration(kPipePeriod));
  return true;
}

void Progress::show(const std::string& line) {
  if (terminal_) {
    std::fputs(fmt::format("\r{}\x1b[K", fitted(line, terminal_width() - 1)).c_str(), stderr);
    shown_ = true;
  } else {
    std::fputs(fmt::format("ragtape: {}\n", line).c_str(), stderr);
  }
}

void Progress::counting(std::uint64_t entries) {
  if (!due()) return;
  if (output_.json()) {
    output_.line("status", {{"entries", entries}});
  } else {
    show(fmt::format("scanning: {} entries", shown_count(entries)));
  }
}

void Progress::working(tape::ByteCount done,
                       tape::ByteCount total,
                       const std::string& current,
                       const std::optional<Transfers>& transfers) {
  if (total > 0)
    percent_ = static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total));
  if (!due()) return;
  const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  const double rate = static_cast<double>(done) / std::max(seconds, 0.001);
  const double left = rate > 0 && total > done ? static_cast<double>(total - done) / rate : 0;
  if (output_.json()) {
    Json fields = {{"bytes_done", done}, {"seconds_elapsed", seconds}};
    if (total > 0) {
      fields["percent_done"] = static_cast<double>(done) / static_cast<double>(total);
      fields["bytes_total"] = total;
      fields["eta_seconds"] = left;
    }
    if (transfers) {
      fields["bytes_sent"] = transfers->sent;
      fields["parts_in_flight"] = transfers->counts.in_flight.load();
      fields["retries"] = transfers->counts.retries.load();
    }
    output_.line("status", fields);
    return;
  }
  const std::string share = total > 0 ? fmt::format("{:3d} % of {}, ", percent_, shown_size(total))
                                      : shown_size(done) + ", ";
  const std::string eta = total > 0 ? fmt::format(", {:.0f} s left", left) : "";
  show(fmt::format("{}{:.0f} MB/s{}{}  {}", share, rate / 1e6, eta,
                   transfers ? transfers_text(*transfers, seconds) : "", current));
}

}  // namespace agent
