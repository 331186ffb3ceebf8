// The agent of a state: its folder, its locks, and what can be asked of it while it runs.
//
// Threads: one caller.
// Spec:    docs/operations.md "State", "Telling the agent".
#pragma once
#include <chrono>
#include <string>

#include "cli/options.h"
#include "net/descriptor.h"
#include "net/http_client.h"

namespace agent {

// Made where it is not there.
std::string agent_folder(const GlobalOptions& global);

// A file that one process at a time holds, as long as the object is there.
class AgentLock {
 public:
  // Fails: the system's kinds. `patience`: who only looks whether it is held holds it for a moment.
  explicit AgentLock(const std::string& path, std::chrono::milliseconds patience = {});
  bool is_held() const { return held_; }

 private:
  Descriptor file_;
  bool held_ = false;
};

// Of the daemon's own lock, in its folder.
std::string agent_lock_path(const std::string& folder);
// Of the one run of a set.
std::string set_lock_path(const std::string& folder, const std::string& set);

// By its socket. Fails: not_found when none runs; denied; transient.
HttpResponse ask_agent(const GlobalOptions& global,
                       const std::string& method,
                       const std::string& path);
// What an answer says went wrong.
std::string error_of(const HttpResponse& response);

}  // namespace agent
