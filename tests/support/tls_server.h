// An HTTPS server for tests, on a port of its own of 127.0.0.1, with a certificate that it signed
// itself. It answers every request, which must not have a body, with "over TLS".
//
// Threads: one, which serves one connection at a time.
#pragma once
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace test {

class TlsServer {
 public:
  // `names`: whom the certificate is for: "IP:127.0.0.1" or "DNS:…". It is good from now on for so
  // many seconds; less than 0: it was good once.
  explicit TlsServer(const std::string& names, long good_for_seconds = 3600) {
    make_certificate(names, good_for_seconds);
    context_.reset(::SSL_CTX_new(::TLS_server_method()));
    must(context_ != nullptr, "a context of TLS");
    must(::SSL_CTX_use_certificate(context_.get(), certificate_.get()) == 1, "its certificate");
    must(::SSL_CTX_use_PrivateKey(context_.get(), key_.get()) == 1, "its key");
    listen();
    stop_ = tape::UniqueFd(::eventfd(0, EFD_CLOEXEC));
    must(stop_.get() >= 0, "eventfd");
    server_ = std::jthread([this] { serve(); });
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  ~TlsServer() {
    const std::uint64_t one = 1;
    if (::write(stop_.get(), &one, sizeof one) != sizeof one) std::abort();
    server_.join();
  }

  std::string url(const std::string& target, const std::string& scheme = "https") const {
    return scheme + "://127.0.0.1:" + std::to_string(port_) + target;
  }
  // Who signed its certificate.
  std::string authority_pem() const {
    const std::unique_ptr<BIO, Free> out(::BIO_new(::BIO_s_mem()));
    must(out != nullptr && ::PEM_write_bio_X509(out.get(), certificate_.get()) == 1, "PEM");
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }

 private:
  struct Free {
    void operator()(BIO* it) const { ::BIO_free(it); }
    void operator()(EVP_PKEY* it) const { ::EVP_PKEY_free(it); }
    void operator()(SSL* it) const { ::SSL_free(it); }
    void operator()(SSL_CTX* it) const { ::SSL_CTX_free(it); }
    void operator()(X509* it) const { ::X509_free(it); }
    void operator()(X509_EXTENSION* it) const { ::X509_EXTENSION_free(it); }
  };

  static void must(bool done, const char* what) {
    if (!done) throw std::runtime_error(std::string("no TLS server for the test: ") + what);
  }

  void make_certificate(const std::string& names, long good_for_seconds) {
    constexpr long kDay = 86'400;
    key_.reset(::EVP_EC_gen("P-256"));
    certificate_.reset(::X509_new());
    must(key_ != nullptr && certificate_ != nullptr, "a key");
    X509* const it = certificate_.get();
    ::X509_set_version(it, X509_VERSION_3);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(it), 1);
    ::X509_gmtime_adj(::X509_getm_notBefore(it), -kDay);
    ::X509_gmtime_adj(::X509_getm_notAfter(it), good_for_seconds);
    ::X509_set_pubkey(it, key_.get());
    X509_NAME* const name = ::X509_get_subject_name(it);
    const auto* const text = reinterpret_cast<const unsigned char*>("ragtape test");
    ::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
    ::X509_set_issuer_name(it, name);
    add_extension(NID_subject_alt_name, names);
    add_extension(NID_basic_constraints, "critical,CA:TRUE");
    must(::X509_sign(it, key_.get(), ::EVP_sha256()) != 0, "a signature");
  }

  void add_extension(int id, const std::string& value) {
    const std::unique_ptr<X509_EXTENSION, Free> extension(
        ::X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str()));
    must(extension != nullptr && ::X509_add_ext(certificate_.get(), extension.get(), -1) == 1,
         "an extension");
  }

  void listen() {
    listener_ = tape::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    must(listener_.get() >= 0, "socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    must(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
    must(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0, "name");
    must(::listen(listener_.get(), SOMAXCONN) == 0, "listen");
    port_ = ntohs(address.sin_port);
  }

  void serve() {
    // OpenSSL writes to clients that are gone.
    sigset_t pipes;
    ::sigemptyset(&pipes);
    ::sigaddset(&pipes, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipes, nullptr);
    for (;;) {
      pollfd fds[2] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
      if (::poll(fds, 2, -1) < 0 || fds[1].revents != 0) return;
      const tape::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (fd.get() >= 0) answer(fd.get());
    }
  }

  void answer(int fd) const {
    constexpr std::string_view kReply =
        "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nover TLS";
    // A client that says nothing holds nobody up for long.
    const timeval patience{5, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const std::unique_ptr<SSL, Free> session(::SSL_new(context_.get()));
    if (!session || ::SSL_set_fd(session.get(), fd) != 1 || ::SSL_accept(session.get()) != 1)
      return;
    std::string head;
    char piece[4096];
    while (head.find("\r\n\r\n") == std::string::npos) {
      const int n = ::SSL_read(session.get(), piece, sizeof piece);
      if (n <= 0) return;
      head.append(piece, static_cast<std::size_t>(n));
    }
    ::SSL_write(session.get(), kReply.data(), static_cast<int>(kReply.size()));
    ::SSL_shutdown(session.get());
  }

  std::unique_ptr<EVP_PKEY, Free> key_;
  std::unique_ptr<X509, Free> certificate_;
  std::unique_ptr<SSL_CTX, Free> context_;
  tape::UniqueFd listener_;
  tape::UniqueFd stop_;  // readable when the server ends
  int port_ = 0;
  std::jthread server_;  // last: it uses everything above
};

}  // namespace test
