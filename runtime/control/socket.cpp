#include "runtime/control/socket.hpp"
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace forerun::control {
namespace {

constexpr int backlog = 64;

failure system_failure(std::string what, int error) {
  auto code = errc::io_failed;
  std::string remedy;
  if (error == EACCES || error == EPERM) {
    code = errc::permission_denied;
    remedy = "run it as the user who owns the place, or name another";
  } else if (error == EADDRINUSE) {
    code = errc::busy;
    remedy = "stop what listens there, or name another address";
  }
  return {code, fmt::format("{}: {}", what, std::generic_category().message(error)), std::move(remedy)};
}

answer<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path.empty() || path.size() > unix_path_bytes_max)
    return failure{errc::invalid_argument,
                   fmt::format("\"{}\" has {} bytes, and a unix socket's path 1 to {}", path, path.size(),
                               unix_path_bytes_max),
                   "name a shorter path"};
  std::memcpy(to.sun_path, path.data(), path.size());
  return to;
}

const sockaddr* general(const sockaddr_un& from) {
  return reinterpret_cast<const sockaddr*>(&from);
}

} // namespace

unique_fd::~unique_fd() {
  if (fd_ >= 0)
    ::close(fd_);
}

answer<listener> listen_unix(const std::string& path) {
  const auto where = unix_address(path);
  if (const auto* why = std::get_if<1>(&where))
    return *why;
  const auto& name = std::get<0>(where);
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode))
      return failure{errc::exists, fmt::format("{} is there and is no socket", path),
                     "remove it, or name another path"};
    const unique_fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto refused = ::connect(probe.get(), general(name), sizeof name) != 0 && errno == ECONNREFUSED;
    if (!refused)
      return failure{errc::busy, fmt::format("somebody listens at {}", path),
                     "stop the other node, or name another path"};
    ::unlink(path.c_str());
  }
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // The mode of the socket becomes the file's when it is bound: at no time may others connect.
  if (fd.get() < 0 || ::fchmod(fd.get(), 0600) != 0 || ::bind(fd.get(), general(name), sizeof name) != 0 ||
      ::listen(fd.get(), backlog) != 0)
    return system_failure("cannot listen at " + path, errno);
  return listener{std::move(fd), 0};
}

answer<listener> listen_tcp(const address& where) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  if (const auto failed = ::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &raw);
      failed != 0)
    return failure{errc::not_found, fmt::format("no address for {}: {}", where.host, ::gai_strerror(failed)),
                   "name a host of this machine, such as 127.0.0.1"};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> found(raw, &::freeaddrinfo);
  unique_fd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (fd.get() < 0 || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd.get(), backlog) != 0)
    return system_failure("cannot listen at " + where.text(), errno);
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &length) != 0)
    return system_failure("cannot listen at " + where.text(), errno);
  const auto port = bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                                : reinterpret_cast<const sockaddr_in&>(bound).sin_port;
  return listener{std::move(fd), ntohs(port)};
}

answer<unique_fd> connect_unix(const std::string& path) {
  const auto where = unix_address(path);
  if (const auto* why = std::get_if<1>(&where))
    return *why;
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() >= 0 && ::connect(fd.get(), general(std::get<0>(where)), sizeof(sockaddr_un)) == 0)
    return fd;
  const auto error = errno;
  if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR)
    return failure{errc::unavailable, fmt::format("no node answers at {}", path),
                   "start one with forerun-node, or name its socket with --socket"};
  if (error == EAGAIN)
    return failure{errc::unavailable, fmt::format("the node at {} takes no more connections", path),
                   "try again later; if it stays so, the node is stuck"};
  return system_failure("cannot connect to " + path, error);
}

} // namespace forerun::control
