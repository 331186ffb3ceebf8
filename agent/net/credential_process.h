// credential_process: a program of the user's writes credentials to its stdout.
//
// It is started as AWS's own tools start it: words split as a shell does, without a shell, with the
// environment that we have. Its stdin is empty. What it says on stderr is not shown, since it may
// hold secrets.
//
// Fails:   denied: it cannot be started, fails, or writes no credentials; transient: it does not
// end
//          in time; usage: `command` is not made of words; canceled, as Clock::sleep.
// Limits:  64 KiB of answer, 60 s.
// Threads: any number of callers.
// Spec:    AWS SDKs and Tools Reference Guide, "Process credential provider".
#pragma once
#include <chrono>
#include <string>

#include "net/clock.h"
#include "net/credentials.h"

namespace agent {

inline constexpr std::chrono::milliseconds kProcessTimeout{60'000};

// `source`: where the command stands, for messages.
Credentials run_credential_process(const std::string& command,
                                   const std::string& source,
                                   Clock& clock);

}  // namespace agent
