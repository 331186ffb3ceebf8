#include "schedule/http_listener.h"

#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/catch.h"
#include "support/expect.h"
#include "support/temporary_folder.h"

using agent::AskedRequest;
using agent::HttpAnswer;
using agent::HttpListener;
using test::TemporaryFolder;

namespace {

int connected(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(static_cast<char*>(address.sun_path), path.size());
  const int file = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::connect(file, static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof address) ==
          0);
  return file;
}

void send_text(int file, const std::string& text) {
  REQUIRE(::send(file, text.data(), text.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(text.size()));
}

// Until the other side closes.
std::string received(int file) {
  std::string out;
  char buffer[4096];
  for (ssize_t n = ::recv(file, buffer, sizeof buffer, 0); n > 0;
       n = ::recv(file, buffer, sizeof buffer, 0))
    out.append(buffer, static_cast<std::size_t>(n));
  ::close(file);
  return out;
}

HttpAnswer echo(const AskedRequest& request) {
  return {200, "text/plain", request.method + " " + request.path};
}

}  // namespace

TEST_CASE("http_listener: answers a request that comes in pieces") {
  const TemporaryFolder folder;
  HttpListener listener = HttpListener::on_socket(folder.path(), "s");
  const int file = connected(folder / "s");
  for (const char* piece : {"GET /a", "/b?c HTTP/1.1\r\nHo", "st: x\r\n\r"}) {
    send_text(file, piece);
    listener.serve(echo);
  }
  send_text(file, "\n");
  listener.serve(echo);
  CHECK(received(file) ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\nConnection: "
        "close\r\n\r\nGET /a/b?c");
}

TEST_CASE("http_listener: HEAD has the length and no body") {
  const TemporaryFolder folder;
  HttpListener listener = HttpListener::on_socket(folder.path(), "s");
  const int file = connected(folder / "s");
  send_text(file, "HEAD / HTTP/1.0\r\n\r\n");
  listener.serve(echo);
  const std::string said = received(file);
  CHECK(said.find("Content-Length: 6\r\n") != std::string::npos);
  CHECK(said.ends_with("\r\n\r\n"));
}

TEST_CASE("http_listener: what is no request, or too long, is refused and ends its connection") {
  const TemporaryFolder folder;
  HttpListener listener = HttpListener::on_socket(folder.path(), "s");
  bool was_asked = false;
  const auto answer = [&](const AskedRequest& request) {
    was_asked = true;
    return echo(request);
  };
  for (const char* text : {"\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET x HTTP/1.1\r\n\r\n",
                           "GET / HTTP/2\r\n\r\n", " / HTTP/1.1\r\n\r\n"}) {
    const int file = connected(folder / "s");
    send_text(file, text);
    listener.serve(answer);
    CHECK(received(file).starts_with("HTTP/1.1 400 "));
  }
  const int file = connected(folder / "s");
  send_text(file, "GET / HTTP/1.1\r\nX: " + std::string(9000, 'x'));
  listener.serve(answer);
  CHECK(received(file).starts_with("HTTP/1.1 431 "));
  CHECK_FALSE(was_asked);
}

TEST_CASE("http_listener: one that says nothing keeps nobody from being heard") {
  const TemporaryFolder folder;
  HttpListener listener = HttpListener::on_socket(folder.path(), "s");
  std::vector<int> silent;
  for (int i = 0; i < 40; ++i) {
    silent.push_back(connected(folder / "s"));
    listener.serve(echo);
  }
  const int file = connected(folder / "s");
  send_text(file, "GET / HTTP/1.1\r\n\r\n");
  listener.serve(echo);
  CHECK(received(file).ends_with("GET /"));
  std::vector<pollfd> waited_for;
  listener.add_to(waited_for);
  CHECK(waited_for.size() <= 17);
  for (const int one : silent)
    ::close(one);
}

TEST_CASE("http_listener: an answer that is larger than the socket's buffer comes whole") {
  const TemporaryFolder folder;
  HttpListener listener = HttpListener::on_socket(folder.path(), "s");
  const std::string large(8'000'000, 'a');
  const int file = connected(folder / "s");
  send_text(file, "GET / HTTP/1.1\r\n\r\n");
  std::string said;
  std::jthread reader([&] { said = received(file); });
  const auto answer = [&](const AskedRequest&) { return HttpAnswer{200, "text/plain", large}; };
  for (std::size_t open = 2; open > 1;) {
    listener.serve(answer);
    std::vector<pollfd> waited_for;
    listener.add_to(waited_for);
    open = waited_for.size();
    if (open > 1) ::poll(waited_for.data(), waited_for.size(), 1000);
  }
  reader.join();
  CHECK(said.ends_with("\r\n\r\n" + large));
}

TEST_CASE("http_listener: the socket is this user's alone, takes the old one's place, and goes") {
  const TemporaryFolder folder;
  test::make_folder(folder / std::string(150, 'x'));
  const std::string deep = folder / std::string(150, 'x');
  test::write_file(deep + "/s", "left by a crash");
  {
    const HttpListener listener = HttpListener::on_socket(deep, "s");
    struct stat info {};
    REQUIRE(::stat((deep + "/s").c_str(), &info) == 0);
    CHECK(S_ISSOCK(info.st_mode));
    CHECK((info.st_mode & 07777) == 0600);
  }
  CHECK(::access((deep + "/s").c_str(), F_OK) != 0);
}

TEST_CASE("http_listener: an address is one of this machine, with a port") {
  for (const char* bad : {"", "9750", ":9750", "localhost", "localhost:9750",
                          "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:123456", "::1:9750", "[]:1"})
    CHECK(tape::failed([&] { HttpListener::check_address(bad); }).kind() == tape::ErrorKind::usage);
  const HttpListener listener = HttpListener::on_address("127.0.0.1:0");
  // Somebody else's address.
  CHECK(tape::failure_of([] { HttpListener::on_address("192.0.2.1:9750"); }));
}
