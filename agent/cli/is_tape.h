// Whether WHAT is a tape catalog or an archive.
#pragma once
#include <string>

namespace agent {

// By its first bytes: an SQLite file. Fails: not_found, denied.
bool is_tape(const std::string& path);

}  // namespace agent
