// Credentials that a virtual machine is given by its host: EC2 instance metadata, version 2 only.
//
// Where nobody answers this takes two seconds at most: on a laptop it is the last place looked at.
//
// Limits:  64 KiB of answer; 1 s, 2 attempts each.
// Threads: any number of callers.
// Spec:    Amazon EC2 User Guide, "Use the Instance Metadata Service".
#pragma once
#include <optional>
#include <string>

#include "net/credentials.h"

namespace agent {

struct InstanceAnswer {
  std::optional<Credentials> credentials;
  std::string why_not;  // "no answer", "no role is attached"
};

// Fails: once the service has answered: denied, transient; usage: an endpoint that is no URL.
InstanceAnswer instance_credentials(const Environment& environment, Clock& clock);

}  // namespace agent
