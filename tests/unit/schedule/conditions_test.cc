#include "schedule/conditions.h"

#include <sys/stat.h>

#include "support/catch.h"
#include "support/environment.h"
#include "support/temporary_folder.h"

using agent::Conditions;
using agent::why_not_now;
using test::TemporaryFolder;

namespace {

void supply(const TemporaryFolder& folder,
            const std::string& name,
            const std::vector<std::pair<std::string, std::string>>& files) {
  test::make_folder(folder / name);
  for (const auto& [file, text] : files)
    test::write_file(folder / (name + "/" + file), text + "\n");
}

std::string on_battery(const TemporaryFolder& folder) {
  const auto clock = agent::system_clock();
  Conditions conditions;
  conditions.not_on_battery = true;
  return why_not_now(conditions, *clock, {}, folder.path());
}

}  // namespace

TEST_CASE("conditions: a battery that empties while nothing is plugged in") {
  const TemporaryFolder folder;
  CHECK(on_battery(folder).empty());
  supply(folder, "mouse", {{"type", "Battery"}, {"scope", "Device"}, {"status", "Discharging"}});
  CHECK(on_battery(folder).empty());
  supply(folder, "BAT0", {{"type", "Battery"}, {"status", "Discharging"}});
  CHECK(on_battery(folder) == "on battery");
  supply(folder, "AC", {{"type", "Mains"}, {"online", "0"}});
  CHECK(on_battery(folder) == "on battery");
  supply(folder, "AC2", {{"type", "Mains"}, {"online", "1"}});
  CHECK(on_battery(folder).empty());
  const auto clock = agent::system_clock();
  CHECK(why_not_now({}, *clock, {}, folder.path()).empty());
}

TEST_CASE("conditions: the first command that fails says why") {
  const auto clock = agent::system_clock();
  Conditions conditions;
  conditions.commands = {"true"};
  CHECK(why_not_now(conditions, *clock, {}).empty());
  conditions.commands = {"true", "exit 7", "exit 8"};
  CHECK(why_not_now(conditions, *clock, {}) == "condition `exit 7`: exit code 7");
  conditions.commands = {"sleep 60"};
  conditions.timeout = std::chrono::seconds(1);
  CHECK(why_not_now(conditions, *clock, {}) == "condition `sleep 60`: it took too long");
}

TEST_CASE("conditions: metered is what NetworkManager says") {
  const TemporaryFolder folder;
  test::write_file(folder / "busctl", "#!/bin/sh\necho \"u $METERED\"\n");
  ::chmod((folder / "busctl").c_str(), 0755);
  const test::Variable path("PATH", folder.path() + ":/usr/bin:/bin");
  const auto clock = agent::system_clock();
  Conditions conditions;
  conditions.not_metered = true;
  for (const auto& [said, metered] :
       {std::pair("0", false), std::pair("1", true), std::pair("2", false), std::pair("3", true),
        std::pair("4", false)}) {
    const test::Variable answer("METERED", said);
    CHECK(why_not_now(conditions, *clock, {}).empty() == !metered);
  }
  const test::Variable gone("PATH", folder.path() + "/none");
  CHECK(why_not_now(conditions, *clock, {}).empty());
}
