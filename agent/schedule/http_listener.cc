#include "schedule/http_listener.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;

constexpr std::size_t kHeadMax = 8192;
constexpr std::size_t kConnectionsMax = 16;
constexpr int kBacklog = 16;
constexpr int kBadRequest = 400;
constexpr int kTooLarge = 431;

const char* reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 422:
      return "Unprocessable Content";
    case kTooLarge:
      return "Request Header Fields Too Large";
    default:
      return "Bad Request";
  }
}

std::string text_of(const HttpAnswer& answer, bool is_head) {
  return "HTTP/1.1 " + std::to_string(answer.status) + " " + reason_of(answer.status) +
         "\r\nContent-Type: " + answer.type +
         "\r\nContent-Length: " + std::to_string(answer.body.size()) +
         "\r\nConnection: close\r\n\r\n" + (is_head ? "" : answer.body);
}

HttpAnswer refused(int status) {
  return {status, "text/plain; charset=utf-8", std::string(reason_of(status)) + "\n"};
}

// `METHOD PATH HTTP/1.x`. False: it is no such line.
bool parse_request_line(const std::string& line, AskedRequest& out) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string::npos || first == 0 || last == first) return false;
  out = {line.substr(0, first), line.substr(first + 1, last - first - 1)};
  return line.compare(last + 1, 7, "HTTP/1.") == 0 && out.path.starts_with('/') &&
         out.path.find(' ') == std::string::npos;
}

std::pair<std::string, std::string> host_and_port(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, std::min(colon, address.size()));
  const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
  const bool digits = !port.empty() && port.size() <= 5 &&
                      port.find_first_not_of("0123456789") == std::string::npos;
  if (host.empty() || !digits || (!is_bracketed && host.find(':') != std::string::npos))
    throw Error(ErrorKind::usage, shown(address) + ": ADDRESS:PORT expected, as in 127.0.0.1:9750");
  return {host, port};
}

using AddressList = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

AddressList resolved(const std::string& address) {
  const auto [host, port] = host_and_port(address);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0)
    throw Error(ErrorKind::usage, shown(address) + ": no address of IPv4 or IPv6",
                "127.0.0.1:PORT is for this machine, 0.0.0.0:PORT for all");
  return {found, ::freeaddrinfo};
}

}  // namespace

HttpListener::HttpListener(Descriptor file, std::string path)
    : file_(std::move(file)), path_(std::move(path)) {}

HttpListener::~HttpListener() {
  if (file_ && !path_.empty()) ::unlink(path_.c_str());
}

HttpListener HttpListener::on_socket(const std::string& folder, const std::string& name) {
  const std::string path = folder + "/" + name;
  // The name of a socket has 107 bytes; that of the folder may have more.
  const Descriptor held(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!held) throw tape::errno_error(shown(folder), errno);
  const std::string near = "/proc/self/fd/" + std::to_string(held.get()) + "/" + name;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (near.size() >= sizeof address.sun_path)
    throw Error(ErrorKind::usage, shown(path) + ": too long for a socket");
  near.copy(static_cast<char*>(address.sun_path), near.size());
  Descriptor file(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!file) throw tape::errno_error(shown(path), errno);
  ::unlink(path.c_str());
  // Before anybody can connect: listen comes behind.
  if (::bind(file.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof address) !=
          0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(file.get(), kBacklog) != 0)
    throw tape::errno_error(shown(path), errno);
  return {std::move(file), path};
}

HttpListener HttpListener::on_address(const std::string& address) {
  const AddressList list = resolved(address);
  Descriptor file(::socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!file) throw tape::errno_error(shown(address), errno);
  const int on = 1;
  ::setsockopt(file.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(file.get(), list->ai_addr, list->ai_addrlen) != 0 ||
      ::listen(file.get(), kBacklog) != 0)
    throw tape::errno_error(shown(address), errno);
  return {std::move(file), ""};
}

void HttpListener::check_address(const std::string& address) {
  static_cast<void>(resolved(address));
}

void HttpListener::add_to(std::vector<pollfd>& waited_for) const {
  waited_for.push_back({file_.get(), POLLIN, 0});
  for (const Connection& connection : connections_) {
    const bool writes = connection.is_answered;
    waited_for.push_back({connection.file.get(), static_cast<short>(writes ? POLLOUT : POLLIN), 0});
  }
}

void HttpListener::take() {
  for (;;) {
    Descriptor file(::accept4(file_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!file) return;
    if (connections_.size() == kConnectionsMax) connections_.pop_front();
    connections_.push_back({std::move(file), "", "", false});
  }
}

// False: it is over.
bool HttpListener::advance(Connection& connection,
                           const std::function<HttpAnswer(const AskedRequest&)>& answer) {
  while (!connection.is_answered) {
    std::array<char, kHeadMax> buffer{};
    const ssize_t n = ::recv(connection.file.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n <= 0) return false;
    connection.read.append(buffer.data(), static_cast<std::size_t>(n));
    const bool is_whole = connection.read.find("\r\n\r\n") != std::string::npos;
    if (!is_whole && connection.read.size() <= kHeadMax) continue;
    AskedRequest request;
    const bool is_good =
        parse_request_line(connection.read.substr(0, connection.read.find("\r\n")), request);
    const HttpAnswer said = !is_whole  ? refused(kTooLarge)
                            : !is_good ? refused(kBadRequest)
                                       : answer(request);
    connection.to_write = text_of(said, request.method == "HEAD");
    connection.is_answered = true;
  }
  while (!connection.to_write.empty()) {
    const ssize_t n = ::send(connection.file.get(), connection.to_write.data(),
                             connection.to_write.size(), MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n <= 0) return false;
    connection.to_write.erase(0, static_cast<std::size_t>(n));
  }
  return false;
}

void HttpListener::serve(const std::function<HttpAnswer(const AskedRequest&)>& answer) {
  take();
  for (auto at = connections_.begin(); at != connections_.end();)
    at = advance(*at, answer) ? at + 1 : connections_.erase(at);
}

}  // namespace agent
