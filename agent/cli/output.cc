#include "cli/output.h"

#include <cerrno>
#include <ctime>

#include <fmt/format.h>
#include <unistd.h>

namespace agent {
namespace {

void write_line(std::FILE* stream, const std::string& line) {
  if (std::fwrite(line.data(), 1, line.size(), stream) != line.size())
    throw tape::errno_error("standard output", errno);
}

// A reader at the other end of a pipe gets each line when it is true.
void flush(std::FILE* stream) {
  if (std::fflush(stream) != 0) throw tape::errno_error("standard output", errno);
}

// Every string was checked or escaped before; a bug there must not end a run that succeeded.
std::string dumped(const Json& line) {
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// What cannot be said to a closed or full stderr is not worth failing for.
void say(std::FILE* stream, const std::string& text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stream));
}

}  // namespace

void Output::line(const char* message_type, const Json& fields) const {
  Json line;
  line["message_type"] = message_type;
  line.update(fields);
  const std::string_view type = message_type;
  const bool told_again = type == "status" || type == "volume" || type == "warning";
  const auto failure = tape::failure_of([&] {
    write_line(json_stream_, dumped(line));
    if (type != "member" && type != "difference") flush(json_stream_);  // of those there are many
  });
  // Only a result that is lost ends a run.
  if (failure && !told_again) throw tape::Error(*failure);
}

void Output::text(const std::string& text) const {
  if (!json()) write_line(stdout, text);
}

void Output::detail(const std::string& what) const {
  if (global_.verbose && !json()) say(stderr, fmt::format("ragtape: {}\n", what));
}

void Output::warning(const std::string& what) const {
  if (json()) line("warning", {{"message", what}});
  if (!global_.quiet && !(json() && json_stream_ == stderr))
    say(stderr, fmt::format("ragtape: warning: {}\n", what));
}

void report_error(const tape::Error& error,
                  ExitCode code,
                  const GlobalOptions& global,
                  bool json_on_stderr) {
  if (global.json) {
    const Json line = {{"message_type", "error"},
                       {"message", error.what()},
                       {"hint", error.hint()},
                       {"exit_code", code}};
    say(json_on_stderr ? stderr : stdout, dumped(line));
    if (json_on_stderr) return;
  }
  say(stderr, fmt::format("ragtape: error: {}\n", error.what()));
  if (!error.hint().empty()) say(stderr, fmt::format("hint: {}\n", error.hint()));
}

Json json_text(std::string_view text) {
  if (tape::is_utf8(text)) return std::string(text);
  return {{"base64", tape::base64(text)}};
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string shown_size(tape::ByteCount size) {
  constexpr const char* kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (size < 1024) return fmt::format("{} bytes", size);
  double value = static_cast<double>(size);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string shown_count(std::uint64_t count) {
  std::string out = std::to_string(count);
  for (std::size_t at = out.size(); at > 3;) {
    at -= 3;
    out.insert(at, 1, ',');
  }
  return out;
}

std::string shown_time(const tape::Timestamp& time) {
  const time_t seconds = time.seconds;
  tm local{};
  char text[64];
  if (::localtime_r(&seconds, &local) == nullptr ||
      std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local) == 0)
    return std::to_string(time.seconds);
  return text;
}

void print(std::string_view text) {
  write_line(stdout, std::string(text));
}

void finish_stdout() {
  if (std::fflush(stdout) != 0) throw tape::errno_error("standard output", errno);
}

}  // namespace agent
