#include "cli/state.h"

#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  return value == nullptr ? "" : value;
}

std::string chosen_folder(const GlobalOptions& global) {
  if (!global.state.empty()) return global.state;
  if (std::string state = environment("RAGTAPE_STATE"); !state.empty()) return state;
  if (const std::string xdg = environment("XDG_STATE_HOME"); xdg.starts_with('/'))
    return xdg + "/ragtape";
  if (::geteuid() == 0) return "/var/lib/ragtape";
  if (const std::string home = environment("HOME"); home.starts_with('/'))
    return home + "/.local/state/ragtape";
  throw tape::Error(tape::ErrorKind::usage, "no place for state: HOME is not set",
                    "name a folder with --state DIR");
}

// FNV-1a, 64 bits: a short name for a path. The root is recorded in the tape and compared.
std::uint64_t name_hash(const std::string& text) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text)
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001B3U;
  return hash;
}

}  // namespace

std::string state_folder(const GlobalOptions& global) {
  std::string folder = chosen_folder(global);
  tape::create_folders(folder + "/tapes");
  return folder;
}

std::optional<std::string> known_state_folder(const GlobalOptions& global) {
  std::optional<std::string> out;
  static_cast<void>(tape::failure_of([&] { out = chosen_folder(global); }));
  return out;
}

std::optional<tape::FileIdentity> state_identity(const GlobalOptions& global) {
  // Without a place for state there is none in the tree.
  const auto folder = known_state_folder(global);
  std::optional<tape::FileIdentity> out;
  if (folder) static_cast<void>(tape::failure_of([&] { out = tape::identity_of(*folder); }));
  return out;
}

std::string tape_place(const std::string& state, const std::string& root) {
  return fmt::format("{}/tapes/{:016x}.tape", state, name_hash(root));
}

}  // namespace agent
