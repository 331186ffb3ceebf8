#include "cli/event_log.h"

#include <cerrno>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/outcomes.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "tape/digest.h"
#include "tape/error.h"

namespace agent {
namespace {

// A pipe waits for its reader, but not beyond a signal. -1: errno says why.
int opened_pipe(const std::string& path) {
  constexpr std::chrono::milliseconds kInterval{50};
  for (;;) {
    check_stop();
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENXIO) {
      std::this_thread::sleep_for(kInterval);
      continue;
    }
    if (fd >= 0) ::fcntl(fd, F_SETFL, 0);  // the access mode stays; writes wait for the reader
    return fd;
  }
}

std::FILE* opened(const std::string& path) {
  struct stat info {};
  const bool there = ::stat(path.c_str(), &info) == 0;
  if (there && S_ISREG(info.st_mode))
    throw tape::Error(tape::ErrorKind::usage,
                      "--events " + tape::shown(path) + ": is there already",
                      "choose another name");
  const int fd =
      there && S_ISFIFO(info.st_mode)
          ? opened_pipe(path)
          : ::open(path.c_str(), O_WRONLY | O_CLOEXEC | (there ? 0 : O_CREAT | O_EXCL), 0666);
  std::FILE* file = fd < 0 ? nullptr : ::fdopen(fd, "w");
  if (file == nullptr) {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    throw tape::errno_error("--events " + tape::shown(path), error);
  }
  return file;
}

Json start_line(const tape::TapeEvent& event) {
  const tape::Entry& entry = *event.entry;
  return {{"event", "start"},
          {"path", json_text(tape::member_path(entry.member.name, entry.member.type))},
          {"type", std::string(1, static_cast<char>(entry.member.type))},
          {"offset", entry.offset.value()},
          {"end", entry.end().value()},
          {"size", entry.member.size},
          {"resumed", event.resumed}};
}

Json end_line(const tape::TapeEvent& event) {
  const tape::Entry& entry = *event.entry;
  const bool complete = !event.resumed && !is_incomplete(event.end.outcome);
  Json out = {{"event", "end"},
              {"path", json_text(tape::member_path(entry.member.name, entry.member.type))},
              {"offset", entry.end().value()},
              {"outcome", field_word_of(event.end.outcome)},
              {"resumed", event.resumed},
              {"complete", complete},
              {"xxh3", nullptr},
              {"md5", nullptr}};
  if (event.end.hash) out["xxh3"] = tape::hex(*event.end.hash);
  if (event.md5) out["md5"] = tape::hex(*event.md5);
  return out;
}

}  // namespace

EventLog::EventLog(const std::string& path) : path_(path), file_(opened(path)) {}

void EventLog::write(const tape::TapeEvent& event) {
  switch (event.kind) {
    case tape::TapeEvent::Kind::member_starts:
      return line(start_line(event).dump());
    case tape::TapeEvent::Kind::data:
      return line(
          Json{{"event", "data"}, {"offset", event.offset.value()}, {"bytes", event.bytes.size()}}
              .dump());
    case tape::TapeEvent::Kind::member_ends:
      return line(end_line(event).dump());
    case tape::TapeEvent::Kind::completed:
      return line(Json{{"event", "completed"}, {"offset", event.offset.value()}}.dump());
  }
}

void EventLog::line(const std::string& text) {
  if (std::fputs((text + "\n").c_str(), file_.get()) < 0)
    throw tape::errno_error("--events " + tape::shown(path_), errno);
}

void EventLog::finish() {
  if (std::fclose(file_.release()) != 0)
    throw tape::errno_error("--events " + tape::shown(path_), errno);
}

}  // namespace agent
