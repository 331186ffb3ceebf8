// EventLog: the events of a tape as JSON lines in a file.
//
// Spec:    docs/cli.md "Events".
#pragma once
#include <cstdio>
#include <memory>
#include <string>

#include "tape/tape_events.h"

namespace agent {

class EventLog {
 public:
  // A new file, or a pipe that is there. Fails: Error{usage} when a file has the name.
  explicit EventLog(const std::string& path);
  void write(const tape::TapeEvent& event);
  // Fails: io, exhausted.
  void finish();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void line(const std::string& text);
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace agent
