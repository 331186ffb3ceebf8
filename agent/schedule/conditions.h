// Conditions: why a run is put off, though it is due.
//
// Threads: one caller; no other threads may be there.
// Spec:    docs/operations.md "A run"; sysfs-class-power; NetworkManager's D-Bus property Metered.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "net/clock.h"
#include "schedule/job.h"

namespace agent {

// Empty: nothing is against it. What cannot be found out is not. `supplies`: where the kernel shows
// them.
std::string why_not_now(const Conditions& conditions,
                        Clock& clock,
                        const std::function<bool()>& should_stop,
                        const std::string& supplies = "/sys/class/power_supply");

}  // namespace agent
