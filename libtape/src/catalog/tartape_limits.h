// What the profile tartape cannot hold.
//
// Threads: pure.
// Spec:    docs/format.md §1.7.
#pragma once
#include <string>

#include "tape/member.h"

namespace tape {

// Why the profile refuses the member; empty when it does not.
std::string why_tartape_refuses(const Member& member);

}  // namespace tape
