// A connection to a server on loopback that says exactly what a test wants, right or wrong. One
// thread.
#ifndef INGOT_TESTS_SERVER_RAW_SOCKET_H_
#define INGOT_TESTS_SERVER_RAW_SOCKET_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/fd.h"

namespace ingot::testing {

class RawSocket {
 public:
  explicit RawSocket(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect");
    }
  }

  // False when the other side has gone.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  // Everything until the other side ends the connection, or that text has come, or nothing comes
  // for a long while.
  std::string ReadUntil(std::string_view text = "") {
    while (text.empty() || read_.find(text) == std::string::npos) {
      pollfd asked = {fd_.get(), POLLIN, 0};
      if (poll(&asked, 1, 20'000) <= 0) break;
      char piece[8192];
      const ssize_t got = recv(fd_.get(), piece, sizeof piece, 0);
      if (got <= 0) {
        closed_ = true;
        break;
      }
      read_.append(piece, static_cast<size_t>(got));
    }
    return read_;
  }
  void Forget() { read_.clear(); }
  bool closed() const { return closed_; }
  void Close() { fd_.Reset(); }
  // Reads go on.
  void EndSending() { shutdown(fd_.get(), SHUT_WR); }
  int descriptor() const { return fd_.get(); }

 private:
  core::Fd fd_;
  std::string read_;
  bool closed_ = false;
};

}  // namespace ingot::testing

#endif  // INGOT_TESTS_SERVER_RAW_SOCKET_H_
