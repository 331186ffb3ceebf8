#include "schedule/service_manager.h"

#include <cstdlib>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace agent {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets any
  return value == nullptr ? "" : value;
}

}  // namespace

void tell_service_manager(const std::string& assignments) {
  const std::string path = environment("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path.size() < 2 || path.size() >= sizeof address.sun_path ||
      (path.front() != '/' && path.front() != '@'))
    return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path.front() == '@') address.sun_path[0] = '\0';  // abstract
  const int file = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (file < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  static_cast<void>(::sendto(file, assignments.data(), assignments.size(), MSG_NOSIGNAL,
                             static_cast<const sockaddr*>(static_cast<const void*>(&address)),
                             size));
  ::close(file);
}

std::optional<std::chrono::milliseconds> watchdog_interval() {
  const std::string typed = environment("WATCHDOG_USEC");
  const std::string pid = environment("WATCHDOG_PID");
  const long long microseconds = std::strtoll(typed.c_str(), nullptr, 10);
  if (microseconds <= 0 || (!pid.empty() && pid != std::to_string(::getpid()))) return std::nullopt;
  constexpr long long kHalf = 2000;
  return std::chrono::milliseconds(microseconds / kHalf);
}

}  // namespace agent
