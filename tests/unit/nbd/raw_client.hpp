#pragma once
#include "runtime/nbd/descriptor.hpp"
#include "tests/unit/nbd/wire.hpp"
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace forerun::nbd::wire {

/// A client that sends what it likes. Waits at most ten seconds for anything.
class raw_client {
public:
  explicit raw_client(const std::string& path) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    std::strncpy(where.sun_path, path.c_str(), sizeof where.sun_path - 1);
    socket_ = descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
      throw std::runtime_error{"cannot connect to " + path};
  }

  /// Says hello and chooses an export without structured replies.
  void attach(std::string_view name) {
    get(18);
    put(hello() + option_of(option::export_name, text(name)));
    get(10);
  }

  void put(const bytes& data) {
    for (std::size_t sent = 0; sent < data.size();) {
      const auto count = ::send(socket_.get(), data.data() + sent, data.size() - sent, MSG_NOSIGNAL);
      if (count <= 0)
        throw std::runtime_error{"the server has gone"};
      sent += static_cast<std::size_t>(count);
    }
  }
  bytes get(std::size_t count) {
    bytes out(count);
    for (std::size_t got = 0; got < count;) {
      const auto more = receive({out.data() + got, count - got});
      if (more == 0)
        throw std::runtime_error{"the server has gone"};
      got += more;
    }
    return out;
  }
  /// The server closes, maybe after some last words.
  bool ends() {
    std::array<std::byte, 4096> rest;
    while (receive(rest) > 0) {
    }
    return true;
  }
  void finish_sending() { ::shutdown(socket_.get(), SHUT_WR); }
  void close() { socket_.close(); }

private:
  std::size_t receive(std::span<std::byte> into) {
    pollfd watched{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, 10000) != 1)
      throw std::runtime_error{"the server says nothing"};
    const auto count = ::recv(socket_.get(), into.data(), into.size(), 0);
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  descriptor socket_;
};

} // namespace forerun::nbd::wire
