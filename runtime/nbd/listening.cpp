#include "runtime/nbd/listening.hpp"
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace forerun::nbd {

namespace {

constexpr int backlog = 128;
constexpr mode_t socket_mode = 0600;

errc from_errno() {
  switch (errno) {
  case EADDRINUSE:
    return errc::busy;
  case EACCES:
  case EPERM:
    return errc::permission_denied;
  case ENOENT:
  case ENOTDIR:
    return errc::not_found;
  default:
    return errc::io_failed;
  }
}

result<sockaddr_un> unix_name(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path)
    return errc::invalid_argument;
  std::memcpy(name.sun_path, path.data(), path.size());
  return name;
}

/// A socket file whose server has died refuses connections; only such a one is removed.
void remove_if_dead(const sockaddr_un& name) {
  struct stat about {};
  if (::lstat(name.sun_path, &about) != 0 || !S_ISSOCK(about.st_mode))
    return;
  const descriptor probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 &&
      errno == ECONNREFUSED)
    ::unlink(name.sun_path);
}

result<descriptor> listen_unix(const std::string& path) {
  const auto name = unix_name(path);
  if (!name)
    return name.error();
  remove_if_dead(name.value());
  descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  // The mode of an unbound socket becomes that of its file, so that there is no moment of open doors.
  if (!socket || ::fchmod(socket.get(), socket_mode) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name.value()), sizeof(sockaddr_un)) != 0 ||
      ::listen(socket.get(), backlog) != 0)
    return from_errno();
  return socket;
}

bool is_loopback(const sockaddr& where) {
  if (where.sa_family == AF_INET)
    return (ntohl(reinterpret_cast<const sockaddr_in&>(where).sin_addr.s_addr) >> 24) == 127;
  return where.sa_family == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(where).sin6_addr);
}

result<descriptor> listen_tcp(const address& where, bool beyond_loopback) {
  addrinfo wish{};
  wish.ai_socktype = SOCK_STREAM;
  wish.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &wish, &found) != 0)
    return errc::not_found;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned{found, ::freeaddrinfo};
  if (!beyond_loopback && !is_loopback(*found->ai_addr))
    return errc::permission_denied;
  descriptor socket{::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const int on = 1;
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(socket.get(), backlog) != 0)
    return from_errno();
  return socket;
}

} // namespace

result<descriptor> listen_on(const address& where, bool beyond_loopback) {
  return where.kind == address::family::unix_socket ? listen_unix(where.path)
                                                    : listen_tcp(where, beyond_loopback);
}

address bound_address(const descriptor& socket, const address& asked) {
  auto out = asked;
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (asked.kind == address::family::tcp &&
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &length) == 0)
    out.port = ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(name).sin6_port
                                                : reinterpret_cast<const sockaddr_in&>(name).sin_port);
  return out;
}

} // namespace forerun::nbd
