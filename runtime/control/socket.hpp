#pragma once
#include "runtime/base/address.hpp"
#include "runtime/control/api.hpp"
#include <utility>

/// Inside runtime/control only: sockets of the operating system, without KJ, so that a bad address is told to
/// whoever starts the server and not to a thread.
namespace forerun::control {

class unique_fd {
public:
  explicit unique_fd(int fd = -1) : fd_(fd) {}
  unique_fd(unique_fd&& from) noexcept : fd_(std::exchange(from.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& from) noexcept {
    std::swap(fd_, from.fd_);
    return *this;
  }
  ~unique_fd();
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

private:
  int fd_;
};

struct listener {
  unique_fd fd;
  std::uint16_t port = 0; ///< Of tcp: the one that was chosen if 0 was asked for.
};

/// A listening socket of file mode 0600. A file left by a node that died is replaced. Errors: `busy`
/// (somebody answers there), `exists` (the path is something else), `io_failed`, `permission_denied`.
answer<listener> listen_unix(const std::string& path);

/// Errors: `busy`, `permission_denied`, `io_failed`, `not_found` (the host).
answer<listener> listen_tcp(const address& where);

/// Errors: `unavailable` (nobody answers), `permission_denied`, `io_failed`.
answer<unique_fd> connect_unix(const std::string& path);

} // namespace forerun::control
