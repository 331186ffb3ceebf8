// Where pack and convert write: a new archive, or standard output.
//
// Threads: any.
#pragma once
#include <memory>
#include <string>

#include "tape/io.h"

namespace agent {

// `output`: a path, where nothing may be, or `-`. Fails: Error{usage} when something is there.
std::unique_ptr<tape::ByteSink> open_output(const std::string& output);

// Where nameless working files go: beside the output, which has the room, else the system's place.
std::string working_folder(const std::string& output);

}  // namespace agent
