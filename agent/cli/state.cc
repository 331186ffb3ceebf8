#include "cli/state.h"

#include <cstdlib>

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

// Whether `folder`, which need not exist yet, lies in the tree at `root`. What cannot be followed
// may lie there.
bool may_lie_in(const std::string& root, std::string folder) {
  while (!tape::identity_of(folder) && folder != "/" && folder != ".")
    folder = tape::folder_of(folder);
  std::string place = root;
  static_cast<void>(tape::failure_of([&] { place = tape::resolved(folder); }));
  return root == "/" || place == root || place.starts_with(root + "/");
}

}  // namespace

std::string state_folder(const GlobalOptions& global) {
  std::string folder = chosen_folder(global);
  tape::create_folders(tapes_folder(folder));
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

std::string tapes_folder(const std::string& state) {
  return state + "/tapes";
}

OutsideFolder folder_outside(const std::string& root, const GlobalOptions& global) {
  OutsideFolder out;
  const auto take = [&](const std::string& folder) {
    const bool usable = tape::is_directory(folder) && ::access(folder.c_str(), W_OK | X_OK) == 0;
    if (out.path.empty() && usable && !may_lie_in(root, folder)) out.path = folder;
  };
  // One that nobody names, or that cannot be made, is passed over.
  static_cast<void>(tape::failure_of([&] {
    if (!may_lie_in(root, chosen_folder(global))) take(state_folder(global));
  }));
  for (const std::string& folder :
       {environment("TMPDIR"), std::string("/var/tmp"), std::string("/tmp")})
    take(folder);
  if (!out.path.empty()) return out;
  out.path = state_folder(global);
  out.own = tape::identity_of(out.path);
  return out;
}

}  // namespace agent
