// The folder in the state where one set's run keeps its catalog, journal and lock.
//
// Threads: one caller; one process at a time holds the lock.
// Spec:    docs/cli.md "State".
#pragma once
#include <memory>
#include <optional>
#include <string>

namespace agent {

class SetFolder {
 public:
  // `state` is the state folder. Makes the set's folder and takes its lock, which goes with the
  // process however it ends. None: another run holds it.
  static std::optional<SetFolder> lock(const std::string& state,
                                       const std::string& store,
                                       const std::string& set);
  // Whether a run on this machine has ever made it.
  static bool is_there(const std::string& state, const std::string& store, const std::string& set);
  SetFolder(SetFolder&& other) noexcept;
  SetFolder& operator=(SetFolder&&) = delete;
  SetFolder(const SetFolder&) = delete;
  SetFolder& operator=(const SetFolder&) = delete;
  ~SetFolder();

  const std::string& path() const { return path_; }
  std::string tape() const { return path_ + "/catalog.tape"; }
  std::string journal() const { return path_ + "/upload.journal"; }
  std::string tail() const { return journal() + ".tail"; }

  // Temporary files that killed runs left.
  void sweep() const;

 private:
  SetFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_ = -1;
};

}  // namespace agent
