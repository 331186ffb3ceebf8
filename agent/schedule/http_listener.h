// HttpListener: answers small HTTP requests in the loop of its caller, which waits for its
// descriptors besides its own. No threads: the daemon forks.
//
// Limits:  a request's line and headers 8 KiB, its body is not read; 16 connections, of more the
// oldest goes; a connection for each request. Threads: one caller. Spec: RFC 9112, of it GET, HEAD
// and POST without a body.
#pragma once
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <poll.h>

#include "net/descriptor.h"

namespace agent {

struct AskedRequest {
  std::string method;
  std::string path;  // as it was sent
};

struct HttpAnswer {
  int status = 200;
  std::string type;
  std::string body;
};

class HttpListener {
 public:
  // A Unix socket, of this user alone, in the place of one that is there; `folder` is there and
  // nobody else listens in it. Fails: the system's kinds.
  static HttpListener on_socket(const std::string& folder, const std::string& name);
  // ADDRESS:PORT or [ADDRESS]:PORT. Fails: Error{usage} when that is none; the system's kinds.
  static HttpListener on_address(const std::string& address);
  // The first of these failures alone.
  static void check_address(const std::string& address);

  HttpListener(HttpListener&& other) = default;
  HttpListener& operator=(HttpListener&&) = delete;
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;
  ~HttpListener();

  void add_to(std::vector<pollfd>& waited_for) const;

  // Takes and answers what is there; never waits.
  void serve(const std::function<HttpAnswer(const AskedRequest&)>& answer);

 private:
  struct Connection {
    Descriptor file;
    std::string read;
    std::string to_write;
    bool is_answered = false;
  };

  HttpListener(Descriptor file, std::string path);
  void take();
  static bool advance(Connection& connection,
                      const std::function<HttpAnswer(const AskedRequest&)>& answer);

  Descriptor file_;
  std::string path_;  // of a Unix socket: it goes with the listener
  std::deque<Connection> connections_;
};

}  // namespace agent
