// An HTTP/1.1 server for tests, on a port of its own of 127.0.0.1: it keeps the requests and
// answers as it is told, wrongly too. Who does not speak HTTP gets a 400, and is not kept.
//
// Limits:  no TLS, no chunked requests; bodies are kept in memory.
// Threads: one that accepts, one for each connection. Answers are asked for one at a time, in these
//          threads: they must not throw or assert.
#pragma once
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace test {

struct Request {
  std::string method;
  std::string target;  // as it came: path and query; of a proxy, the URL
  std::vector<std::pair<std::string, std::string>> headers;  // as they came, in order
  std::string body;
  std::size_t connection = 0;  // index, in the order they were made

  std::string path() const { return target.substr(0, target.find('?')); }
  // Without the `?`.
  std::string query() const {
    const std::size_t at = target.find('?');
    return at == std::string::npos ? "" : target.substr(at + 1);
  }
  bool has(std::string_view name) const { return find(name) != nullptr; }
  // The first one of that name, without regard to case; empty when there is none.
  std::string header(std::string_view name) const {
    const std::string* const found = find(name);
    return found == nullptr ? "" : *found;
  }

 private:
  const std::string* find(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key.size() == name.size() && ::strncasecmp(key.data(), name.data(), name.size()) == 0)
        return &value;
    }
    return nullptr;
  }
};

struct Reply {
  enum class Framing { length, chunked, until_close };
  // What comes after it. stall: nothing, until the server ends. reset: what was sent may be lost.
  enum class End { keep, close, reset, stall };

  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};  // of HEAD only its length is sent
  // Said instead of the body's own: with more, and a close, reset or stall, the body is cut.
  std::optional<std::uint64_t> content_length = {};
  Framing framing = Framing::length;
  std::chrono::milliseconds delay{0};  // in front of it
  End end = End::keep;
  std::optional<std::string> raw = {};  // sent instead of all of the above; even nothing
};

class HttpServer {
 public:
  using Answer = std::function<Reply(const Request&)>;
  // Asked when the head of a request is there. What it gives is sent at once, the body of the
  // request is not read, and the connection not kept.
  using EarlyAnswer = std::function<std::optional<Reply>(const Request&)>;

  explicit HttpServer(Answer answer, EarlyAnswer early = {})
      : answer_(std::move(answer)), early_(std::move(early)), listener_(listening()) {
    stop_ = tape::UniqueFd(::eventfd(0, EFD_CLOEXEC));
    must(stop_.get() >= 0, "eventfd");
    acceptor_ = std::jthread([this] { accept_all(); });
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer() { stop(); }

  // From now on connections are refused. What is under way is cut off.
  void stop() {
    if (!acceptor_.joinable()) return;
    const std::uint64_t one = 1;
    if (::write(stop_.get(), &one, sizeof one) != sizeof one) std::abort();
    acceptor_.join();
    connections_.clear();
    listener_.reset();
  }

  int port() const { return port_; }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string url(const std::string& target = "") const { return "http://" + host() + target; }

  // Whole ones, and those with an early answer.
  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::size_t request_count() const {
    const std::lock_guard lock(mutex_);
    return requests_.size();
  }
  void forget_requests() {
    const std::lock_guard lock(mutex_);
    requests_.clear();
  }

 private:
  static void must(bool done, const char* what) {
    if (!done) throw std::runtime_error(std::string("no server for the test: ") + what);
  }

  tape::UniqueFd listening() {
    tape::UniqueFd out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    must(out.get() >= 0, "socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    must(::bind(out.get(), reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
    must(::getsockname(out.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0, "its name");
    must(::listen(out.get(), SOMAXCONN) == 0, "listen");
    port_ = ntohs(address.sin_port);
    return out;
  }

  // False: the server ends.
  bool wait_for(int fd, short events, int timeout_ms = -1) const {
    pollfd fds[2] = {{fd, events, 0}, {stop_.get(), POLLIN, 0}};
    return ::poll(fds, 2, timeout_ms) >= 0 && fds[1].revents == 0;
  }

  void accept_all() {
    while (wait_for(listener_.get(), POLLIN)) {
      tape::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (fd.get() < 0) continue;
      const std::size_t index = connections_.size();
      connections_.emplace_back(
          [this, index, held = std::move(fd)]() mutable { Connection(*this, held, index).run(); });
    }
  }

  class Connection {
   public:
    Connection(HttpServer& server, tape::UniqueFd& fd, std::size_t index)
        : server_(server), fd_(fd), index_(index) {}

    void run() {
      while (one()) {
      }
      fd_.reset();
    }

   private:
    // One request and its answer. False: the connection is done.
    bool one() {
      std::optional<Request> request = read_head();
      if (!request) return false;
      request->connection = index_;
      if (std::optional<Reply> reply = server_.early_answer(*request)) {
        if (reply->end == Reply::End::keep) reply->end = Reply::End::close;
        return send_reply(*request, *reply);
      }
      if (request->header("Expect") == "100-continue" && !send_all("HTTP/1.1 100 Continue\r\n\r\n"))
        return false;
      const std::size_t size =
          std::strtoull(request->header("Content-Length").c_str(), nullptr, 10);
      while (held_.size() < size) {
        if (!read_more()) return false;
      }
      request->body = held_.substr(0, size);
      held_.erase(0, size);
      return send_reply(*request, server_.answer_to(*request));
    }

    // False: the other end is closed or gone, or the server ends.
    bool read_more() {
      char piece[65536];
      if (!server_.wait_for(fd_.get(), POLLIN)) return false;
      const ssize_t n = ::recv(fd_.get(), piece, sizeof piece, 0);
      if (n > 0) held_.append(piece, static_cast<std::size_t>(n));
      return n > 0;
    }

    bool send_all(std::string_view bytes) {
      while (!bytes.empty()) {
        if (!server_.wait_for(fd_.get(), POLLOUT)) return false;
        const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
      }
      return true;
    }

    std::optional<Request> read_head() {
      std::size_t end = 0;
      while ((end = held_.find("\r\n\r\n")) == std::string::npos) {
        if (!read_more()) return std::nullopt;
        if (held_.front() >= 'A' && held_.front() <= 'Z') continue;
        send_all("HTTP/1.1 400 Scripted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        close_gently();
        return std::nullopt;
      }
      const std::string head = held_.substr(0, end + 2);
      held_.erase(0, end + 4);
      Request out;
      for (std::size_t at = 0; at < head.size(); at = head.find("\r\n", at) + 2) {
        const std::string line = head.substr(at, head.find("\r\n", at) - at);
        if (at == 0) {
          out.method = line.substr(0, line.find(' '));
          out.target = line.substr(out.method.size() + 1, line.rfind(' ') - out.method.size() - 1);
          continue;
        }
        const std::size_t colon = line.find(':');
        const std::size_t value = line.find_first_not_of(' ', colon + 1);
        out.headers.emplace_back(line.substr(0, colon),
                                 value == std::string::npos ? "" : line.substr(value));
      }
      return out;
    }

    static std::string text_of(const Request& request, const Reply& reply) {
      using Framing = Reply::Framing;
      if (reply.raw) return *reply.raw;
      std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " Scripted\r\n";
      for (const auto& [name, value] : reply.headers)
        out.append(name).append(": ").append(value).append("\r\n");
      const bool bodiless = reply.status == 204 || reply.status == 304;
      if (reply.framing == Framing::chunked) out += "Transfer-Encoding: chunked\r\n";
      if (reply.framing == Framing::length && !bodiless)
        out +=
            "Content-Length: " + std::to_string(reply.content_length.value_or(reply.body.size())) +
            "\r\n";
      if (reply.end != Reply::End::keep || reply.framing == Framing::until_close)
        out += "Connection: close\r\n";
      out += "\r\n";
      if (request.method == "HEAD" || bodiless) return out;
      if (reply.framing != Framing::chunked) return out + reply.body;
      char size[32];
      std::snprintf(size, sizeof size, "%zx\r\n", reply.body.size());
      return reply.body.empty() ? out + "0\r\n\r\n" : out + size + reply.body + "\r\n0\r\n\r\n";
    }

    // Whether the connection goes on.
    bool send_reply(const Request& request, const Reply& reply) {
      const auto delay_ms = static_cast<int>(reply.delay.count());
      if (delay_ms > 0 && !server_.wait_for(-1, 0, delay_ms)) return false;
      if (!send_all(text_of(request, reply))) return false;
      if (reply.end == Reply::End::stall) server_.wait_for(-1, 0);
      if (reply.end == Reply::End::reset) {
        const linger now{1, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
      }
      const bool closes =
          reply.end == Reply::End::close || reply.framing == Reply::Framing::until_close;
      if (closes) close_gently();
      return !closes && reply.end == Reply::End::keep;
    }

    // A close with bytes unread would be a reset.
    void close_gently() {
      ::shutdown(fd_.get(), SHUT_WR);
      while (read_more())
        held_.clear();
    }

    HttpServer& server_;
    tape::UniqueFd& fd_;
    const std::size_t index_;
    std::string held_;  // received, and not yet a request
  };

  std::optional<Reply> early_answer(const Request& request) {
    const std::lock_guard lock(answering_);
    std::optional<Reply> reply = early_ ? early_(request) : std::nullopt;
    if (reply) record(request);
    return reply;
  }
  Reply answer_to(const Request& request) {
    const std::lock_guard lock(answering_);
    record(request);
    return answer_(request);
  }
  void record(const Request& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }

  const Answer answer_;
  const EarlyAnswer early_;
  int port_ = 0;
  tape::UniqueFd listener_;
  tape::UniqueFd stop_;  // readable when the server ends
  std::mutex answering_;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::vector<std::jthread> connections_;  // the acceptor's, then the destructor's
  std::jthread acceptor_;                  // last: it uses everything above
};

}  // namespace test
