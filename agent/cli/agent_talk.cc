#include "cli/agent_talk.h"

#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/state.h"
#include "schedule/daemon.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {

std::string agent_folder(const GlobalOptions& global) {
  std::string folder = state_folder(global) + "/agent";
  tape::create_folders(folder);
  return folder;
}

AgentLock::AgentLock(const std::string& path, std::chrono::milliseconds patience)
    : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
  if (!file_) throw tape::errno_error(tape::shown(path), errno);
  constexpr std::chrono::milliseconds kStep{20};
  while (!(held_ = ::flock(file_.get(), LOCK_EX | LOCK_NB) == 0) && patience.count() > 0) {
    std::this_thread::sleep_for(kStep);
    patience -= kStep;
  }
}

std::string agent_lock_path(const std::string& folder) {
  return folder + "/lock";
}

std::string set_lock_path(const std::string& folder, const std::string& set) {
  return folder + "/" + set + ".lock";
}

HttpResponse ask_agent(const GlobalOptions& global,
                       const std::string& method,
                       const std::string& path) {
  const auto known = known_state_folder(global);
  const std::string folder = known.value_or("") + "/agent";
  const Descriptor held(known ? ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC) : -1);
  // Of any length: the name of a socket has 107 bytes.
  const std::string near = fmt::format("/proc/self/fd/{}/{}", held.get(), kControlSocket);
  struct stat info {};
  const bool is_there =
      held && ::stat(near.c_str(), &info) == 0 && !AgentLock(agent_lock_path(folder)).is_held();
  if (!is_there)
    throw tape::Error(tape::ErrorKind::not_found, "no agent runs with this state",
                      "ragtape agent --config FILE");
  HttpOptions options;
  constexpr std::chrono::milliseconds kTotal{10'000};
  options.total_timeout = kTotal;
  options.unix_socket = near;
  options.proxy_from_environment = false;
  HttpClient http(options);
  HttpRequest request;
  request.method = method;
  request.url = std::string("http://agent") + path;
  constexpr tape::ByteCount kAnswerMax = tape::ByteCount{1} << 24;
  request.body_limit = kAnswerMax;
  return http.send(request);
}

std::string error_of(const HttpResponse& response) {
  const Json json = Json::parse(response.body.begin(), response.body.end(), nullptr, false);
  const std::string said = json.is_object() ? json.value("error", "") : "";
  return said.empty() ? fmt::format("the agent answers {}", response.status) : said;
}

}  // namespace agent
