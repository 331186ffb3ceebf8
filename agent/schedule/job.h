// A job: one set to one store, when, and what goes with it. What a configuration says.
//
// Threads: values.
// Spec:    docs/operations.md "Configuration".
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "schedule/calendar.h"

namespace agent {

// A variable of the environment of a run, and where its value comes from.
struct Secret {
  enum class Kind { environment, file, command, credential, text };
  std::string variable;
  Kind kind = Kind::environment;
  std::string
      from;  // a variable, a path, a line for sh, a name below $CREDENTIALS_DIRECTORY; the value
};

struct Hooks {
  std::vector<std::string> pre;    // lines for sh; one that fails ends the run before it begins
  std::vector<std::string> post;   // behind a run that ended well
  std::vector<std::string> error;  // behind one that did not
  std::chrono::seconds timeout{600};
};

// Of a run that is due; one that somebody asks for does not heed them.
struct Conditions {
  bool not_on_battery = false;
  bool not_metered = false;
  std::vector<std::string> commands;  // lines for sh; one that fails puts the run off
  std::chrono::seconds timeout{600};
};

struct Job {
  std::string set;
  std::string store;                // its name in the configuration
  std::vector<std::string> backup;  // words of `ragtape backup`
  std::vector<std::string> forget;  // words of `ragtape forget`; empty: nothing is forgotten
  std::vector<Secret> secrets;

  std::optional<Calendar> calendar;  // none: only when somebody says so
  std::string schedule;              // as it was written
  std::chrono::seconds jitter{0};
  bool catch_up = true;
  int retries = 3;  // of a run that failed in passing
  std::chrono::seconds retry_wait{300};

  Conditions conditions;
  Hooks hooks;
  std::string ping;  // a URL that hears of begin, end and failure
  int nice = 0;
  bool idle_io = false;

  std::string name() const { return set + "@" + store; }
};

}  // namespace agent
