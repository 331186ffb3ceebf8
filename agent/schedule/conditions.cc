#include "schedule/conditions.h"

#include <filesystem>
#include <fstream>
#include <string_view>

#include "schedule/process.h"
#include "tape/error.h"

namespace agent {
namespace {

constexpr std::chrono::seconds kAskTimeout{5};

std::string first_word(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string out;
  file >> out;
  return out;
}

bool is_on_battery(const std::string& supplies) {
  std::error_code none;
  bool discharging = false;
  for (const auto& supply : std::filesystem::directory_iterator(supplies, none)) {
    const std::string type = first_word(supply.path() / "type");
    if (type == "Mains" && first_word(supply.path() / "online") == "1") return false;
    // That of a mouse is another's.
    if (type == "Battery" && first_word(supply.path() / "scope") != "Device" &&
        first_word(supply.path() / "status") == "Discharging")
      discharging = true;
  }
  return discharging;
}

// NetworkManager's 1 is yes, 3 its guess that it is.
bool is_metered(Clock& clock, const std::function<bool()>& should_stop) {
  ProcessOptions options;
  options.words = {"busctl",
                   "--system",
                   "get-property",
                   "org.freedesktop.NetworkManager",
                   "/org/freedesktop/NetworkManager",
                   "org.freedesktop.NetworkManager",
                   "Metered"};
  options.timeout = kAskTimeout;
  options.should_stop = should_stop;
  bool metered = false;
  options.line = [&](std::string_view line, bool is_error) {
    if (!is_error) metered = line == "u 1" || line == "u 3";
  };
  static_cast<void>(tape::failure_of([&] { run_process(options, clock); }));
  return metered;
}

}  // namespace

std::string why_not_now(const Conditions& conditions,
                        Clock& clock,
                        const std::function<bool()>& should_stop,
                        const std::string& supplies) {
  if (conditions.not_on_battery && is_on_battery(supplies)) return "on battery";
  if (conditions.not_metered && is_metered(clock, should_stop)) return "the network is metered";
  for (const std::string& line : conditions.commands) {
    ProcessOptions options;
    options.words = shell_words_of(line);
    options.timeout = conditions.timeout;
    options.should_stop = should_stop;
    options.line = [](std::string_view, bool) {};
    ProcessEnd end;
    const auto failure = tape::failure_of([&] { end = run_process(options, clock); });
    if (failure || end.exit_code != 0 || end.timed_out)
      return "condition `" + tape::shown(line) + "`: " +
             (failure         ? failure->what()
              : end.timed_out ? "it took too long"
                              : "exit code " + std::to_string(end.exit_code));
  }
  return "";
}

}  // namespace agent
