// RestoreLog: what a restore has begun, so that the same command goes on after a kill or a power
// cut: the directories that it made, and where it may have left a temporary file. A restore needs
// none: once a record cannot be written the file is gone, and nothing goes on.
//
// Limits:  memory: 40 bytes a directory.
// Threads: one caller; one process at a time holds the file.
// Spec:    docs/cli.md "State".
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "tape/bytes.h"

namespace agent {

class RestoreLog {
 public:
  // Makes or goes on with the file at `path`, and holds it. Null: another run does. `boot`: of this
  // machine, as it names it.
  // Fails: the system's kinds.
  static std::unique_ptr<RestoreLog> open(const std::string& path,
                                          const std::string& boot = boot_id());
  // The kernel's; empty when it has none.
  static std::string boot_id();
  RestoreLog(const RestoreLog&) = delete;
  RestoreLog& operator=(const RestoreLog&) = delete;
  ~RestoreLog();

  // An earlier run began and did not come to its end.
  bool is_continued() const { return !leftovers_.empty(); }
  // The machine has gone down since: files of then may have their name, size and time, and not
  // their content, which nobody had synced.
  bool was_rebooted() const { return rebooted_; }
  bool has_made(const std::string& directory) const;
  // What each of the earlier runs may have left: a temporary file.
  struct Leftover {
    std::string run;                    // its name begins with that
    std::optional<std::string> folder;  // where; none: it wrote nowhere
  };
  const std::vector<Leftover>& leftovers() const { return leftovers_; }

  // What the temporary names of this run begin with: 8 hex digits.
  const std::string& run() const { return run_; }
  void made(const std::string& directory);
  void writes_in(const std::string& folder);
  // The restore came to its end: there is nothing to go on with.
  void remove();

 private:
  RestoreLog(std::string path, int file, std::string boot);
  void read();
  void take(std::uint64_t kind, const std::string& text);
  void append(std::uint64_t kind, const std::string& text);

  std::string path_;
  int file_ = -1;
  std::string boot_;
  bool rebooted_ = false;
  bool lost_ = false;  // a record could not be written
  std::string run_;
  std::vector<Leftover> leftovers_;
  std::optional<std::string> folder_;  // that writes_in heard of last
  std::unordered_set<std::uint64_t> made_;
};

}  // namespace agent
