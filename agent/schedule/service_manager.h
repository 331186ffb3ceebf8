// What systemd is told: sd_notify(3), without its library.
//
// Threads: any.
#pragma once
#include <chrono>
#include <optional>
#include <string>

namespace agent {

// `READY=1`, `STATUS=...`; one assignment a line. Nothing without $NOTIFY_SOCKET; a socket that
// nobody hears costs nothing.
void tell_service_manager(const std::string& assignments);

// How often WATCHDOG=1 is wanted at the least, of $WATCHDOG_USEC; none: not at all.
std::optional<std::chrono::milliseconds> watchdog_interval();

}  // namespace agent
